#ifndef KMEM_LINUX_HASH_H
#define KMEM_LINUX_HASH_H
/* Hashes of numbers and pointers, by multiplication with a fraction of the golden ratio: the highest bits are the best. */
#include <linux/bits.h>
#include <linux/types.h>

#define GOLDEN_RATIO_32 0x61C88647u
#define GOLDEN_RATIO_64 0x61C8864680B583EBull
#define GOLDEN_RATIO_PRIME GOLDEN_RATIO_64

static inline u32 __hash_32(u32 value) { return value * GOLDEN_RATIO_32; }
/** 0 ... 2^bits - 1. */
static inline u32 hash_32(u32 value, unsigned int bits) { return __hash_32(value) >> (32 - bits); }
static inline u32 hash_64(u64 value, unsigned int bits) { return (u32)(value * GOLDEN_RATIO_64 >> (64 - bits)); }
static inline u32 hash_long(unsigned long value, unsigned int bits) { return hash_64(value, bits); }
static inline u32 hash_ptr(const void* pointer, unsigned int bits) { return hash_long((unsigned long)pointer, bits); }
/** All the bits of an address in 32. */
static inline u32 hash32_ptr(const void* pointer) {
  return (u32)((u64)(unsigned long)pointer ^ (u64)(unsigned long)pointer >> 32);
}
#endif
