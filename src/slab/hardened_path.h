#pragma once
// The fast paths of the hardened levels 1 and 2.  Then those of slab/fast_path.h are closed, and their slow paths try these
// first.

#include "base/sanitizer.h"
#include "page/known_frames.h"
#include "slab/fast_path.h"
#include "slab/realloc.h"
#include "slab/seal.h"
#include "slab/sheaf_layer.h"

namespace kmem {

class Cache;

/// What these paths read. A limit of zero: they are closed.
struct HardenedPaths {
  size_t limit = 0;         // malloc: sizes up to this
  size_t extra = 0;         // bytes that each block has beyond the requested ones: room for a canary
  bool comes_zero = false;  // blocks of malloc are zero
  Cache* caches = nullptr;  // by class
};

}  // namespace kmem

extern KMEM_HIDDEN kmem::HardenedPaths kmem_hardened;
/// By class; off for classes without a sealed cache.
extern KMEM_HIDDEN kmem::Seal kmem_seals[kmem::kSharedClass + 1];

namespace kmem::hardened {

/// Opens the seal of an object that was popped; returns the object.
[[gnu::returns_nonnull]] KMEM_NOINLINE inline void* open_any(const Seal& seal, void* object, size_t size) {
  seal.open(static_cast<char*>(object), size);
  return object;
}
/// For most blocks of level 1 that the fast path does not open.
[[gnu::returns_nonnull]] KMEM_NOINLINE inline void* open_ample(const Seal& seal, void* object, size_t size) {
  char* const at = static_cast<char*>(object);
  return KMEM_LIKELY(seal.open_new(at, size) || seal.open_ample(at, size)) ? object : open_any(seal, object, size);
}
[[gnu::returns_nonnull]] KMEM_NOINLINE inline void* open_zeroed(const Seal& seal, void* object, size_t size) {
  return KMEM_LIKELY(seal.open_zeroed(static_cast<char*>(object), size)) ? object : open_ample(seal, object, size);
}
[[gnu::returns_nonnull]] KMEM_INLINE void* open(unsigned object_class, void* object, size_t size) {
  const Seal& seal = kmem_seals[object_class];
  return KMEM_LIKELY(seal.open_marked(static_cast<char*>(object), size)) ? object : open_zeroed(seal, object, size);
}

/// An object that this CPU has freed, if it has no other one; null: take the slow path.
void* take_freed(unsigned object_class, size_t size);

/// `closed(size)`: what is done with a size that is not for this path; `none(class, size)`: if this CPU's sheaf has no object.
template <typename Stack = CpuStack, typename Closed, typename None>
KMEM_INLINE void* malloc(size_t size, Closed closed, None none) {
  if (KMEM_UNLIKELY(size - 1 >= shown(kmem_hardened.limit))) return closed(size);
  char* base = kmem_base;
  const unsigned c = MallocClasses::of(base, size + kmem_hardened.extra);
  void* p = Stack::try_pop(base, Slot{c});
  if (KMEM_UNLIKELY(!p)) return none(c, size);
  return open(c, p, size);
}
/// Null: take the slow path.
template <typename Stack = CpuStack>
KMEM_INLINE void* malloc(size_t size) {
  return malloc<Stack>(
      size, [](size_t) -> void* { return nullptr; }, [](unsigned, size_t) -> void* { return nullptr; });
}
/// The same at an alignment, a power of two: see fast::malloc_aligned().
template <typename Stack = CpuStack>
inline void* malloc_aligned(size_t size, size_t align) {
  if (KMEM_UNLIKELY(size - 1 >= shown(kmem_hardened.limit) || align > kPageSize)) return nullptr;
  const size_t want = round_up(size + kmem_hardened.extra, align);
  if (KMEM_UNLIKELY(want > MallocClasses::kMost)) return nullptr;
  const unsigned c = MallocClasses::of(kmem_base, want);
  if (KMEM_UNLIKELY(fast::class_size(c) & (align - 1))) return nullptr;
  void* p = Stack::try_pop(kmem_base, Slot{c});
  return KMEM_LIKELY(p != nullptr) ? open(c, p, size) : nullptr;
}

/// The class of the frame that p lies in, if an object may begin at p, whether out or not. False: take the slow path.
KMEM_INLINE bool find_class(const void* p, unsigned& object_class) {
  const uint64_t pfn = static_cast<uint64_t>(static_cast<const char*>(p) - kmem_direct_map) >> kPageShift;
  if (KMEM_UNLIKELY(pfn >= shown(kmem_sealed_frames_end))) return false;
  object_class = reinterpret_cast<const uint8_t*>(kmem_base + kFrameTable)[pfn];
  return fast::fits(fast::divisor_of(object_class), p);
}
/// The same as a number; 0: take the slow path.
KMEM_INLINE unsigned class_of(const void* p) {
  unsigned c;
  return KMEM_LIKELY(find_class(p, c)) ? c : 0;
}
/// The usable bytes of the sealed object that begins at p; 0: take the slow path.
KMEM_INLINE size_t asked(const void* p) {
  const Seal& seal = kmem_seals[class_of(p)];
  return seal.on() ? seal.asked(static_cast<const char*>(p)) : 0;
}

/// The result of a free.
enum class Freed : uint8_t {
  Done,
  NotHere,  // nothing was done: take the slow path
  Closed,   // its seal is closed, but there was no room for it: the slow path frees it to the cache
};
template <typename Stack = CpuStack>
KMEM_INLINE Freed push(unsigned object_class, const void* p) {
  const Push pushed = Stack::try_push(kmem_base, SheafLayer::freed_slot(object_class), p);
  return KMEM_LIKELY(pushed == Push::Done) ? Freed::Done : Freed::Closed;
}
/// For most blocks of level 1.
KMEM_INLINE Freed free_marked(void* p, unsigned object_class) {
  return KMEM_LIKELY(kmem_seals[object_class].close_marked(static_cast<char*>(p))) ? push(object_class, p) : Freed::NotHere;
}
/// The same with more room than was asked for.
KMEM_INLINE Freed free_ample(void* p, unsigned object_class) {
  return KMEM_LIKELY(kmem_seals[object_class].close_ample(static_cast<char*>(p))) ? push(object_class, p) : Freed::NotHere;
}
/// For small blocks of level 2.
KMEM_INLINE Freed free_zeroed(void* p, unsigned object_class) {
  return KMEM_LIKELY(kmem_seals[object_class].close_zeroed(static_cast<char*>(p))) ? push(object_class, p) : Freed::NotHere;
}
/// For any sealed object and any thread; reports damage.
inline Freed free_any(void* p, unsigned object_class) {
  const Seal& seal = kmem_seals[object_class];
  if (!seal.on() || seal.close(static_cast<char*>(p)) == Seal::Finding::NotOut) return Freed::NotHere;
  const Freed freed = push(object_class, p);
  return KMEM_LIKELY(freed == Freed::Done) ? freed : push<CpuStack::Own>(object_class, p);
}

/// realloc() of a sealed block of malloc: it stays in place, it must move, or it is not for this path.
enum class Resized : uint8_t { Stays, Moves, NotHere };
inline Resized resize(void* p, size_t size, size_t& old) {
  const unsigned c = class_of(p);
  const Seal& seal = kmem_seals[c];
  old = seal.on() ? seal.asked(static_cast<char*>(p)) : 0;
  if (!old || seal.room() > MallocClasses::kMost || MallocClasses::of(kmem_base, seal.room()) != c) return Resized::NotHere;
  if (size > old ? size > seal.room() - kmem_hardened.extra : !keeps_place(old, size)) return Resized::Moves;
  seal.resize(static_cast<char*>(p), size);
  return Resized::Stays;
}

}  // namespace kmem::hardened
