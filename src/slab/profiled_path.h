#pragma once
// The fast paths while a profile is taken: then those of slab/fast_path.h are closed, and their slow paths try these first,
// which also count the bytes to the next sample. The fast paths of frees stay open.

#include "base/sanitizer.h"
#include "slab/cache.h"
#include "slab/fast_path.h"
#include "slab/sampled_blocks.h"
#include "watch/profile.h"

namespace kmem {

/// Limits of sizes; zero: these paths are closed.
struct ProfiledPaths {
  size_t malloc_limit = 0, kmalloc_limit = 0;
};

}  // namespace kmem

extern KMEM_HIDDEN kmem::ProfiledPaths kmem_profiled;

namespace kmem::profiled {

/// Is this size counted here, as a rule, and not by the heap?
KMEM_INLINE bool counts(size_t size) { return KMEM_LIKELY(size - 1 < shown(kmem_profiled.malloc_limit)); }
KMEM_INLINE bool counts_kmalloc(size_t size) { return KMEM_UNLIKELY(size - 1 < shown(kmem_profiled.kmalloc_limit)); }

KMEM_INLINE void* pop(Slot slot, size_t size, Counted& counted) {
  bool due;
  void* p = CpuStack::try_pop_counted(kmem_base, slot, size, due);
  counted = due ? Counted::Already : Counted::No;
  return p;
}

/// Of a size that counts() here.  Null: the heap serves it, which is told whether it has been counted.
KMEM_INLINE void* malloc(size_t size, Counted& counted) { return pop(Slot{MallocClasses::of(kmem_base, size)}, size, counted); }

/// The same for counts_kmalloc().
KMEM_INLINE void* kmalloc(size_t size, Gfp gfp, Counted& counted) {
  if (gfp & fast::kSlowGfp) return counted = Counted::No, nullptr;
  return pop(Slot{KmallocClasses::of(kmem_base, size)}, size, counted);
}

/// The same for an object of a cache; null also while no profile is taken.
KMEM_INLINE void* object(const FastKeys& keys, Counted& counted) { return pop(shown(keys.counted), keys.size, counted); }

}  // namespace kmem::profiled
