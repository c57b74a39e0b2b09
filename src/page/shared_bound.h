#pragma once
// A bound of memory that others live under, too: the processes of one cgroup.

#include "base/atomic.h"
#include "base/attributes.h"
#include "page/gfp.h"
#include "watch/counters.h"

namespace kmem {

class PageAllocator;

/// Our zones know what we have taken.  What others have taken of the same bound is asked of the host now and then, and held
/// against the zones as if it were theirs (Zone::set_others), so that all that hangs on their marks happens in time: shrinkers
/// run and ordinary requests fail, before the host runs out of memory and kills.
///
/// Asked is by amount, not by time: when we have taken a 64th of what there was the last time, but no more than a 512th of all and
/// no less than 64 KiB, so that many who grow at once stop in time.  And where a request is short of memory, at most once a millisecond.  Only where the caller
/// may sleep; the others go by what is known.
///
/// The host sees memory when it is touched, and what everybody has taken and not yet touched adds up.  So where little is left
/// no more is taken at a time than between two looks, and it is touched at once.
class SharedBound {
 public:
  void init(PageAllocator& pages) { pages_ = &pages; }
  void set_on(bool on) { on_ = on; }
  bool on() const { return on_; }

  /// Before frames are taken off a zone.  Any context.
  void heed(Gfp gfp) {
    if (KMEM_UNLIKELY(on_)) look_if_due(gfp);
  }
  /// A request is short of memory, and its caller may sleep.  True: something may have changed.
  bool look_again() { return KMEM_UNLIKELY(on_) && look_once_a_while(); }
  /// Is so little left that it counts what has been taken and not been touched?
  bool tight() const { return KMEM_UNLIKELY(on_) && stride_.peek() < kWide; }
  /// Of `most` frames that would be taken in advance.
  unsigned batch(unsigned most) const { return tight() && stride_.peek() < most ? static_cast<unsigned>(stride_.peek()) : most; }
  /// Frames that were taken where it is tight become the host's affair now, unless they are a large block: who asks for one may
  /// well leave it empty.
  void make_seen(char* start, uint64_t nr);
  uint64_t nr_looks() const { return looks_.value(); }
  void after_fork() { looking_.store(0); }

 private:
  static constexpr uint64_t kWide = 64;  // frames: a stride from which on what is taken in advance does not count

  KMEM_COLD void look_if_due(Gfp gfp);
  KMEM_COLD bool look_once_a_while();
  void look();

  PageAllocator* pages_ = nullptr;
  bool on_ = false;
  Atomic<uint32_t> looking_{0};
  Atomic<uint64_t> mark_{0};     // frames: at this use of ours the next look is due
  Atomic<uint64_t> allowed_{0};  // what it was when the last look set it
  Atomic<uint64_t> stride_{kWide};  // frames between two looks
  Atomic<uint64_t> next_ns_{0};  // not before, where memory is short or was given back
  Counter looks_;
};

}  // namespace kmem
