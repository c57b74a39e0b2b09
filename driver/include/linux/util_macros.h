#ifndef KMEM_LINUX_UTIL_MACROS_H
#define KMEM_LINUX_UTIL_MACROS_H
#include <linux/math.h>
/** The index of the element of a sorted array that is nearest to x; of an ascending and of a descending one. */
#define KMEM_FIND_CLOSEST_(x, array, n, op)                                                    \
  __extension__({                                                                              \
    unsigned int kmem_at = 0;                                                                  \
    while (kmem_at + 1 < (n) && (x)op((array)[kmem_at] + (array)[kmem_at + 1]) / 2) ++kmem_at; \
    kmem_at;                                                                                   \
  })
#define find_closest(x, array, n) KMEM_FIND_CLOSEST_((x), (array), (n), >)
#define find_closest_descending(x, array, n) KMEM_FIND_CLOSEST_((x), (array), (n), <)
#endif
