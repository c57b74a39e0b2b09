#pragma once
// Blocks by size, for kmalloc() and malloc(), and the classification of addresses.

#include "slab/block.h"
#include "slab/cache_table.h"
#include "slab/guarded_pool.h"
#include "slab/mapped.h"
#include "slab/probation.h"
#include "slab/realloc.h"
#include "slab/runs.h"
#include "slab/sampled_blocks.h"
#include "slab/sized_caches.h"

namespace kmem {

/// Lock-free; every function may be called in any context.
///
///   caches()    all caches: slab/cache_table.h
///   sizes()     those of the size classes: slab/sized_caches.h
///   runs()      larger blocks, of whole frames: slab/runs.h
///   mapped()    still larger ones, with addresses of their own: slab/mapped.h
class Heap {
 public:
  static size_t metadata_bytes(unsigned nr_nodes, uint32_t nr_cpus);
  /// Fills the tables of slab/tables.h and makes the caches of all size classes.  `metadata` is zeroed.
  /// The caller keeps ownership of `world`; init() sets its `caches`.
  void init(SlabWorld& world, char* base, char* metadata);

  /// Hardened: large blocks from `from` up to `to` bytes get closed pages around them.
  void guard_large(size_t from, size_t to) { guarded_from_ = from, guarded_to_ = to; }
  /// Hardened: each block of malloc has so many bytes beyond the requested ones.
  void leave_room_for_canary(size_t bytes) { canary_ = bytes; }
  /// The first blocks of each malloc() size, and later one now and then, come from checked caches.
  void start_probation(uint32_t nr_blocks) { probation_.start(caches_, nr_blocks); }
  /// Returns the objects in sheaves and barns to the slabs, where double frees are detected.
  void drain_sheaves();
  /// Searches for writes around and into the objects of debugged caches, and behind large blocks; no other task may run.
  /// Returns the number of faults.
  uint64_t validate();
  /// For a free with a size: reports a size that differs from the requested one.
  void check_size(const void* p, const Block& block, size_t size);

  void* kmalloc(size_t size, Gfp gfp, int nid, const void* site = nullptr);
  void* malloc(size_t size, Contents contents);
  void* malloc_aligned(size_t size, size_t align);
  /// For malloc(). Null: there is no memory, and the block is unchanged.
  void* realloc(void* p, size_t size);
  /// An object of the cache between guard pages, if a sample is due; null otherwise. For slow paths only.
  void* sample(Cache& cache, size_t size, size_t align, Gfp gfp, Contents contents);
  /// Frees the block at p, which classify() described.  False: it cannot be freed.
  [[nodiscard]] bool free(void* p, const Block& block);
  [[nodiscard]] bool free(void* p) { return free(p, classify(p)); }
  Block classify(const void* p);
  Family family_of(const void* p, const Block& block) const;
  size_t usable(const void* p) { return classify(p).bytes; }

  /// The allocation calls while a profile is taken.
  SampledBlocks& samples() { return samples_; }
  CacheTable& caches() { return caches_; }
  uint32_t nr_caches() const { return caches_.nr(); }
  /// `id` from 1 to nr_caches(); destroyed caches are not live().
  Cache& cache(uint32_t id) { return caches_.at(id); }
  const SizedCaches& sizes() const { return sizes_; }
  Runs& runs() { return runs_; }
  MappedBlocks& mapped() { return mapped_; }
  /// Checks runs() and mapped(); Cache::check() checks a cache.
  Fault check() const;

 private:
  void free_guarded(void* p, const Block& block);
  void* malloc_large(size_t size, Contents contents);
  bool same_class(const Block& block, size_t size) const;
  static bool is_looked_after(const Cache& cache);
  bool grow_within(void* p, const Block& block, size_t size);
  bool trim_block(void* p, const Block& block, size_t size);
  bool resize_block(void*& p, const Block& block, size_t size);
  void* move(void* p, size_t old, size_t size);
  void* count_large(void* p);

  SlabWorld* world_ = nullptr;
  CacheTable caches_;
  SizedCaches sizes_;
  Probation probation_;
  SampledBlocks samples_;
  Runs runs_;
  MappedBlocks mapped_;
  size_t guarded_from_ = 0, guarded_to_ = 0;
  size_t canary_ = 0;
};

/// Releases large blocks that were freed and kept for the next one of their size; returns the number of pages.
inline uint64_t let_go_kept(Heap& heap) { return heap.runs().let_go() + heap.mapped().let_go(); }

}  // namespace kmem
