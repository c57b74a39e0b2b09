#pragma once
// Which frames free() may look up by their address.

#include "base/atomic.h"
#include "port/machine.h"

extern "C" {
/// Frames from this number on have no fast free; 0: none has.
extern KMEM_HIDDEN uint64_t kmem_frames_end;
/// The same for the fast frees of sealed objects (slab/hardened_path.h).
extern KMEM_HIDDEN uint64_t kmem_sealed_frames_end;
}

namespace kmem {

/// The frame table, a byte for each frame, which has memory up to the end of the highest section that ever came online.
/// Lock-free, any context.
class KnownFrames {
 public:
  /// `most`: the end of all frames that may ever come online.
  void init(const Machine& machine, uint64_t most);
  /// From now on frames below `end` can be looked up. False if the host has no memory for the table.
  bool cover(uint64_t end);
  /// Memory for the states of sealed objects in these frames, if there are states. False if the host has none.
  bool cover_states(uint64_t first, uint64_t nr) const;
  /// Frames below this can be looked up by their address.
  uint64_t end() const { return least(end_.load()); }
  /// The same by their descriptor: frames without an address included.
  uint64_t descriptors_end() const { return end_.load(); }

 private:
  uint64_t least(uint64_t end) const { return end < nr_addressed_ ? end : nr_addressed_; }

  uint64_t nr_addressed_ = 0;
  char* table_ = nullptr;
  size_t step_ = 0;
  char *states_by_64_ = nullptr, *states_by_16_ = nullptr;
  Atomic<uint64_t> ready_{0}, end_{0};
};

}  // namespace kmem
