// Functions that C23 and glibc define by realloc() and free(): if a program replaces those, these call the program's.

#include <errno.h>
#include <stddef.h>

#include "own.h"

extern "C" {

void free(void* p) noexcept;
void* realloc(void* p, size_t size) noexcept;

KMEM_REPLACEABLE void* reallocarray(void* p, size_t n, size_t size) {
  size_t bytes;
  if (!__builtin_mul_overflow(n, size, &bytes)) return realloc(p, bytes);
  errno = ENOMEM;
  return nullptr;
}

KMEM_REPLACEABLE void cfree(void* p) { free(p); }

KMEM_REPLACEABLE void free_sized(void* p, size_t size) {
  is_ours(free, kmem_own_free) ? kmem_own_free_sized(p, size) : free(p);
}

KMEM_REPLACEABLE void free_aligned_sized(void* p, size_t align, size_t size) {
  is_ours(free, kmem_own_free) ? kmem_own_free_aligned_sized(p, align, size) : free(p);
}

}  // extern "C"
