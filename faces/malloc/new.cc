// Every form of operator new.  The array form calls the form for a single object, and the nothrow forms call the throwing ones
// ([new.delete]). If a program replaces one of these, the other forms call the program's; otherwise, which is a comparison of
// addresses, they call kmem directly.
//
// The symbols of the C++ library for throwing are weak, because a C program has none; a program that calls operator new has
// them.

#include <stddef.h>

#include <new>

#include "own.h"
#include "slab/fast_path.h"

extern "C" {
void* malloc(size_t) noexcept;
void* aligned_alloc(size_t, size_t) noexcept;

// Hidden aliases of kmem's own basic forms, whether the program replaces them or not.
#define KMEM_OWN(name) [[gnu::alias(name)]] KMEM_HIDDEN __attribute__((malloc, alloc_size(1)))
KMEM_OWN("_Znwm") void* kmem_own_new(size_t size);
KMEM_OWN("_Znam") void* kmem_own_new_array(size_t size);
KMEM_OWN("_ZnwmSt11align_val_t") void* kmem_own_new_aligned(size_t size, std::align_val_t align);
KMEM_OWN("_ZnamSt11align_val_t") void* kmem_own_new_array_aligned(size_t size, std::align_val_t align);
}

namespace std {
[[gnu::weak]] new_handler get_new_handler() noexcept;
[[gnu::weak]] void __throw_bad_alloc();
}  // namespace std

namespace {

using New = void*(size_t);
using NewAligned = void*(size_t, std::align_val_t);

bool one_is_ours() { return is_ours<New>(&operator new, kmem_own_new); }
bool array_is_ours() { return is_ours<New>(&operator new[], kmem_own_new_array) && one_is_ours(); }
bool aligned_is_ours() { return is_ours<NewAligned>(&operator new, kmem_own_new_aligned); }
bool aligned_array_is_ours() { return is_ours<NewAligned>(&operator new[], kmem_own_new_array_aligned) && aligned_is_ours(); }

size_t plain(std::align_val_t align) { return static_cast<size_t>(align); }

void* get(size_t size, size_t align) { return align ? aligned_alloc(align, size ? size : 1) : malloc(size); }

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

// Only C++ programs, which have the C++ runtime, can throw; a C program that preloads kmem never gets here.
asm(".weak __gxx_personality_v0\n.weak __cxa_begin_catch\n.weak __cxa_end_catch\n.weak _Unwind_Resume\n.weak _ZSt9terminatev");

/// Null if a new-handler, or a program's own operator new, throws.
template <typename... Shape>
KMEM_NOINLINE void* or_null(void* (*form)(Shape...), Shape... shape) noexcept {
  try {
    return form(shape...);
  } catch (...) {
    return nullptr;
  }
}
void* get_or_null(size_t size, size_t align) { return or_null(get_with_handler, size, align); }

}  // namespace

KMEM_REPLACEABLE void* operator new(size_t size) { return get_fast(size); }
KMEM_REPLACEABLE void* operator new[](size_t size) { return one_is_ours() ? get_fast(size) : operator new(size); }
KMEM_REPLACEABLE void* operator new(size_t size, const std::nothrow_t&) noexcept {
  return one_is_ours() ? get_or_null(size, 0) : or_null<size_t>(&operator new, size);
}
KMEM_REPLACEABLE void* operator new[](size_t size, const std::nothrow_t&) noexcept {
  return array_is_ours() ? get_or_null(size, 0) : or_null<size_t>(&operator new[], size);
}

KMEM_REPLACEABLE void* operator new(size_t size, std::align_val_t align) { return get_aligned_fast(size, plain(align)); }
KMEM_REPLACEABLE void* operator new[](size_t size, std::align_val_t align) {
  return aligned_is_ours() ? get_aligned_fast(size, plain(align)) : operator new(size, align);
}
KMEM_REPLACEABLE void* operator new(size_t size, std::align_val_t align, const std::nothrow_t&) noexcept {
  return aligned_is_ours() ? get_or_null(size, plain(align)) : or_null<size_t, std::align_val_t>(&operator new, size, align);
}
KMEM_REPLACEABLE void* operator new[](size_t size, std::align_val_t align, const std::nothrow_t&) noexcept {
  if (aligned_array_is_ours()) return get_or_null(size, plain(align));
  return or_null<size_t, std::align_val_t>(&operator new[], size, align);
}
