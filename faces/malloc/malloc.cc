// malloc and its relatives over kmem, for LD_PRELOAD or linking.
//
// The C standard, POSIX and glibc's manual say what these do; this file adds to the heap only their treatment of errno (which
// only a failure may change), of zero sizes and of overflow.

#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attributes.h"
#include "base/sparse.h"
#include "own.h"
#include "settings.h"
#include "slab/hardened_path.h"
#include "slab/kept_path.h"
#include "slab/profiled_path.h"
#include "slab/size_class.h"
#include "system/bad_free.h"
#include "system/neighbours.h"
#include "system/system.h"

bool kmem_serves_malloc = true;

namespace {

using kmem::system;

/// kmem's system calls may set errno; a successful malloc() must not.
class KeepErrno {
 public:
  KeepErrno() : saved_(errno) {}
  ~KeepErrno() { errno = saved_; }
  KeepErrno(const KeepErrno&) = delete;
  KeepErrno& operator=(const KeepErrno&) = delete;

 private:
  int saved_;
};

KMEM_NOINLINE void* out_of_memory() {
  errno = ENOMEM;
  return nullptr;
}

using Own = kmem::CpuStack::Own;  // of a thread that has no restartable sequences

KMEM_NOINLINE void* from_heap(size_t size, kmem::Contents contents, kmem::Counted counted) {
  const KeepErrno keep;
  return kmem::slow_malloc(size, contents, counted);
}

KMEM_NOINLINE void* malloc_from_heap(size_t size, kmem::Counted counted) {
  void* p = from_heap(size, kmem::Contents::Any, counted);
  if (KMEM_UNLIKELY(!p)) return out_of_memory();
  if (KMEM_UNLIKELY(malloc_settings.perturbs())) malloc_settings.fill_new(p, size);
  return p;
}

KMEM_NOINLINE void* filled(void* p, size_t size) { return malloc_settings.fill_new(p, size), p; }

KMEM_NOINLINE void* malloc_past_sheaf(size_t size) {
  if (void* p = kmem::kept::malloc(size)) return KMEM_LIKELY(!malloc_settings.perturbs()) ? p : filled(p, size);
  void* p = kmem::fast::malloc<Own>(size);
  return KMEM_LIKELY(p != nullptr) ? p : malloc_from_heap(size, kmem::Counted::No);
}

/// While a profile is taken, this is the fast path.  Its calls are the last thing that it does, so it has no stack frame.
KMEM_NOINLINE void* malloc_counted(size_t size) {
  if (!kmem::profiled::counts(size)) return malloc_past_sheaf(size);
  kmem::Counted counted;
  void* p = kmem::profiled::malloc(size, counted);
  return KMEM_LIKELY(p != nullptr) ? p : malloc_from_heap(size, counted);
}

KMEM_NOINLINE void* take_freed(unsigned object_class, size_t size) {
  const KeepErrno keep;
  kmem::follow_profile();
  return kmem::hardened::take_freed(object_class, size);
}

KMEM_NOINLINE void* malloc_freed(unsigned object_class, size_t size) {
  void* p = take_freed(object_class, size);
  return KMEM_LIKELY(p != nullptr) ? p : malloc_counted(size);
}

KMEM_NOINLINE void* malloc_slowly(size_t size) { return kmem::hardened::malloc(size, malloc_counted, malloc_freed); }

/// Applies mallopt()'s settings before a block is freed; returns the number of bytes for after_free().
KMEM_INLINE size_t before_free(void* p) {
  return KMEM_UNLIKELY(malloc_settings.see_frees()) ? malloc_settings.note_free(p) : 0;
}
KMEM_INLINE void after_free(size_t returned) {
  if (KMEM_UNLIKELY(returned)) MallocSettings::give_back(returned);
}

KMEM_NOINLINE void put_away(void* p, unsigned object_class) { system().heap.cache(object_class).put_away(p); }

/// Was it a sealed block, which is freed now? False: the next way is tried.
KMEM_INLINE bool is_freed(kmem::hardened::Freed freed, void* p, unsigned object_class) {
  if (KMEM_LIKELY(freed == kmem::hardened::Freed::Done)) return true;
  if (freed != kmem::hardened::Freed::Closed) return false;
  put_away(p, object_class);
  return true;
}

KMEM_NOINLINE void release(kmem::KeptBlocks::Kept run) {
  const KeepErrno keep;
  system().heap.runs().release(run);
}
/// Keeps a large block whose length comes and goes.
KMEM_INLINE bool keeps(void* p) {
  kmem::KeptBlocks::Kept other;
  if (malloc_settings.see_frees() || !kmem::kept::free(p, other)) return false;
  if (KMEM_UNLIKELY(other)) release(other);
  return true;
}

KMEM_NOINLINE void free_past_sheaf(void* p, unsigned object_class) {
  if (is_freed(kmem::hardened::free_any(p, object_class), p, object_class)) return;
  if (reinterpret_cast<uintptr_t>(p) % kmem::kPageSize == 0 && keeps(p)) return;
  if (!p || KMEM_LIKELY(kmem::fast::free<Own>(p) == kmem::Push::Done)) return;
  const KeepErrno keep;
  const size_t returned = before_free(p);
  if (!kmem::slow_free(p)) return kmem::report_foreign_free(p);
  after_free(returned);
}

KMEM_NOINLINE void free_ample(void* p, unsigned object_class) {
  if (!is_freed(kmem::hardened::free_ample(p, object_class), p, object_class)) free_past_sheaf(p, object_class);
}

KMEM_NOINLINE void free_zeroed(void* p, unsigned object_class) {
  if (!is_freed(kmem::hardened::free_zeroed(p, object_class), p, object_class)) free_ample(p, object_class);
}

KMEM_NOINLINE void free_slowly(void* p) {
  unsigned object_class;
  if (KMEM_UNLIKELY(!kmem::hardened::find_class(p, object_class))) return free_past_sheaf(p, 0);
  if (kmem_seals[object_class].zeroes()) return free_zeroed(p, object_class);
  if (!is_freed(kmem::hardened::free_marked(p, object_class), p, object_class)) free_ample(p, object_class);
}

KMEM_NOINLINE void free_sized_slowly(void* p, size_t size) {
  if (KMEM_LIKELY(p && kmem::hardened::asked(p) == size)) return free_slowly(p);
  if (!p || KMEM_LIKELY(kmem::fast::free<Own>(p) == kmem::Push::Done)) return;
  const KeepErrno keep;
  const size_t returned = before_free(p);
  if (!kmem::slow_free_sized(p, size)) return kmem::report_foreign_free(p);
  after_free(returned);
}

KMEM_NOINLINE void free_badly(void* p) {
  const KeepErrno keep;
  kmem::report_bad_free(p);
}

KMEM_COLD void report_other_shape(const void* p, size_t align, size_t size, size_t room) {
  const KeepErrno keep;
  static kmem::RateLimit limit;
  kmem::bug_report_limited(limit, kmem::Trouble::Bug,
                           "sized free of %p: %zu bytes at a multiple of %zu are given back, it has room for %zu", p, size,
                           align, room);
}

/// realloc() by malloc() and free(), which apply M_PERTURB and handle blocks of another kmem of the process.
void* realloc_filling(void* p, size_t old, size_t size) {
  void* q = malloc_slowly(size);
  if (!q) return nullptr;
  memcpy(q, p, old < size ? old : size);
  free_slowly(p);
  return q;
}

KMEM_NOINLINE void* realloc_past_sheaf(void* p, size_t size) {
  void* q = nullptr;
  if (KMEM_UNLIKELY(malloc_settings.perturbs()))
    if (const size_t room = system().heap.usable(p); room && !kmem::keeps_place(room, size))
      return realloc_filling(p, room, size);
  {
    const KeepErrno keep;
    if (kmem::boot() && system().heap.usable(p)) q = system().heap.realloc(p, size);
    else if (const size_t room = kmem::usable_at_neighbours(p)) q = realloc_filling(p, room, size);
    else kmem::report_bad_free(p);
  }
  return q ? q : out_of_memory();
}

KMEM_NOINLINE void* realloc_slowly(void* p, size_t size) {
  size_t old;
  switch (kmem::hardened::resize(p, size, old)) {
    case kmem::hardened::Resized::Stays: return p;
    case kmem::hardened::Resized::Moves: return realloc_filling(p, old, size);
    default: return realloc_past_sheaf(p, size);
  }
}

KMEM_NOINLINE size_t usable_slowly(const void* p) {
  if (const kmem::Seal& seal = kmem_seals[kmem::hardened::class_of(p)]; seal.on())
    return seal.asked(static_cast<const char*>(p));
  const KeepErrno keep;
  if (!p || !kmem::boot()) return 0;
  const size_t size = system().heap.usable(p);
  return size ? size : kmem::usable_at_neighbours(p);
}

KMEM_INLINE size_t usable(const void* p) {
  const size_t size = kmem::fast::size_of(p);
  return KMEM_LIKELY(size) ? size : usable_slowly(p);
}

KMEM_COLD size_t size_of_no_block(const void* p) {
  const KeepErrno keep;
  if (p && kmem::system().options.hardened)
    kmem::bug_report(kmem::Trouble::Bug, "malloc_usable_size of %p, which is not the start of a block that is in use", p);
  return 0;
}

bool valid_alignment(size_t align) { return align && (align & (align - 1)) == 0; }

KMEM_NOINLINE void* aligned_slowly(size_t align, size_t size) {
  if (void* p = kmem::hardened::malloc_aligned(size, align)) return p;
  void* p = kmem::fast::malloc_aligned<Own>(size, align);
  if (KMEM_LIKELY(p != nullptr)) return p;
  const KeepErrno keep;
  p = kmem::slow_malloc_aligned(size, align);
  if (KMEM_UNLIKELY(malloc_settings.perturbs()) && p) malloc_settings.fill_new(p, size);
  return p;
}

KMEM_INLINE void* aligned(size_t align, size_t size) {
  void* p = kmem::fast::malloc_aligned(size, align);
  return KMEM_LIKELY(p != nullptr) ? p : aligned_slowly(align, size);
}

/// Sparsely, because a block larger than a page may have pages that were never touched.
KMEM_INLINE void* zeroed(void* p, size_t bytes) {
  if (KMEM_LIKELY(bytes <= kmem::kPageSize)) return memset(p, 0, bytes);
  kmem::clear_sparsely(static_cast<char*>(p), bytes);
  return p;
}

KMEM_NOINLINE void* calloc_slowly(size_t bytes) {
  void* p = kmem::hardened::malloc(bytes);
  if (p) return kmem_hardened.comes_zero ? p : zeroed(p, bytes);
  kmem::Counted counted = kmem::Counted::No;
  p = kmem::profiled::counts(bytes) ? kmem::profiled::malloc(bytes, counted) : kmem::fast::malloc<Own>(bytes);
  if (KMEM_LIKELY(p != nullptr)) return zeroed(p, bytes);
  p = from_heap(bytes, kmem::Contents::Zero, counted);
  return p ? p : out_of_memory();
}

KMEM_INLINE void* aligned_or_errno(size_t align, size_t size) {
  void* p = aligned(align, size);
  return p ? p : out_of_memory();
}

}  // namespace

