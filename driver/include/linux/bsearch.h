#ifndef KMEM_LINUX_BSEARCH_H
#define KMEM_LINUX_BSEARCH_H
/* Finds an element of a sorted array for which compare(key, element) is 0; NULL if there is none. Any context. */
#include <linux/sort.h>

static inline void* __inline_bsearch(const void* key, const void* base, size_t n, size_t size, cmp_func_t compare) {
  const char* first = (const char*)base;
  while (n > 0) {
    const char* middle = first + n / 2 * size;
    const int order = compare(key, middle);
    if (order == 0) return (void*)(unsigned long)middle;
    if (order > 0) {
      first = middle + size;
      --n;
    }
    n /= 2;
  }
  return 0;
}
#if __STDC_HOSTED__
/* The C library's, whose header has an abs() that kernel code replaces. */
#ifdef __cplusplus
extern "C"
#else
extern
#endif
    void*
    bsearch(const void* key, const void* base, size_t n, size_t size, cmp_func_t compare);
#else
#define bsearch(key, base, n, size, compare) __inline_bsearch((key), (base), (n), (size), (compare))
#endif

#endif
