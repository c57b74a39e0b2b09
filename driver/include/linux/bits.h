#ifndef KMEM_LINUX_BITS_H
#define KMEM_LINUX_BITS_H
/* Numbers made of bits.  Constants of constants. */
#include <linux/build_bug.h>

#undef BITS_PER_LONG /* kmem's <linux/bitmap.h> has it as an int's expression */
#ifdef __LP64__
#define BITS_PER_LONG 64
#else
#define BITS_PER_LONG 32
#endif
#define BITS_PER_LONG_LONG 64
#define BITS_PER_BYTE 8

#ifndef BIT
#define BIT(nr) (1UL << (nr))
#endif
#define BIT_ULL(nr) (1ULL << (nr))
/** The word of a bitmap that a bit is in, and the bit in that word. */
#define BIT_WORD(nr) ((nr) / BITS_PER_LONG)
#define BIT_MASK(nr) (1UL << ((nr) % BITS_PER_LONG))
#define BIT_ULL_WORD(nr) ((nr) / BITS_PER_LONG_LONG)
#define BIT_ULL_MASK(nr) (1ULL << ((nr) % BITS_PER_LONG_LONG))

/** Bits low to high, both of them among those set.  The wrong way round it does not compile. */
#define GENMASK(high, low) ((~0UL << (low)) & (~0UL >> (BITS_PER_LONG - 1 - (high))))
#define GENMASK_ULL(high, low) ((~0ULL << (low)) & (~0ULL >> (BITS_PER_LONG_LONG - 1 - (high))))

#endif
