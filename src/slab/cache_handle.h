#pragma once
// What a struct kmem_cache* is: the distance of a cache from an address where all memory is zero.
//
// The fast paths read only the cache's slot and class. For NULL and error pointers they read zeroes, and so take the slow path,
// which reports the mistake. This costs nothing: that address lies at a constant distance from the base, which they load
// anyway.

#include "base/attributes.h"
#include "slab/cache.h"
#include "slab/fast_path.h"

struct kmem_cache;

namespace kmem {

/// The middle of the half page in front of the first small table, which is never written (slab/tables.h).  Error numbers are
/// smaller than the distance to its start, and Cache::fast() lies within the distance to its end.
inline constexpr ptrdiff_t kNoCache = kTables + 1024;

KMEM_INLINE Cache& cache_of(kmem_cache* handle) {
  return *reinterpret_cast<Cache*>(reinterpret_cast<uintptr_t>(kmem_base + kNoCache) + reinterpret_cast<uintptr_t>(handle));
}
inline kmem_cache* handle_of(const Cache* cache) {
  if (!cache) return nullptr;
  return reinterpret_cast<kmem_cache*>(reinterpret_cast<uintptr_t>(cache) - reinterpret_cast<uintptr_t>(kmem_base + kNoCache));
}

}  // namespace kmem
