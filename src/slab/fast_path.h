#pragma once
// The fast paths: a few loads, one store, no atomic operation.  Everything else is elsewhere.
//
// Each begins with a comparison against a limit that is zero until boot has ended, and stays zero where every call is
// to be seen (boot words such as `stats`): so starting up and instrumentation cost the fast path nothing.

#include "page/gfp.h"
#include "port/cpu_stack.h"
#include "slab/tables.h"

extern "C" {
extern KMEM_HIDDEN size_t kmem_malloc_limit;   // sizes up to this take malloc's fast path
extern KMEM_HIDDEN size_t kmem_kmalloc_limit;  // and kmalloc's
extern KMEM_HIDDEN char* kmem_direct_map;
extern KMEM_HIDDEN uint64_t kmem_frames_end;  // frames from this number on have no fast free
}

namespace kmem::fast {

/// An object for malloc(size), or null: the slow path then serves every size, zero included.
KMEM_INLINE void* malloc(size_t size) {
  if (KMEM_UNLIKELY(size - 1 >= kmem_malloc_limit)) return nullptr;
  char* base = kmem_base;
  const auto* classes = reinterpret_cast<const uint8_t*>(base + kMallocClasses);
  return CpuStack::try_pop(base, Slot{classes[(size - 1) >> 4]});
}

/// Flags that need a look: zones, zeroing, a node.
inline constexpr Gfp kSlowGfp = gfp::kZoneMask | gfp::kZero | gfp::kThisNode;

KMEM_INLINE void* kmalloc(size_t size, Gfp gfp) {
  if (KMEM_UNLIKELY(size - 1 >= kmem_kmalloc_limit || (gfp & kSlowGfp))) return nullptr;
  char* base = kmem_base;
  const auto* classes = reinterpret_cast<const uint8_t*>(base + kKmallocClasses);
  return CpuStack::try_pop(base, Slot{classes[(size - 1) >> 3]});
}

/// Any object of a cache with a class of its own, by its address.
KMEM_INLINE Push free(const void* p) {
  const uint64_t pfn = static_cast<uint64_t>(static_cast<const char*>(p) - kmem_direct_map) >> kPageShift;
  if (KMEM_UNLIKELY(pfn >= kmem_frames_end)) return Push::Full;
  char* base = kmem_base;
  const unsigned object_class = reinterpret_cast<const uint8_t*>(base + kFrameTable)[pfn];
  return CpuStack::try_push_object<kDivisors>(base, Slot{object_class}, p);
}

/// The class of the object that begins at p, for who wants its size without a call: 0 for anything else.
KMEM_INLINE unsigned class_of(const void* p) {
  const uint64_t pfn = static_cast<uint64_t>(static_cast<const char*>(p) - kmem_direct_map) >> kPageShift;
  if (KMEM_UNLIKELY(pfn >= kmem_frames_end)) return 0;
  const unsigned c = reinterpret_cast<const uint8_t*>(kmem_base + kFrameTable)[pfn];
  const Divisor d = reinterpret_cast<const Divisor*>(kmem_base + kDivisors)[c];
  return (static_cast<uint32_t>(reinterpret_cast<uint64_t>(p)) & d.mask) * d.inverse < d.inverse ? c : 0;
}
KMEM_INLINE size_t class_size(unsigned c) { return reinterpret_cast<const uint32_t*>(kmem_base + kClassSizes)[c]; }
/// The class that malloc(size) takes; 0 for sizes that have none.
KMEM_INLINE unsigned malloc_class(size_t size) {
  return size - 1 < kmem_malloc_limit ? reinterpret_cast<const uint8_t*>(kmem_base + kMallocClasses)[(size - 1) >> 4] : 0;
}

/// The same for an object that must be of that class.  A class of several caches takes the long way.
KMEM_INLINE Push free_to(unsigned object_class, const void* p) {
  const uint64_t pfn = static_cast<uint64_t>(static_cast<const char*>(p) - kmem_direct_map) >> kPageShift;
  if (KMEM_UNLIKELY(pfn >= kmem_frames_end)) return Push::Full;
  char* base = kmem_base;
  if (KMEM_UNLIKELY(reinterpret_cast<const uint8_t*>(base + kFrameTable)[pfn] != object_class)) return Push::Inside;
  return CpuStack::try_push_object<kDivisors>(base, Slot{object_class}, p);
}

}  // namespace kmem::fast
