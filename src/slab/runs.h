#pragma once
// Runs: blocks of whole frames, between the largest size class and the blocks with addresses of their own.

#include "page/gfp.h"
#include "slab/block.h"
#include "slab/block_table.h"
#include "slab/kept_blocks.h"

namespace kmem {

struct Page;
struct SlabWorld;

/// A block of whole frames; no block if `pages` is 0.
struct Run {
  uint32_t pages = 0;
  uint32_t asked = 0;  // bytes requested of malloc; 0: not recorded, and there is no pattern behind them
  bool bare = false;   // the bytes behind them are zero instead of the pattern
  static constexpr uint64_t kKept = uint64_t{1} << 62;  // flag in the word: freed, and kept (slab/kept_blocks.h)
  static constexpr Run of(uint64_t word) {
    if (word & kKept) return {};
    return {static_cast<uint32_t>(word & 0xffff), static_cast<uint32_t>(word >> 16) & 0xffffff, (word >> 63) != 0};
  }
  constexpr uint64_t word() const { return pages | uint64_t{asked} << 16 | uint64_t{bare} << 63; }
  size_t bytes() const { return asked ? asked : size_t{pages} << kPageShift; }
};

/// Lock-free, any context.
///
/// Runs of kmalloc have a descriptor, because callers may ask for their struct page. Runs of malloc are in a table instead:
/// writing a descriptor for each would make a page of descriptors resident, even if the program touches one page of the run.
///
/// The bytes behind the requested ones, to the end of the last page, hold a pattern, whose cost does not matter for blocks of
/// this size. All of them, since an underrun of the following block lands there as well. If the program has not touched that
/// page, writing the pattern would make it resident: then the bytes must stay zero, and a write of zeroes is not detected.
///
/// Some freed runs of malloc stay claimed for a while, for the next one of their size (KeptBlocks).
///
/// Invariants on a quiet system (walked by check()): L1 and L2 of the table, L4 of the kept ones.
class Runs {
 public:
  static size_t metadata_bytes() { return BlockTable::metadata_bytes(); }
  void init(const SlabWorld& world, void* metadata);

  /// For kmalloc: aligned to the largest power of two that divides the size.
  void* alloc(size_t size, Gfp gfp, int nid);
  /// For malloc.
  void* alloc_aligned(size_t size, size_t align, Contents contents);
  /// A run must begin at p.
  void free(void* p);
  /// The same with one look into the table; false if p is no run of malloc's, or one that was freed.
  bool free_mallocs(void* p);
  /// The run of exactly this length that is kept on this CPU, for malloc; null if there is none.
  void* take_kept(size_t size);
  /// Keeps the run of malloc's that begins at p, if its length comes and goes and its place is empty. False: nothing was done.
  /// In `other` is a run that another task has kept there meanwhile: release() it.
  bool keep(void* p, KeptBlocks::Kept& other);
  /// Ends a run that was kept.
  void release(KeptBlocks::Kept run) { release(*run.entry(), run.pages()); }
  /// In place. Growing fails if the frames behind it are not free.
  bool resize(void* p, size_t size);
  /// The run that begins at p, an address in an online frame that is not a slab's.
  Run at(const void* p) const;
  /// Was it given by alloc_aligned()?
  bool is_mallocs(const void* p) const { return table_.find(p); }
  /// May a large block stay claimed after its free?
  bool keeps() const;
  /// The freed run at p that is kept for the next one of its size; no run if there is none.
  Run kept_at(const void* p) const;
  /// Releases all kept runs except that of one place; returns the number of frames.
  uint64_t let_go(const KeptBlocks::Place* but = nullptr);
  /// Checks the bytes behind malloc's runs; reports and repairs damage. Returns the number of faults.
  uint64_t validate();
  Fault check() const;

 private:
  friend class RunsTestPeer;
  Page* page_of(const void* run) const;
  bool free_entry(void* p, BlockTable::Entry& entry);
  void end(void* p, const Run& run);
  void release(BlockTable::Entry& entry, uint64_t nr);
  void* give_again(KeptBlocks::Kept run, size_t size, Contents contents);
  void* begin(char* p, size_t size, Gfp gfp);
  void finish_end(char* p, size_t size, Contents behind, Run& run);
  bool check_end(char* p, const Run& run);
  bool resize_pages(void* p, const Run& run, uint64_t nr);

  const SlabWorld* world_ = nullptr;
  BlockTable table_;  // malloc's
  KeptBlocks kept_;
};

}  // namespace kmem
