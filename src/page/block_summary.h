#pragma once
// Which 2 MiB blocks of a zone a search for frames looks at: several bitmaps with a bit for each block.

#include "base/atomic.h"
#include "base/bits.h"
#include "base/types.h"

namespace kmem {

/// Bits that any CPU sets and clears.
class AtomicBits {
 public:
  void init(Atomic<uint64_t>* words) { words_ = words; }
  bool test(uint64_t i) const { return words_[i / 64].peek() >> (i % 64) & 1; }
  void set(uint64_t i) {
    if (!(words_[i / 64].load() & bit(i))) words_[i / 64].fetch_or(bit(i));
  }
  void clear(uint64_t i) {
    if (words_[i / 64].load() & bit(i)) words_[i / 64].fetch_and(~bit(i));
  }
  /// True for the one caller that set it.
  bool set_first(uint64_t i) { return !test(i) && !(words_[i / 64].fetch_or(bit(i)) & bit(i)); }
  uint64_t word(uint64_t i) const { return words_[i].load(); }

 private:
  friend class FrameBitsTestPeer;
  static uint64_t bit(uint64_t i) { return uint64_t{1} << (i % 64); }
  Atomic<uint64_t>* words_ = nullptr;
};

/// Which blocks a search for dirty frames is for.
enum class Blocks : uint8_t { Any, Whole };

/// Hints, so that a search need not read every frame's bit. A bit may be wrong for a moment; a search that finds a wrong bit
/// corrects it.  Lock-free, any context.
class BlockSummary {
 public:
  static uint64_t nr_words(uint64_t nr_blocks) { return (nr_blocks + 63) / 64; }
  /// Words of zeroed metadata for so many blocks.
  static uint64_t metadata_words(uint64_t nr_blocks) { return 6 * nr_words(nr_blocks); }
  void init(uint64_t nr_blocks, Atomic<uint64_t>* metadata);

  AtomicBits some;   // the block has a free frame
  AtomicBits whole;  // all its frames are free
  AtomicBits dirty;  // it has a free frame that is not clean
  /// A claim has taken frames of the block since its memory was last given to the host.
  AtomicBits begun;
  /// The host holds memory for the whole block, though some of its frames have not been used yet.
  AtomicBits filling;
  /// A CPU takes its single frames from the block; see ClaimHint.
  AtomicBits taken;

  /// The lowest block from `from` on with some free frames but not all; -1 for none.
  int64_t find_partial(uint64_t from) const;
  /// The lowest block that no CPU has taken: partly used, else with all frames free; -1 for none.
  int64_t find_untaken() const;
  /// The lowest block from `from` on with all frames free; -1 for none.
  int64_t find_whole(uint64_t from) const;
  /// The highest block at or below `from` with its dirty bit set, and for Blocks::Whole its whole bit too; -1 for none.
  int64_t find_dirty(int64_t from, Blocks which) const;

  /// No partly used block below this one has a free run of that order.
  uint64_t run_from(unsigned order) const { return run_from_[order].peek(); }
  void set_run_from(unsigned order, uint64_t block) { run_from_[order].poke(block); }
  /// No block below this one has a free span of n frames, or nearly: there may be shorter ones in the same power of two.
  uint64_t span_from(uint64_t n) const { return span_from_[highest_bit(n)].peek(); }
  void set_span_from(uint64_t n, uint64_t block) { span_from_[highest_bit(n)].poke(block); }
  /// Blocks from here on may have runs of all orders below `orders`, and spans.
  void lower_run_hints(unsigned orders, uint64_t block);
  void lower_span_hints(uint64_t block);

 private:
  static void lower(Atomic<uint64_t>& hint, uint64_t block) {
    if (hint.peek() > block) hint.poke(block);
  }

  uint64_t nr_words_ = 0;
  Atomic<uint64_t> run_from_[kBlockOrder];
  Atomic<uint64_t> span_from_[kMaxOrder + 2];
};

}  // namespace kmem
