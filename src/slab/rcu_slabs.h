#pragma once
// Slabs of a cache that keeps its memory for readers (SLAB_TYPESAFE_BY_RCU), on their way back to the page allocator.

#include "base/atomic.h"
#include "sync/rcu_head.h"

namespace kmem {

class Rcu;
class SlabLayer;

/// Empty slabs are taken out of use, wait for a grace period, and are given back.  One batch at a time: slabs that become empty
/// meanwhile go with the next one. Lock-free, any context, except functions that wait.
class RcuSlabs {
 public:
  /// Starts with the slabs that are empty now; does not wait.
  void begin(SlabLayer& slabs, Rcu& rcu);
  /// The same, and waits with `wait_for_readers` until they are released. Returns their number. Task context.
  uint64_t wait(SlabLayer& slabs, void (*wait_for_readers)());
  /// From now on no batch starts. False: some slabs still wait for a grace period.
  bool stop();
  void resume() { state_.store(Idle); }
  /// The number of slabs that wait for a grace period, on a quiet system.
  uint64_t nr_waiting() const;

 private:
  enum State : uint32_t { Idle, Waiting, Stopped };

  RcuHead head_{};  // first: the callback finds this object by it
  SlabLayer* slabs_ = nullptr;
  uint32_t chain_ = 0;
  Atomic<uint32_t> state_{Idle};
};

}  // namespace kmem
