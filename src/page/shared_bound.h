#pragma once
// A memory bound that several processes share: the limit of their cgroup.

#include "base/atomic.h"
#include "base/attributes.h"
#include "page/gfp.h"
#include "watch/counters.h"

namespace kmem {

class Zones;

/// The zones know how much this process has allocated. kmem asks the host now and then how much the others have
/// allocated, and charges it to the zones (FrameCounts::set_others). So everything that depends on watermarks happens in time:
/// shrinkers run and ordinary requests fail before the host runs out of memory and kills a process.
///
/// kmem asks again after so many bytes, not after so much time: a 64th of what was free the last time, at most a 512th
/// of the whole and at least 64 KiB, so that many processes that grow at once stop in time. If a request is short of
/// memory, it asks at most once a millisecond. Only callers that may sleep ask; the others use the last answer.
///
/// The host counts memory when it is touched, and the memory that all processes have allocated but not touched adds up.
/// So if little is left, kmem takes no more in advance than between two queries, and touches it at once.
class SharedBound {
 public:
  void init(Zones& zones) { zones_ = &zones; }
  void set_on(bool on) { on_ = on; }
  bool on() const { return on_; }

  /// Called before frames are claimed. Any context.
  void heed(Gfp gfp) {
    if (KMEM_UNLIKELY(on_)) look_if_due(gfp);
  }
  /// Queries again for a request that is short of memory and whose caller may sleep. True: the answer may have changed.
  bool look_again() { return KMEM_UNLIKELY(on_) && look_once_a_while(); }
  /// Is so little left that memory which is claimed but not touched matters?
  bool tight() const { return KMEM_UNLIKELY(on_) && stride_.peek() < kWide; }
  /// How many of `most` frames may be taken in advance.
  unsigned batch(unsigned most) const {
    return tight() && stride_.peek() < most ? static_cast<unsigned>(stride_.peek()) : most;
  }
  /// If little is left, touches frames that were just taken, so that the host counts them; except large blocks, whose
  /// callers may leave them untouched.
  void make_seen(char* start, uint64_t nr);
  uint64_t nr_looks() const { return looks_.value(); }
  void after_fork() { looking_.store(0); }

 private:
  static constexpr uint64_t kWide = 64;  // frames: from this stride on, frames taken in advance do not matter

  KMEM_COLD void look_if_due(Gfp gfp);
  KMEM_COLD bool look_once_a_while();
  void look();
  uint64_t pay_for_growth(uint64_t room);
  void leave_to_others(uint64_t there);

  Zones* zones_ = nullptr;
  bool on_ = false;
  Atomic<uint32_t> looking_{0};
  Atomic<uint64_t> mark_{0};        // frames: when this process uses so many, the next query is due
  Atomic<uint64_t> allowed_{0};     // mark_ as the last query set it
  Atomic<uint64_t> stride_{kWide};  // frames between two queries
  Atomic<uint64_t> held_{0};        // frames: used, or free and resident, at the last query
  Atomic<uint64_t> next_ns_{0};     // no query before this time, if memory is short or was given back
  Counter looks_;
};

}  // namespace kmem
