#pragma once
// The frames of a zone: their bits, and the counts that each claim updates.

#include "base/check.h"
#include "page/frame_bits.h"
#include "page/frame_counts.h"

namespace kmem {

/// Lock-free; every function may be called in any context.
///
/// Invariants on a quiet system (walked by check(), after those of FrameBits):
///   Z1  nr_free() is the number of free bits
///   Z2  nr_dirty() is the number of free frames that are not clean
class CountedFrames {
 public:
  void init(Pfn first, uint64_t nr_frames, void* metadata) {
    bits_.init(first, nr_frames, metadata);
    counts_.init(nr_frames);
  }

  // As FrameBits; these also update the counts.

  FrameSet claim_some(unsigned n, ClaimHint* hint) { return counted(hint ? bits_.claim_some(n, *hint) : bits_.claim_some(n)); }
  Maybe<Pfn> claim_run(Order order, uint64_t& clean, FrameBits::Where where) {
    const auto at = bits_.claim_run(order, clean, where);
    if (at) counts_.note_claimed(order.pages(), clean);
    return at;
  }
  Maybe<Pfn> claim_span(uint64_t n, uint64_t& clean, FrameBits::Where where) {
    const auto at = bits_.claim_span(n, clean, where);
    if (at) counts_.note_claimed(n, clean);
    return at;
  }
  bool claim_at(Pfn first, uint64_t n) {
    uint64_t clean = 0;
    if (!bits_.claim_at(first, n, clean)) return false;
    counts_.note_claimed(n, clean);
    return true;
  }
  bool claim_whole(uint64_t block, uint64_t& clean) {
    if (!bits_.claim_whole(block, clean)) return false;
    counts_.note_claimed(kBlockFrames, clean);
    return true;
  }
  FrameSet claim_dirty(uint64_t block, unsigned& word) { return counted(bits_.claim_dirty(block, word)); }
  void give_back(FrameSet set) {
    counts_.note_given(set.count(), count_bits(set.clean));
    const uint64_t twice = bits_.give_back(set);
    KMEM_ASSERT(twice, ==, uint64_t{0});
  }
  void give_back_run(Pfn first, uint64_t n, Frames are) {
    counts_.note_given(n, are == Frames::Clean ? n : 0);
    bits_.give_back_run(first, n, are);
  }
  /// Frees the frames of a section that came online, except the first `skip`, which stay claimed.
  void give_new(Pfn first, uint64_t n, uint64_t skip) {
    counts_.add_online(n, n - skip);
    bits_.give_back_run(first + skip, n - skip, Frames::Clean);
  }
  void make_dirty(uint64_t block) { counts_.add_dirty(bits_.make_dirty(block)); }

  const FrameBits& bits() const { return bits_; }
  FrameBits& bits() { return bits_; }
  const FrameCounts& counts() const { return counts_; }
  FrameCounts& counts() { return counts_; }
  Fault check() const;

 private:
  FrameSet counted(FrameSet set) {
    if (set.mask) counts_.note_claimed(set.count(), count_bits(set.clean));
    return set;
  }

  FrameBits bits_;
  FrameCounts counts_;
};

inline Fault CountedFrames::check() const {
  if (const Fault fault = bits_.check()) return fault;
  const uint64_t free = bits_.count_free(), dirty = free - bits_.count_clean();
  if (!counts_.has_free(free)) return {"Z1 nr_free is the number of free bits", bits_.first().value, free, counts_.nr_free()};
  if (!counts_.has_dirty(dirty))
    return {"Z2 nr_dirty is the number of free frames that are not clean", bits_.first().value, dirty, counts_.nr_dirty()};
  return {};
}

}  // namespace kmem
