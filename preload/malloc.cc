// malloc and its relatives over kmem, for LD_PRELOAD or linking.
//
// The C standard, POSIX and glibc's manual say what these do; here is only what they add to the heap below: errno, which
// only a failure may change, zero sizes, and overflow.

#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "api/system.h"
#include "base/attributes.h"
#include "slab/fast_path.h"

bool kmem_serves_malloc = true;

namespace {

using kmem::system;

/// System calls below may set errno; a call that succeeds must not.
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

KMEM_NOINLINE void* malloc_slowly(size_t size) {
  void* p;
  {
    const KeepErrno keep;
    p = kmem::slow_malloc(size, false);
  }
  return KMEM_LIKELY(p != nullptr) ? p : out_of_memory();
}

KMEM_NOINLINE void free_slowly(void* p) {
  if (!p) return;
  const KeepErrno keep;
  if (!kmem::slow_free(p)) kmem::report_bad_free(p);
}

KMEM_NOINLINE void free_sized_slowly(void* p, size_t size) {
  if (!p) return;
  const KeepErrno keep;
  if (!kmem::slow_free_sized(p, size)) kmem::report_bad_free(p);
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

KMEM_NOINLINE void* realloc_slowly(void* p, size_t size) {
  void* q = nullptr;
  {
    const KeepErrno keep;
    if (kmem::boot() && system().heap.usable(p)) q = system().heap.realloc(p, size, kmem::gfp::kKernel, true);
    else kmem::report_bad_free(p);
  }
  return q ? q : out_of_memory();
}

KMEM_NOINLINE size_t usable_slowly(const void* p) {
  const KeepErrno keep;
  return p && kmem::boot() ? system().heap.usable(p) : 0;
}

bool valid_alignment(size_t align) { return align && (align & (align - 1)) == 0; }

KMEM_NOINLINE void* aligned_slowly(size_t align, size_t size) {
  const KeepErrno keep;
  return kmem::boot() ? system().heap.malloc_aligned(size, align) : nullptr;
}

KMEM_INLINE void* aligned(size_t align, size_t size) {
  void* p = kmem::fast::malloc_aligned(size, align);
  return KMEM_LIKELY(p != nullptr) ? p : aligned_slowly(align, size);
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

KMEM_EXPORT void cfree(void* p) { free(p); }

/// C23: free(), for who knows the size.  Where the block takes the long way, the size is looked at.
KMEM_EXPORT void free_sized(void* p, size_t size) {
  const kmem::Push pushed = kmem::fast::free(p);
  if (KMEM_LIKELY(pushed == kmem::Push::Done)) return;
  if (pushed == kmem::Push::Full) return free_sized_slowly(p, size);
  free_badly(p);
}

KMEM_EXPORT void* calloc(size_t n, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(n, size, &bytes)) return out_of_memory();
  if (void* p = kmem::fast::malloc(bytes)) return memset(p, 0, bytes);
  void* p;
  {
    const KeepErrno keep;
    p = kmem::slow_malloc(bytes, true);
  }
  return p ? p : out_of_memory();
}

KMEM_EXPORT void* realloc(void* p, size_t size) {
  if (!p) return malloc(size);
  if (KMEM_UNLIKELY(!size)) {
    free(p);
    return nullptr;
  }
  const unsigned from = kmem::fast::class_of(p);
  const size_t old = from ? kmem::fast::class_size(from) : 0;
  if (KMEM_UNLIKELY(!old)) return realloc_slowly(p, size);
  // It stays where it is while it fits and uses at least half.
  if (size <= old && (size > old / 2 || kmem::fast::malloc_class(size) == from)) return p;
  // What has grown once grows again: a quarter more than it had saves the next copies.
  const size_t ample = old + old / 4;
  void* q = size > old && size < ample ? malloc(ample) : nullptr;
  if (!q) q = malloc(size);
  if (KMEM_UNLIKELY(!q)) return nullptr;
  memcpy(q, p, old < size ? old : size);
  free(p);
  return q;
}

KMEM_EXPORT void* reallocarray(void* p, size_t n, size_t size) {
  size_t bytes;
  return __builtin_mul_overflow(n, size, &bytes) ? out_of_memory() : realloc(p, bytes);
}

KMEM_EXPORT int posix_memalign(void** out, size_t align, size_t size) {
  if (!valid_alignment(align) || align % sizeof(void*)) return EINVAL;
  void* p = aligned(align, size);
  if (!p) return ENOMEM;
  *out = p;
  return 0;
}

KMEM_EXPORT void* memalign(size_t align, size_t size) {
  // As glibc: an alignment that is no power of two is rounded up to one.
  if (align > SIZE_MAX / 2 + 1) {
    errno = EINVAL;
    return nullptr;
  }
  return aligned_or_errno(valid_alignment(align) ? align : size_t{1} << kmem::log2_ceil(align), size);
}

KMEM_EXPORT void* aligned_alloc(size_t align, size_t size) {
  if (valid_alignment(align)) return aligned_or_errno(align, size);
  errno = EINVAL;
  return nullptr;
}

KMEM_EXPORT void* valloc(size_t size) { return aligned_or_errno(kmem::kPageSize, size); }

KMEM_EXPORT void* pvalloc(size_t size) {
  const size_t whole = kmem::round_up(size ? size : 1, kmem::kPageSize);
  return whole < size ? out_of_memory() : aligned_or_errno(kmem::kPageSize, whole);
}

// Some programs ask at each malloc and each free, to count.
KMEM_EXPORT size_t malloc_usable_size(void* p) {
  const size_t size = kmem::fast::size_of(p);
  return KMEM_LIKELY(size) ? size : usable_slowly(p);
}

/// C23.  Unlike free_sized() it is rare, and looks at what it is told each time.
KMEM_EXPORT void free_aligned_sized(void* p, size_t align, size_t size) {
  const size_t room = malloc_usable_size(p);
  const bool aligned = !(reinterpret_cast<uintptr_t>(p) & (align - 1));
  if (KMEM_UNLIKELY(room && (size > room || !aligned))) report_other_shape(p, align, size, room);
  free(p);
}

}  // extern "C"
