// Every form of operator new and delete.
//
// Throwing is the C++ library's business, and a C program has none: the symbols for it are weak, and a program that
// calls operator new has them.

#include <stddef.h>
#include <stdint.h>

#include <new>

#include "base/attributes.h"
#include "slab/fast_path.h"

extern "C" {
void* malloc(size_t) noexcept;
void free(void*) noexcept;
void free_sized(void*, size_t) noexcept;
void free_aligned_sized(void*, size_t, size_t) noexcept;
void* aligned_alloc(size_t, size_t) noexcept;
}

namespace std {
[[gnu::weak]] new_handler get_new_handler() noexcept;
[[gnu::weak]] void __throw_bad_alloc();
}  // namespace std

namespace {

void* get(size_t size, size_t align) {
  return align ? aligned_alloc(align, size ? size : 1) : malloc(size);
}

/// Calls the new-handler until there is memory, or no handler.
KMEM_NOINLINE void* get_with_handler(size_t size, size_t align) {
  for (;;) {
    if (void* p = get(size, align)) return p;
    const std::new_handler handler = std::get_new_handler ? std::get_new_handler() : nullptr;
    if (!handler) return nullptr;
    handler();
  }
}

KMEM_NOINLINE void* get_or_throw(size_t size, size_t align) {
  if (void* p = get_with_handler(size, align)) return p;
  if (std::__throw_bad_alloc) std::__throw_bad_alloc();
  __builtin_trap();
}

KMEM_INLINE void* get_fast(size_t size) {
  void* p = kmem::fast::malloc(size);
  return KMEM_LIKELY(p != nullptr) ? p : get_or_throw(size, 0);
}

KMEM_INLINE void* get_aligned_fast(size_t size, size_t align) {
  void* p = kmem::fast::malloc_aligned(size, align);
  return KMEM_LIKELY(p != nullptr) ? p : get_or_throw(size, align);
}

// The C++ runtime is there when somebody throws; a C program that preloads us has none, and never comes here.
asm(".weak __gxx_personality_v0\n.weak __cxa_begin_catch\n.weak __cxa_end_catch\n.weak _Unwind_Resume\n.weak _ZSt9terminatev");

/// What a nothrow form gives: a new-handler may throw, and that means null.
KMEM_NOINLINE void* get_or_null(size_t size, size_t align) noexcept {
  try {
    return get_with_handler(size, align);
  } catch (...) {
    return nullptr;
  }
}

size_t plain(std::align_val_t align) { return static_cast<size_t>(align); }

}  // namespace

#define KMEM_NEW(...) KMEM_EXPORT void* operator new(__VA_ARGS__)
#define KMEM_NEW_ARRAY(...) KMEM_EXPORT void* operator new[](__VA_ARGS__)
#define KMEM_DELETE(...) \
  KMEM_EXPORT void operator delete(void* p __VA_OPT__(, ) __VA_ARGS__) noexcept { free(p); } \
  KMEM_EXPORT void operator delete[](void* p __VA_OPT__(, ) __VA_ARGS__) noexcept { free(p); }

KMEM_NEW(size_t size) { return get_fast(size); }
KMEM_NEW_ARRAY(size_t size) { return get_fast(size); }
KMEM_NEW(size_t size, std::align_val_t align) { return get_aligned_fast(size, plain(align)); }
KMEM_NEW_ARRAY(size_t size, std::align_val_t align) { return get_aligned_fast(size, plain(align)); }
KMEM_NEW(size_t size, const std::nothrow_t&) noexcept { return get_or_null(size, 0); }
KMEM_NEW_ARRAY(size_t size, const std::nothrow_t&) noexcept { return get_or_null(size, 0); }
KMEM_NEW(size_t size, std::align_val_t align, const std::nothrow_t&) noexcept {
  return get_or_null(size, plain(align));
}
KMEM_NEW_ARRAY(size_t size, std::align_val_t align, const std::nothrow_t&) noexcept {
  return get_or_null(size, plain(align));
}

KMEM_DELETE()
KMEM_DELETE(const std::nothrow_t&)
// Who deletes with a size is asked whether it is the right one, where the block takes the long way.
KMEM_EXPORT void operator delete(void* p, size_t size) noexcept { free_sized(p, size); }
KMEM_EXPORT void operator delete[](void* p, size_t size) noexcept { free_sized(p, size); }
KMEM_DELETE(std::align_val_t)
KMEM_EXPORT void operator delete(void* p, size_t size, std::align_val_t align) noexcept { free_aligned_sized(p, plain(align), size); }
KMEM_EXPORT void operator delete[](void* p, size_t size, std::align_val_t align) noexcept { free_aligned_sized(p, plain(align), size); }
KMEM_DELETE(std::align_val_t, const std::nothrow_t&)
