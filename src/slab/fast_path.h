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

/// The same at an alignment, a power of two.  Slabs begin at pages and their objects end where they do, so a class whose size
/// is a multiple of an alignment up to a page has it; what no such class serves takes the slow path.
KMEM_INLINE void* malloc_aligned(size_t size, size_t align) {
  if (KMEM_UNLIKELY(size - 1 >= kmem_malloc_limit || align > kPageSize)) return nullptr;
  const size_t want = round_up(size, align);
  if (KMEM_UNLIKELY(want > kmem_malloc_limit)) return nullptr;
  char* base = kmem_base;
  const unsigned c = reinterpret_cast<const uint8_t*>(base + kMallocClasses)[(want - 1) >> 4];
  if (KMEM_UNLIKELY(reinterpret_cast<const uint32_t*>(base + kClassSizes)[c] & (align - 1))) return nullptr;
  return CpuStack::try_pop(base, Slot{c});
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
  return d.fits(static_cast<uint32_t>(reinterpret_cast<uint64_t>(p))) ? c : 0;
}
KMEM_INLINE size_t class_size(unsigned c) { return reinterpret_cast<const uint32_t*>(kmem_base + kClassSizes)[c]; }
/// The room of the object that begins at p; 0 where the heap has to look.
KMEM_INLINE size_t size_of(const void* p) {
  const unsigned c = class_of(p);
  return c ? class_size(c) : 0;
}
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

/// Is p an object of that class, as far as the fast paths can tell?
KMEM_INLINE bool is_of(unsigned object_class, const void* p) {
  const uint64_t pfn = static_cast<uint64_t>(static_cast<const char*>(p) - kmem_direct_map) >> kPageShift;
  if (KMEM_UNLIKELY(pfn >= kmem_frames_end)) return false;
  if (KMEM_UNLIKELY(reinterpret_cast<const uint8_t*>(kmem_base + kFrameTable)[pfn] != object_class)) return false;
  const Divisor d = reinterpret_cast<const Divisor*>(kmem_base + kDivisors)[object_class];
  return d.fits(static_cast<uint32_t>(reinterpret_cast<uint64_t>(p)));
}

/// How many of the objects, from the first on, are of that class; those that follow one of the same slab are soon looked at.
inline unsigned count_of(unsigned object_class, void* const* objects, unsigned n, Divisor d) {
  uint64_t slab = reinterpret_cast<uint64_t>(objects[0]) & d.slab_bits();
  for (unsigned i = 1; i < n; ++i) {
    const uint64_t p = reinterpret_cast<uint64_t>(objects[i]), offset = p ^ slab;
    if (KMEM_LIKELY(offset <= ~d.high)) {
      if (KMEM_UNLIKELY(!d.fits(static_cast<uint32_t>(offset)))) return i;
    } else {
      if (!is_of(object_class, objects[i])) return i;
      slab = p & d.slab_bits();
    }
  }
  return n;
}

/// free_some() of objects that are looked at one by one, before they are moved.
KMEM_NOINLINE inline unsigned free_some_looked_at(unsigned object_class, void* const* objects, unsigned n, Divisor d) {
  const unsigned fit = count_of(object_class, objects, n, d);
  const unsigned moved = CpuStack::try_push_some(kmem_base, Slot{object_class}, objects, fit, {});
  return moved == kUnfit ? 0 : moved;
}

/// As many of the objects as this CPU's sheaf has room for, from the first on; 0 where the first of them takes the long way.
///
/// Objects of one slab, of a size that is a power of two, are looked at while they are moved: they lie in the slab of the
/// first, at multiples of their size.
KMEM_INLINE unsigned free_some(unsigned object_class, void* const* objects, size_t nr) {
  const unsigned n = nr < kSheafCapacity ? static_cast<unsigned>(nr) : kSheafCapacity;
  if (KMEM_UNLIKELY(object_class == kSharedClass || !is_of(object_class, objects[0]))) return 0;
  char* base = kmem_base;
  const Divisor d = reinterpret_cast<const Divisor*>(base + kDivisors)[object_class];
  if (KMEM_UNLIKELY(!is_power_of_two(d.inverse))) return free_some_looked_at(object_class, objects, n, d);
  const Fit fit{d.slab_bits(), (uint64_t{1} << 32 >> lowest_bit(d.inverse)) - 1};
  const unsigned moved = CpuStack::try_push_some(base, Slot{object_class}, objects, n, fit);
  return KMEM_LIKELY(moved != kUnfit) ? moved : free_some_looked_at(object_class, objects, n, d);
}

}  // namespace kmem::fast
