#pragma once
// The free frames of a zone, and how to find some: one bit each, claimed and given back by atomic operations on words of 64.
//
// The idea is LLFree's (Wrenger et al., USENIX ATC 2023): no lists, no locks, nothing to merge, because the bits of
// neighbours lie side by side.  Here one atomic operation moves up to 64 frames, the 512 bits of a 2 MiB block are one
// cache line and so need no counter, and frames are claimed from blocks that are partly used already, lowest first, so
// that the other blocks stay whole.

#include "base/fault.h"
#include "page/block_summary.h"
#include "page/frame_words.h"

namespace kmem {

/// The block that a CPU takes its single frames from, as LLFree's CPUs have a tree each: CPUs with blocks of their own neither
/// write the same words nor take frames whose descriptors another CPU has just written.
struct ClaimHint {
  uint32_t block = 0;  // its number + 1; 0 for none
};

/// Lock-free; every function may be called in any context.
///
/// Invariants on a quiet system (walked by check()):
///   F1  a block with a free frame has its `some` bit
///   F2  a block has its `whole` bit only if all its frames are free
///   F3  only frames inside the zone are free
///   F4  a block with a free frame that is not clean has its `dirty` bit
class FrameBits : public FrameWords {
 public:
  /// Which blocks a claim may take from.  NotFilling: not from blocks for which the host holds memory though not all of their
  /// frames have been used.
  enum class Where : uint8_t { Anywhere, NotFilling };

  /// Bytes of zeroed metadata for so many frames; 0.27 bytes a frame.
  static size_t metadata_bytes(uint64_t nr_frames);
  /// `first` is a multiple of the largest block (2^kMaxOrder frames).  No frame is free yet.
  void init(Pfn first, uint64_t nr_frames, void* metadata);

  /// Claims up to n frames (1 to 64) of one word, from the lowest block that is partly used, else from the lowest whole one.
  /// Fewer than n if the word has no more; none if no frame is free.
  FrameSet claim_some(unsigned n);
  /// The same from the hint's block while that has frames, else from one that no hint of another CPU names, if there is one; it
  /// is the hint's from then on.
  FrameSet claim_some(unsigned n, ClaimHint& hint);
  /// Claims 2^order frames in a row, aligned.  `clean` is the number of them that read as zero.
  Maybe<Pfn> claim_run(Order order, uint64_t& clean, Where where = Where::Anywhere);
  /// Claims n frames in a row at any address, nearly the lowest possible.  n from 2 to 2^kMaxOrder.
  Maybe<Pfn> claim_span(uint64_t n, uint64_t& clean, Where where = Where::Anywhere);
  /// Claims exactly these frames, or none.
  bool claim_at(Pfn first, uint64_t n, uint64_t& clean);

  /// Gives back frames of one word.  The set's clean bits must be true.  Returns the frames that were free already (a bug of
  /// kmem); those stay free.
  uint64_t give_back(FrameSet set);
  /// Gives back n frames in a row.
  void give_back_run(Pfn first, uint64_t n, Frames are);

  // For giving memory back to the host.

  /// Claims the frames in block `block` that are free and not clean, one word's worth at a time from word `word` on
  /// (0 to 7); no frames when there are none from there on.
  FrameSet claim_dirty(uint64_t block, unsigned& word);
  /// Claims a whole block if all of it is free; `clean` as above.
  bool claim_whole(uint64_t block, uint64_t& clean);
  int64_t find_dirty(int64_t from, Blocks which) const { return summary_.find_dirty(from, which); }
  /// Clears the block's dirty bit if no frame is free and dirty.
  void forget_dirty(uint64_t block);

  // Blocks that the host backs with one huge page.

  /// Marks a block as begun; true for the first caller since forget_begun(), if all of its frames except the caller's `n` are
  /// free and clean.  The block then counts as filling until none of it is free.
  bool begin_block(uint64_t block, uint64_t n);
  void forget_begun(uint64_t block) { summary_.begun.clear(block), summary_.filling.clear(block); }
  /// Was this block begun, and are some of its frames unclaimed since then?
  bool is_filling(uint64_t block) const { return summary_.filling.test(block); }
  /// Call this when the host holds memory for all of a block: its free frames are no longer clean.  Returns their number.
  uint64_t make_dirty(uint64_t block);

  /// Free blocks as a buddy allocator would list them: the largest aligned runs, by order.  Exact on a quiet system.
  void count_by_order(uint64_t (&nr)[kMaxOrder + 1]) const;
  Fault check() const;

 private:
  friend class FrameBitsTestPeer;

  FrameSet claim_in_block(uint64_t block, unsigned n);
  int64_t find_block() const;
  void move_to(uint64_t block, ClaimHint& hint);
  Maybe<Pfn> claim_run_in_block(uint64_t block, Order order);
  Maybe<Pfn> claim_run_in_partials(Order order, uint64_t from, Where where);
  Maybe<Pfn> claim_run_in_wholes(Order order, Where where);
  Maybe<Pfn> claim_blocks(Order order, Where where);
  bool claim_words(uint64_t first_word, uint64_t n);
  uint64_t find_span(uint64_t from, uint64_t n, Where where) const;
  bool is_barred(uint64_t block, Where where) const { return where == Where::NotFilling && summary_.filling.test(block); }
  void give_back_bits(uint64_t word, uint64_t mask);
  void give_back_words(uint64_t word, uint64_t n, Frames are);
  void update_whole(uint64_t block);
  void correct_summary(uint64_t block);
  void note_claimed(uint64_t block);
  void note_given(uint64_t word, uint64_t now);

  BlockSummary summary_;
};

}  // namespace kmem
