/* More arithmetic of whole numbers, over kmem's own <linux/math.h>. */
#include_next <linux/math.h>

#ifndef KMEM_DRIVER_LINUX_MATH_H
#define KMEM_DRIVER_LINUX_MATH_H
#include <linux/types.h>

/** To the next whole number, away from 0 at the half. */
#define DIV_ROUND_CLOSEST(n, d)                                                                                        \
  __extension__({                                                                                                      \
    const __typeof__((n) + 0) kmem_n = (n);                                                                            \
    const __typeof__((d) + 0) kmem_d = (d);                                                                            \
    ((__typeof__(n))-1 > 0 || (__typeof__(d))-1 > 0 || (kmem_n > 0) == (kmem_d > 0)) ? (kmem_n + kmem_d / 2) / kmem_d  \
                                                                                     : (kmem_n - kmem_d / 2) / kmem_d; \
  })
#define DIV_ROUND_DOWN_ULL(n, d) ((unsigned long long)(n) / (d))
#define DIV_ROUND_UP_ULL(n, d) (((unsigned long long)(n) + (d)-1) / (d))
#define DIV_ROUND_CLOSEST_ULL(n, d) (((unsigned long long)(n) + (d) / 2) / (d))
#define DIV_ROUND_UP_SECTOR_T(n, d) DIV_ROUND_UP_ULL(n, d)
/** x * n / d, computed with x = q * d + r as q * n + r * n / d: no overflow unless the result overflows. */
#define mult_frac(x, n, d)                                            \
  __extension__({                                                     \
    const __typeof__(x) kmem_x = (x), kmem_d = (d), kmem_f = (n);     \
    (kmem_x / kmem_d) * kmem_f + (kmem_x % kmem_d) * kmem_f / kmem_d; \
  })
#if !defined(__cplusplus) && !defined(abs)
#define abs(x)                              \
  __extension__({                           \
    const __typeof__((x) + 0) kmem_x = (x); \
    kmem_x < 0 ? -kmem_x : kmem_x;          \
  })
#endif
#define abs_diff(a, b)                                   \
  __extension__({                                        \
    const __typeof__(a) kmem_a = (a);                    \
    const __typeof__(b) kmem_b = (b);                    \
    kmem_a > kmem_b ? kmem_a - kmem_b : kmem_b - kmem_a; \
  })

/** Scales a random 32-bit number to 0 ... range - 1. */
static inline u32 reciprocal_scale(u32 value, u32 range) { return (u32)(((u64)value * range) >> 32); }

/** Rounded down. */
static inline unsigned long int_sqrt(unsigned long x) {
  unsigned long root = 0, bit;
  for (bit = 1UL << (8 * sizeof(long) - 2); bit; bit >>= 2) {
    if (x >= root + bit) {
      x -= root + bit;
      root = (root >> 1) + bit;
    } else {
      root >>= 1;
    }
  }
  return root;
}
static inline u32 int_sqrt64(u64 x) { return (u32)int_sqrt((unsigned long)x); }
static inline u64 int_pow(u64 base, unsigned int exponent) {
  u64 power = 1;
  for (; exponent; exponent >>= 1, base *= base)
    if (exponent & 1) power *= base;
  return power;
}

#endif
