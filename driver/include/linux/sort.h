#ifndef KMEM_LINUX_SORT_H
#define KMEM_LINUX_SORT_H
/* Sorting an array in place: heap sort, n log n steps in the worst case, no memory and no recursion.  Not stable.  Any context.
 * `compare` returns below 0, 0, above 0; `swap` exchanges two elements, NULL: byte by byte. */
#include <kmem/driver_face.h>
#include <linux/types.h>

typedef int (*cmp_func_t)(const void* a, const void* b);
typedef int (*cmp_r_func_t)(const void* a, const void* b, const void* context);
typedef void (*swap_func_t)(void* a, void* b, int size);
typedef void (*swap_r_func_t)(void* a, void* b, int size, const void* context);

KMEM_BEGIN_C
KMEM_API void sort_r(void* base, size_t n, size_t size, cmp_r_func_t compare, swap_r_func_t swap_elements, const void* context)
    KMEM_DRIVER_NAME(sort_r);
KMEM_API void sort(void* base, size_t n, size_t size, cmp_func_t compare, swap_func_t swap_elements) KMEM_DRIVER_NAME(sort);
KMEM_END_C

#endif
