#pragma once
// The fast paths: a few loads, one store, no atomic operation.
//
// Each begins with a comparison against a limit that is zero until boot has ended, and stays zero if every call must take the
// slow path (boot words such as `stats`). So boot and instrumentation cost the fast path nothing.
//
// `Stack` is this CPU's stack, used by a restartable sequence; or CpuStack::Own, that of a thread without sequences, which the
// slow paths try first.

#include "base/sanitizer.h"
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
template <typename Stack = CpuStack>
KMEM_INLINE void* malloc(size_t size) {
  if (KMEM_UNLIKELY(size - 1 >= shown(kmem_malloc_limit))) return nullptr;
  char* base = kmem_base;
  return Stack::try_pop(base, Slot{MallocClasses::of(base, size)});
}

/// The same at an alignment, a power of two.  Slabs begin at pages and their objects end where they do, so a class whose size
/// is a multiple of an alignment up to a page has it; other requests take the slow path.
template <typename Stack = CpuStack>
KMEM_INLINE void* malloc_aligned(size_t size, size_t align) {
  if (KMEM_UNLIKELY(size - 1 >= shown(kmem_malloc_limit) || align > kPageSize)) return nullptr;
  const size_t want = round_up(size, align);
  if (KMEM_UNLIKELY(want > shown(kmem_malloc_limit))) return nullptr;
  char* base = kmem_base;
  const unsigned c = MallocClasses::of(base, want);
  if (KMEM_UNLIKELY(reinterpret_cast<const uint32_t*>(base + kClassSizes)[c] & (align - 1))) return nullptr;
  return Stack::try_pop(base, Slot{c});
}

/// Flags that need the slow path: zones, zeroing, a node.
inline constexpr Gfp kSlowGfp = gfp::kZoneMask | gfp::kZero | gfp::kThisNode;

template <typename Stack = CpuStack>
KMEM_INLINE void* kmalloc(size_t size, Gfp gfp) {
  if (KMEM_UNLIKELY(size - 1 >= shown(kmem_kmalloc_limit) || (gfp & kSlowGfp))) return nullptr;
  char* base = kmem_base;
  return Stack::try_pop(base, Slot{KmallocClasses::of(base, size)});
}

/// The class of the frame that p lies in; false if the fast paths must not handle that frame.
KMEM_INLINE bool find_class(const void* p, unsigned& object_class) {
  const uint64_t pfn = static_cast<uint64_t>(static_cast<const char*>(p) - kmem_direct_map) >> kPageShift;
  if (KMEM_UNLIKELY(pfn >= shown(kmem_frames_end))) return false;
  object_class = reinterpret_cast<const uint8_t*>(kmem_base + kFrameTable)[pfn];
  return true;
}
KMEM_INLINE Divisor divisor_of(unsigned object_class) {
  return reinterpret_cast<const Divisor*>(kmem_base + kDivisors)[object_class];
}
KMEM_INLINE bool fits(Divisor d, const void* p) { return d.fits(static_cast<uint32_t>(reinterpret_cast<uint64_t>(p))); }

/// Frees any object of a cache with its own class, found by its address.
template <typename Stack = CpuStack>
KMEM_INLINE Push free(const void* p) {
  unsigned object_class;
  if (!find_class(p, object_class)) return Push::Full;
  return Stack::template try_push_object<kDivisors>(kmem_base, Slot{object_class}, p);
}

/// The class of the object that begins at p, for its size without a call; 0 for any other address.
KMEM_INLINE unsigned class_of(const void* p) {
  unsigned c;
  return find_class(p, c) && fits(divisor_of(c), p) ? c : 0;
}
KMEM_INLINE size_t class_size(unsigned c) { return reinterpret_cast<const uint32_t*>(kmem_base + kClassSizes)[c]; }
/// The size of the object that begins at p; 0: ask the heap.
KMEM_INLINE size_t size_of(const void* p) {
  const unsigned c = class_of(p);
  return c ? class_size(c) : 0;
}
/// The class that malloc(size) takes; 0 for sizes that have none.
KMEM_INLINE unsigned malloc_class(size_t size) {
  return size - 1 < shown(kmem_malloc_limit) ? MallocClasses::of(kmem_base, size) : 0;
}

/// The same for an object that must be of that class.  The shared class takes the slow path.
template <typename Stack = CpuStack>
KMEM_INLINE Push free_to(unsigned object_class, const void* p) {
  unsigned found;
  if (!find_class(p, found)) return Push::Full;
  if (KMEM_UNLIKELY(found != object_class)) return Push::Inside;
  return Stack::template try_push_object<kDivisors>(kmem_base, Slot{object_class}, p);
}

/// Do the fast paths recognise p as an object of that class?
KMEM_INLINE bool is_of(unsigned object_class, const void* p) {
  unsigned found;
  if (!find_class(p, found)) return false;
  if (KMEM_UNLIKELY(found != object_class)) return false;
  return fits(divisor_of(object_class), p);
}

/// How many of the objects, from the first on, are of that class. An object in the same slab as the one before is checked
/// faster.
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

/// free_some() for objects that are checked one by one before they are moved.
KMEM_NOINLINE inline unsigned free_some_looked_at(unsigned object_class, void* const* objects, unsigned n, Divisor d) {
  const unsigned fit = count_of(object_class, objects, n, d);
  const unsigned moved = CpuStack::try_push_some(kmem_base, Slot{object_class}, objects, fit, {});
  return moved == kUnfit ? 0 : moved;
}

/// Frees as many of the objects, from the first on, as this CPU's sheaf has room for; 0 if the first takes the slow path.
///
/// Objects of one slab, of a size that is a power of two, are checked while they are moved: they must lie in the slab of the
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
