#ifndef KMEM_ASM_DIV64_H
#define KMEM_ASM_DIV64_H
#include <linux/types.h>
/** Sets n to n / d and returns the remainder. n is a u64, d a u32. */
#define do_div(n, d)                                 \
  __extension__({                                    \
    const u32 kmem_divisor = (u32)(d);               \
    const u32 kmem_rest = (u32)((n) % kmem_divisor); \
    (n) /= kmem_divisor;                             \
    kmem_rest;                                       \
  })
#endif