extern "C" {

KMEM_EXPORT void* malloc(size_t size) {
  void* p = kmem::fast::malloc(size);
  return KMEM_LIKELY(p != nullptr) ? p : malloc_slowly(size);
}

KMEM_EXPORT void free(void* p) {
  const kmem::Push pushed = kmem::fast::free(p);
  if (KMEM_LIKELY(pushed == kmem::Push::Done)) return;
  if (pushed == kmem::Push::Full) return free_slowly(p);
  free_badly(p);
}

[[gnu::alias("free")]] void kmem_own_free(void* p) noexcept;

void kmem_own_free_sized(void* p, size_t size) noexcept {
  const kmem::Push pushed = kmem::fast::free(p);
  if (KMEM_LIKELY(pushed == kmem::Push::Done)) return;
  if (pushed == kmem::Push::Full) return free_sized_slowly(p, size);
  free_badly(p);
}

KMEM_REPLACEABLE void* calloc(size_t n, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(n, size, &bytes)) return out_of_memory();
  void* p = kmem::fast::malloc(bytes);
  return KMEM_LIKELY(p != nullptr) ? zeroed(p, bytes) : calloc_slowly(bytes);
}

KMEM_EXPORT void* realloc(void* p, size_t size) {
  if (!p) return malloc(size);
  if (KMEM_UNLIKELY(!size)) {
    kmem_own_free(p);
    return nullptr;
  }
  const unsigned from = kmem::fast::class_of(p);
  const size_t old = from ? kmem::fast::class_size(from) : 0;
  if (KMEM_UNLIKELY(!old)) return realloc_slowly(p, size);
  if (kmem::object_stays(old, size, [&] { return kmem::fast::malloc_class(size) == from; })) return p;
  // A block that has grown will probably grow again: a quarter of reserve saves later copies.
  const size_t ample = old + old / 4;
  void* q = size > old && size < ample ? malloc(ample) : nullptr;
  if (!q) q = malloc(size);
  if (KMEM_UNLIKELY(!q)) return nullptr;
  memcpy(q, p, old < size ? old : size);
  kmem_own_free(p);
  return q;
}

