#ifndef KMEM_LINUX_LCM_H
#define KMEM_LINUX_LCM_H
#include <linux/gcd.h>
/** The least common multiple; 0 if one of them is. */
static inline unsigned long lcm(unsigned long a, unsigned long b) { return a && b ? a / gcd(a, b) * b : 0; }
/** As lcm(), but the other number if one of them is 0. */
static inline unsigned long lcm_not_zero(unsigned long a, unsigned long b) { return lcm(a, b) ? lcm(a, b) : b ? b : a; }
#endif
