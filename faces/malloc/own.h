#pragma once
// Whether a function is kmem's or the program's. A program may replace some of these functions and leave the others to kmem;
// those that the standards define by a replaced one must then call the program's. A plain name is resolved by the dynamic
// linker, or in a static program by the linker; the names below always lead to kmem's.

#include <stddef.h>

#include "base/attributes.h"

/// Weak, so that a statically linked program may define its own without a linker error.
#define KMEM_REPLACEABLE __attribute__((weak, visibility("default")))

extern "C" {
KMEM_HIDDEN void kmem_own_free(void* p) noexcept;
/// free() with the size, which is checked only on the slow path.
KMEM_HIDDEN void kmem_own_free_sized(void* p, size_t size) noexcept;
/// The same, but always checks the size.
KMEM_HIDDEN void kmem_own_free_aligned_sized(void* p, size_t align, size_t size) noexcept;
}

/// Does the name lead to kmem's function?
template <typename Function>
KMEM_INLINE bool is_ours(Function* found, Function* own) {
  asm("" : "+r"(found));  // keeps the compiler from folding the comparison
  return KMEM_LIKELY(found == own);
}
