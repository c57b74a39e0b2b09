#pragma once
// Large blocks that were freed recently and stay claimed, because blocks of their size are freed and allocated in turn.

#include "base/atomic.h"
#include "base/fault.h"
#include "base/types.h"
#include "slab/block_table.h"
#include "watch/counters.h"

namespace kmem {

/// A few places for each of a few CPUs, each for one block, chosen by length. A block is kept only if the block that was freed
/// before at its place had the same length, so not if a program only frees, or if its blocks grow. The total is bounded.
/// Lengths are in pages, up to kLongest.  Lock-free, any context.
///
/// Its owner marks the entry of a kept block in its table, and walks on a quiet system (check_marks()):
///   L4  a kept block is in one place and is marked in the table, and their pages are counted
class KeptBlocks {
 public:
  static constexpr uint64_t kLongest = 0xffff;
  /// A block, as the address of its table entry, and its length, in one word; 0: none.
  struct Kept {
    uint64_t word = 0;
    explicit operator bool() const { return word; }
    BlockTable::Entry* entry() const { return reinterpret_cast<BlockTable::Entry*>(word & kEntry); }
    void* at() const { return const_cast<void*>(BlockTable::address_of(entry()->key.load())); }
    uint64_t pages() const { return word >> kLengthShift; }
  };
  struct Place {
    Atomic<uint64_t> block{0};    // a Kept's word
    Atomic<uint32_t> last{0};     // the length that was freed last
    Atomic<uint32_t> counted{0};  // pages counted in nr_pages(): of the current block, or of the one that was taken
  };

  /// Takes a block of exactly this length; the caller then owns it.
  Kept take(uint64_t pages);
  /// The place for a block of this length that is freed now; null: do not keep it.
  Place* place_for(uint64_t pages);
  /// The same, but only a place that is empty and had a block of this length last: no other pages are counted by a put().
  Place* empty_place_for(uint64_t pages);
  /// Keeps the block at the place; returns the block that it replaces, which the caller then owns.
  Kept put(Place& place, BlockTable::Entry& entry, uint64_t pages);
  /// Takes any block out of another place than `but`; none if they are empty.
  Kept take_any(const Place* but = nullptr);

  /// The pages of the kept blocks, and of those that were taken and are expected back.
  uint64_t nr_pages() const { return nr_pages_.value(); }
  /// Calls visit(Kept) for each kept block.
  template <typename Visit>
  void each(Visit visit) const {
    for (const Place& place : places_)
      if (const Kept kept{place.block.peek()}) visit(kept);
  }
  /// Checks L4 for a table whose marked entries have `mark` in their words; pages_of() takes a word without the mark.
  template <typename PagesOf>
  Fault check_marks(const BlockTable& table, uint64_t mark, PagesOf pages_of) const;

 private:
  friend class KeptBlocksTestPeer;
  static constexpr unsigned kLengthShift = 48;
  static constexpr uint64_t kEntry = (uint64_t{1} << kLengthShift) - 1;
  static constexpr unsigned kLengths = 4, kCpus = 8;
  Place& place_of(uint64_t pages);
  void count(Place& place, uint64_t pages);

  uint32_t cpu_mask_ = kCpus - 1;  // a test makes it 0, where a task that moves would find another place
  Place places_[kCpus * kLengths];
  Counter nr_pages_;
};

template <typename PagesOf>
Fault KeptBlocks::check_marks(const BlockTable& table, uint64_t mark, PagesOf pages_of) const {
  uint64_t marked = 0, pages = 0;
  Fault fault;
  table.each([&](const void*, const BlockTable::Entry& entry) { marked += (entry.word.peek() & mark) != 0; });
  each([&](Kept block) {
    const uint64_t word = block.entry()->word.peek();
    if (!(word & mark) || pages_of(word & ~mark) != block.pages())
      fault = {"L4 a kept block is marked in the table", reinterpret_cast<uint64_t>(block.at())};
    pages += block.pages();
    --marked;
  });
  if (!fault && marked) fault = {"L4 a block that is marked as kept is in one place", 0, 0, marked};
  if (!fault && pages > nr_pages()) fault = {"L4 the pages of kept blocks are counted", 0, pages, nr_pages()};
  return fault;
}

}  // namespace kmem
