#pragma once
// Which frames of a zone are free: one bit each, claimed and given back by atomic operations on words of 64.
//
// The idea is LLFree's (Wrenger et al., USENIX ATC 2023): no lists, no locks, nothing to merge, because the bits of
// neighbours lie side by side.  Here one atomic operation moves up to 64 frames, the 512 bits of a 2 MiB block are one
// cache line and so need no counter, and frames are taken from blocks that are partly used already, lowest first, so
// that the others stay whole.

#include "base/atomic.h"
#include "base/bits.h"
#include "base/fault.h"
#include "base/maybe.h"
#include "base/types.h"

namespace kmem {

/// Frames of one word that belong to the caller now: bit i is the frame `first` + i.
struct FrameSet {
  Pfn first;
  uint64_t mask = 0;
  uint64_t clean = 0;  // of those, the ones that read as zero
  unsigned count() const { return count_bits(mask); }
};

/// Lock-free; every function may be called in any context.
///
/// A frame's bits are `free` and `clean` (it reads as zero and the host holds no memory for it).  Setting a free bit
/// gives the frame away, clearing it takes it: whoever cleared it owns the frame and its clean bit.
/// One bit per block in three summaries leads the search; they are hints, put right by whoever finds them wrong:
///
/// Invariants on a quiet system (walked by check()):
///   F1  a block with a free frame has its `some` bit
///   F2  a block has its `whole` bit only if all its frames are free
///   F3  only frames inside the zone are free
///   F4  a block with a free frame that is not clean has its `dirty` bit
class FrameBits {
 public:
  /// Bytes of zeroed metadata for so many frames; 0.27 bytes a frame.
  static size_t metadata_bytes(uint64_t nr_frames);
  /// `first` is a multiple of the largest block (2^kMaxOrder frames).  No frame is free yet.
  void init(Pfn first, uint64_t nr_frames, void* metadata);

  Pfn first() const { return first_; }
  uint64_t nr_frames() const { return nr_frames_; }
  bool contains(Pfn p) const { return !(p < first_) && p - first_ < nr_frames_; }

  /// Takes up to n frames (1 to 64) of one word, from the lowest block that is partly used, else from the lowest whole
  /// one.  Fewer than n where the word has no more; nothing where no frame is free.  `skip`: pass over so many partly used
  /// blocks, if there are more.
  FrameSet claim_some(unsigned n, unsigned skip = 0);
  /// Takes 2^order frames in a row, aligned.  `clean` tells how many of them read as zero.
  Maybe<Pfn> claim_run(Order order, uint64_t& clean);
  /// Takes n frames in a row, wherever they begin: the lowest such, or nearly.  n from 2 to 2^kMaxOrder.
  Maybe<Pfn> claim_span(uint64_t n, uint64_t& clean);
  /// Takes exactly these frames, or none.
  bool claim_at(Pfn first, uint64_t n, uint64_t& clean);

  /// Gives back frames of one word.  The set's clean bits must be true.  Returns the frames that were free already
  /// (a double free by our own side); those stay free.
  uint64_t give_back(FrameSet set);
  /// Gives back n frames in a row.
  void give_back_run(Pfn first, uint64_t n, bool clean);

  /// Takes the frames in block `block` that are free and not clean, one word's worth at a time from word `word` on
  /// (0 to 7), for giving their memory back to the host; nothing when there are none from there on.
  FrameSet claim_dirty(uint64_t block, unsigned& word);
  /// Takes a whole block if all of it is free; `clean` as above.
  bool claim_whole(uint64_t block, uint64_t& clean);
  /// The highest block at or below `from` with its dirty (and, if asked, whole) bit; -1 if there is none.
  int64_t find_dirty(int64_t from, bool whole_only) const;
  void forget_dirty(uint64_t block);

  /// Marks a block as begun; true for the first who asks since forget_begun(), if nearly all of it is free and clean.
  bool begin_block(uint64_t block);
  void forget_begun(uint64_t block) { clear(begun_, block); }
  /// The host holds memory for all of a block now: its free frames are no longer clean.  How many they are.
  uint64_t make_dirty(uint64_t block);

  uint64_t nr_blocks() const { return (nr_frames_ + kBlockFrames - 1) / kBlockFrames; }
  Pfn block_start(uint64_t block) const { return first_ + block * kBlockFrames; }

  // For reports and walkers: exact on a quiet system only.
  uint64_t count_free() const;
  uint64_t count_clean() const;  // of the free ones
  uint64_t count_whole_blocks() const;
  bool is_free(Pfn p) const;
  /// Free blocks as a buddy allocator would list them: the largest aligned runs, by order.
  void count_by_order(uint64_t (&nr)[kMaxOrder + 1]) const;
  Fault check() const;

 private:
  friend class FrameBitsTestPeer;
  static constexpr unsigned kWordsPerBlock = kBlockFrames / 64;
  using Word = Atomic<uint64_t>;

  uint64_t nr_words() const { return nr_blocks() * kWordsPerBlock; }
  uint64_t nr_summary_words() const { return (nr_blocks() + 63) / 64; }
  Pfn word_start(uint64_t word) const { return first_ + word * 64; }

  int64_t find_partial(uint64_t from) const;
  int64_t find_whole(uint64_t from) const;
  FrameSet claim_in_block(uint64_t block, unsigned n);
  uint64_t take_clean(uint64_t word, uint64_t mask);
  uint64_t take_clean_run(Pfn first, uint64_t n);
  Maybe<Pfn> claim_run_in_block(uint64_t block, Order order);
  Maybe<Pfn> claim_run_in_word(uint64_t word, unsigned order);
  Maybe<Pfn> claim_run_in_partials(Order order, uint64_t from);
  Maybe<Pfn> claim_run_in_wholes(Order order);
  Maybe<Pfn> claim_blocks(Order order);
  bool claim_words(uint64_t first_word, uint64_t n);
  uint64_t find_span(uint64_t from, uint64_t n) const;
  void give_back_bits(uint64_t word, uint64_t mask);
  void give_back_words(uint64_t word, uint64_t n, bool clean);
  void undo_claim(Pfn first, uint64_t n);
  void settle_whole(uint64_t block);
  void note_claimed(uint64_t block);
  void note_run(unsigned order, uint64_t block);
  void note_given(uint64_t word, uint64_t now);
  bool block_is_whole(uint64_t block) const;
  bool block_has_some(uint64_t block) const;

  static bool test(const Word* bits, uint64_t i) { return bits[i / 64].peek() >> (i % 64) & 1; }
  static void set(Word* bits, uint64_t i);
  static void clear(Word* bits, uint64_t i);

  Pfn first_;
  uint64_t nr_frames_ = 0;
  Word* free_ = nullptr;
  Word* clean_ = nullptr;
  Word* some_ = nullptr;
  Word* whole_ = nullptr;
  Word* dirty_ = nullptr;
  Word* begun_ = nullptr;
  /// Below this block no partly used block has a free run of that order; a hint, lowered when frames are
  /// given back or a whole block is begun.
  Atomic<uint64_t> run_from_[kBlockOrder];
  /// The same for spans of 2^i frames and more, with this difference: below it there may be shorter ones of the kind.
  Atomic<uint64_t> span_from_[kMaxOrder + 2];
};

}  // namespace kmem
