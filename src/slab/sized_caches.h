#pragma once
// The caches of malloc()'s and kmalloc()'s size classes.

#include "slab/block.h"
#include "slab/cache_table.h"
#include "slab/size_class.h"

namespace kmem {

/// Lock-free, any context.
class SizedCaches {
 public:
  /// How many caches of each size kmalloc() has, if it has copies: so many that other caches still get classes of their own.
  static constexpr unsigned kNrCopies = 8;

  /// Makes the caches and fills the tables from size to class at `base`.
  void init(const SlabWorld& world, CacheTable& caches, char* base);

  /// The cache that serves malloc() of up to MallocClasses::kMost bytes.
  Cache& malloc(size_t size) const { return caches_->at(MallocClasses::of(base_, size ? size : 1)); }
  /// The index of that class among malloc's, from 0 on.
  unsigned malloc_index(size_t size) const { return MallocClasses::of(base_, size ? size : 1) - first_malloc_; }
  /// The smallest malloc cache whose objects have the alignment, which is up to a page; null if none has.
  Cache* malloc_aligned(size_t size, size_t align) const;
  /// The cache that serves kmalloc() of up to KmallocClasses::kMost bytes without a zone.
  Cache& kmalloc(size_t size) const { return caches_->at(KmallocClasses::of(base_, size ? size : 1)); }
  /// The same for the zone that the flags name. Null: it could not be made.  `site`: the calling code, which chooses among the
  /// copies of the cache, if there are copies.
  Cache* kmalloc(size_t size, Gfp gfp, const void* site);
  /// The size of the block that kmalloc(size) returns.
  size_t kmalloc_size(size_t size) const;
  /// OwnCache for caches that are none of these.
  Family family_of(uint32_t cache_id) const;

 private:
  uint32_t malloc_alignment(const char* name, uint32_t size) const;
  Cache* make_kmalloc(unsigned index, Gfp zone, unsigned copy = 0);
  void make_copies();
  Cache* copy_for(Cache& plain, const void* site) const;
  Cache* zone_cache(unsigned index, Gfp zone);

  const SlabWorld* world_ = nullptr;
  CacheTable* caches_ = nullptr;
  char* base_ = nullptr;
  uint32_t first_malloc_ = 0, first_kmalloc_ = 0;  // ids
  uint32_t first_copy_ = 0;                        // of kmalloc's copies, one after the other; 0: there are none
  Atomic<uint32_t> dma_caches_[kNrKmallocClasses][2];
};

}  // namespace kmem