KMEM_REPLACEABLE int posix_memalign(void** out, size_t align, size_t size) {
  if (!valid_alignment(align) || align % sizeof(void*)) return EINVAL;
  void* p = aligned(align, size);
  if (!p) return ENOMEM;
  *out = p;
  return 0;
}

KMEM_REPLACEABLE void* memalign(size_t align, size_t size) {
  // As in glibc, an alignment that is not a power of two is rounded up to one.
  if (align > SIZE_MAX / 2 + 1) {
    errno = EINVAL;
    return nullptr;
  }
  return aligned_or_errno(valid_alignment(align) ? align : size_t{1} << kmem::log2_ceil(align), size);
}

KMEM_REPLACEABLE void* aligned_alloc(size_t align, size_t size) {
  if (valid_alignment(align)) return aligned_or_errno(align, size);
  errno = EINVAL;
  return nullptr;
}

KMEM_REPLACEABLE void* valloc(size_t size) { return aligned_or_errno(kmem::kPageSize, size); }

KMEM_REPLACEABLE void* pvalloc(size_t size) {
  const size_t whole = kmem::round_up(size ? size : 1, kmem::kPageSize);
  return whole < size ? out_of_memory() : aligned_or_errno(kmem::kPageSize, whole);
}

// On a fast path, because some programs call it at every malloc and free.
KMEM_REPLACEABLE size_t malloc_usable_size(void* p) {
  const size_t size = usable(p);
  return KMEM_LIKELY(size) ? size : size_of_no_block(p);
}

void kmem_own_free_aligned_sized(void* p, size_t align, size_t size) noexcept {
  const size_t room = p ? usable(p) : 0;
  const bool aligned = !(reinterpret_cast<uintptr_t>(p) & (align - 1));
  if (KMEM_UNLIKELY(room && (size > room || !aligned))) report_other_shape(p, align, size, room);
  kmem_own_free(p);
}

}  // extern "C"
