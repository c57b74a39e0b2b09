#ifndef KMEM_LINUX_LOG2_H
#define KMEM_LINUX_LOG2_H
/* Logarithms and powers of two.  Of constants constants.  Not for 0, unless it says so. */
#include <linux/bitops.h>

#define const_ilog2(n) (63 - __builtin_clzll(n))
/** Rounded down. */
#define ilog2(n) (63 - __builtin_clzll((unsigned long long)(n)))
#define __ilog2_u32(n) ilog2((u32)(n))
#define __ilog2_u64(n) ilog2((u64)(n))
/** 0 is none. */
static inline bool is_power_of_2(unsigned long n) { return n != 0 && (n & (n - 1)) == 0; }
#define roundup_pow_of_two(n) ((n) == 1 ? 1UL : 1UL << (ilog2((unsigned long)(n)-1) + 1))
#define rounddown_pow_of_two(n) (1UL << ilog2((unsigned long)(n)))
#define __roundup_pow_of_two(n) roundup_pow_of_two(n)
/** Rounded up; 0 for 0 and 1. */
#define order_base_2(n) ((unsigned long)(n) > 1 ? ilog2((unsigned long)(n)-1) + 1 : 0)
/** How many bits a number takes; 1 for 0. */
#define bits_per(n) ((n) < 2 ? 1 : ilog2((unsigned long)(n)) + 1)
#endif
