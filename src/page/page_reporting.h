#pragma once
// Giving the memory of free frames back to the host: the kernel's free page reporting.

#include "page/counted_frames.h"
#include "page/keep_limit.h"
#include "page/page.h"

namespace kmem {

/// For one zone. Gives back dirty frames beyond limit(), highest addresses first, whole blocks before parts. Lock-free, any
/// context: one caller at a time does the work, the others leave it to that one.
///
/// A host may refuse: memory that the program has locked (mlockall()), or a bare machine, which has no host.  Frees then ask
/// again only when the number of dirty frames has changed a lot.
class PageReporting {
 public:
  struct Setup {
    CountedFrames* frames = nullptr;
    char* direct_map = nullptr;
    Page* descriptors = nullptr;  // of pfn 0
    bool addressed = true;        // the frames have addresses
  };
  void init(const Setup& setup) { setup_ = setup; }

  /// Gives dirty free frames back to the host until at most `keep` are left; returns their number.
  uint64_t give_to_host(uint64_t keep);
  /// The same if more than limit() are dirty.  For callers that have freed frames to the zone; call it without locks held.
  void return_surplus() {
    const uint64_t dirty = counts().nr_dirty();
    if (KMEM_UNLIKELY(dirty > keep::kFloor || dirty > fixed_.peek())) return_until_below_limit();
  }
  uint64_t limit() const { return keep::limit(inputs()); }
  /// From now on limit() is `fixed`, unless that is KeepInputs::kByUse, but at least `least`.
  void bound(uint64_t least, uint64_t fixed);
  void set_huge(bool on) { huge_ = on; }
  /// After each claim of nr frames for a caller, `clean` of which were clean.
  void note_claimed(uint64_t nr, uint64_t clean) { demand_.note_claimed(counts().nr_in_use(), nr, clean); }

  uint64_t nr_returned() const { return nr_returned_.peek(); }  // frames given to the host, ever
  uint64_t nr_calls() const { return nr_calls_.peek(); }        // calls of the host for that
  /// In the child of a fork: a give_to_host() of another thread of the parent does not continue.
  void after_fork() { running_.store(0); }

 private:
  friend class ZoneTestPeer;
  FrameBits& bits() const { return setup_.frames->bits(); }
  const FrameCounts& counts() const { return setup_.frames->counts(); }
  KeepInputs inputs() const;
  KMEM_COLD void return_until_below_limit();
  uint64_t return_block(uint64_t block);
  uint64_t return_parts(uint64_t block, unsigned least);
  uint64_t return_all_parts(uint64_t keep, unsigned least);
  bool discard(Pfn first, uint64_t n);

  Setup setup_;
  bool huge_ = false;
  Atomic<uint64_t> least_{0}, fixed_{KeepInputs::kByUse};
  RecentDemand demand_;
  Atomic<uint64_t> left_by_search_{0};  // dirty frames that the last search of parts could not give back: an estimate
  Atomic<uint64_t> refused_at_{0};      // dirty frames when the host last refused some; 0: it has taken what it was given
  Atomic<uint32_t> running_{0};
  bool refused_ = false;             // the host refused some in this pass; of the caller that set running_
  Atomic<uint32_t> asked_again_{0};  // another caller found running_ set
  Atomic<uint64_t> nr_returned_{0}, nr_calls_{0};
};

}  // namespace kmem
