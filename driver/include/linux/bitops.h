#ifndef KMEM_LINUX_BITOPS_H
#define KMEM_LINUX_BITOPS_H
/* Single bits of bitmaps, which are arrays of unsigned long, and of numbers.
 *
 * set_bit(), clear_bit(), change_bit() are atomic and order nothing; test_and_...() are atomic and full barriers; the names
 * with two underscores are neither, for bitmaps that only one task uses. Any context.
 *
 * Meaning: the kernel's Documentation/atomic_bitops.txt. */
#include <asm/barrier.h>
#include <asm/cmpxchg.h>
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/types.h>

/** The number of words that hold so many bits. */
#undef BITS_TO_LONGS
#define BITS_TO_LONGS(nr) (((nr) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#define BITS_TO_U64(nr) (((nr) + 63) / 64)
#define BITS_TO_U32(nr) (((nr) + 31) / 32)
#define BITS_TO_BYTES(nr) (((nr) + 7) / 8)
#define BITS_PER_TYPE(type) (sizeof(type) * 8)

#define KMEM_BITOP_ static inline __attribute__((__unused__, __always_inline__))

/* The word of a bit. */
KMEM_BITOP_ volatile unsigned long* kmem_bit_word(long nr, const volatile unsigned long* map) {
  return (volatile unsigned long*)map + BIT_WORD(nr);
}

KMEM_BITOP_ void set_bit(long nr, volatile unsigned long* map) {
  __atomic_fetch_or(kmem_bit_word(nr, map), BIT_MASK(nr), __ATOMIC_RELAXED);
}
KMEM_BITOP_ void clear_bit(long nr, volatile unsigned long* map) {
  __atomic_fetch_and(kmem_bit_word(nr, map), ~BIT_MASK(nr), __ATOMIC_RELAXED);
}
KMEM_BITOP_ void change_bit(long nr, volatile unsigned long* map) {
  __atomic_fetch_xor(kmem_bit_word(nr, map), BIT_MASK(nr), __ATOMIC_RELAXED);
}
/* What the bit was. */
KMEM_BITOP_ bool kmem_bit_was(unsigned long word, long nr) {
  KMEM_FULL_BARRIER_();
  return (word & BIT_MASK(nr)) != 0;
}
KMEM_BITOP_ bool test_and_set_bit(long nr, volatile unsigned long* map) {
  return kmem_bit_was(__atomic_fetch_or(kmem_bit_word(nr, map), BIT_MASK(nr), __ATOMIC_SEQ_CST), nr);
}
KMEM_BITOP_ bool test_and_clear_bit(long nr, volatile unsigned long* map) {
  return kmem_bit_was(__atomic_fetch_and(kmem_bit_word(nr, map), ~BIT_MASK(nr), __ATOMIC_SEQ_CST), nr);
}
KMEM_BITOP_ bool test_and_change_bit(long nr, volatile unsigned long* map) {
  return kmem_bit_was(__atomic_fetch_xor(kmem_bit_word(nr, map), BIT_MASK(nr), __ATOMIC_SEQ_CST), nr);
}
KMEM_BITOP_ bool test_bit(long nr, const volatile unsigned long* map) {
  return (__atomic_load_n(kmem_bit_word(nr, map), __ATOMIC_RELAXED) & BIT_MASK(nr)) != 0;
}
KMEM_BITOP_ bool test_bit_acquire(long nr, const volatile unsigned long* map) {
  return (__atomic_load_n(kmem_bit_word(nr, map), __ATOMIC_ACQUIRE) & BIT_MASK(nr)) != 0;
}

/* A bit as a lock: acquire when it is set, release when it is cleared. */
KMEM_BITOP_ bool test_and_set_bit_lock(long nr, volatile unsigned long* map) {
  return (__atomic_fetch_or(kmem_bit_word(nr, map), BIT_MASK(nr), __ATOMIC_ACQUIRE) & BIT_MASK(nr)) != 0;
}
KMEM_BITOP_ void clear_bit_unlock(long nr, volatile unsigned long* map) {
  __atomic_fetch_and(kmem_bit_word(nr, map), ~BIT_MASK(nr), __ATOMIC_RELEASE);
}
KMEM_BITOP_ void __clear_bit_unlock(long nr, volatile unsigned long* map) { clear_bit_unlock(nr, map); }
/** Unlocks, and returns whether bit 7 of the byte is set. */
KMEM_BITOP_ bool clear_bit_unlock_is_negative_byte(long nr, volatile unsigned long* map) {
  return (__atomic_fetch_and(kmem_bit_word(nr, map), ~BIT_MASK(nr), __ATOMIC_RELEASE) & BIT_MASK(7)) != 0;
}

/* Not atomic. */
KMEM_BITOP_ void __set_bit(long nr, volatile unsigned long* map) { ((unsigned long*)map)[BIT_WORD(nr)] |= BIT_MASK(nr); }
KMEM_BITOP_ void __clear_bit(long nr, volatile unsigned long* map) { ((unsigned long*)map)[BIT_WORD(nr)] &= ~BIT_MASK(nr); }
KMEM_BITOP_ void __change_bit(long nr, volatile unsigned long* map) { ((unsigned long*)map)[BIT_WORD(nr)] ^= BIT_MASK(nr); }
KMEM_BITOP_ bool __test_and_set_bit(long nr, volatile unsigned long* map) {
  const bool was = test_bit(nr, map);
  __set_bit(nr, map);
  return was;
}
KMEM_BITOP_ bool __test_and_clear_bit(long nr, volatile unsigned long* map) {
  const bool was = test_bit(nr, map);
  __clear_bit(nr, map);
  return was;
}
KMEM_BITOP_ bool __test_and_change_bit(long nr, volatile unsigned long* map) {
  const bool was = test_bit(nr, map);
  __change_bit(nr, map);
  return was;
}
#define assign_bit(nr, map, value) ((value) ? set_bit((nr), (map)) : clear_bit((nr), (map)))
#define __assign_bit(nr, map, value) ((value) ? __set_bit((nr), (map)) : __clear_bit((nr), (map)))

/** The number of the lowest bit that is set, of the lowest that is clear, of the highest that is set; not for 0 (ffz: ~0). */
KMEM_BITOP_ unsigned long __ffs(unsigned long word) { return (unsigned long)__builtin_ctzl(word); }
KMEM_BITOP_ unsigned long ffz(unsigned long word) { return __ffs(~word); }
KMEM_BITOP_ unsigned long __fls(unsigned long word) { return BITS_PER_LONG - 1 - (unsigned long)__builtin_clzl(word); }
KMEM_BITOP_ unsigned long __ffs64(u64 word) { return (unsigned long)__builtin_ctzll(word); }
/** The same counted from 1, and 0 for 0. */
#if !__STDC_HOSTED__ /* a C library has it too */
KMEM_BITOP_ int ffs(int word) { return __builtin_ffs(word); }
#endif
KMEM_BITOP_ int fls(unsigned int word) { return word ? 32 - __builtin_clz(word) : 0; }
KMEM_BITOP_ int fls64(u64 word) { return word ? 64 - __builtin_clzll(word) : 0; }
KMEM_BITOP_ unsigned fls_long(unsigned long word) { return (unsigned)fls64(word); }

/** How many bits are set. */
KMEM_BITOP_ unsigned int hweight8(unsigned int word) { return (unsigned)__builtin_popcount(word & 0xff); }
KMEM_BITOP_ unsigned int hweight16(unsigned int word) { return (unsigned)__builtin_popcount(word & 0xffff); }
KMEM_BITOP_ unsigned int hweight32(unsigned int word) { return (unsigned)__builtin_popcount(word); }
KMEM_BITOP_ unsigned long hweight64(u64 word) { return (unsigned long)__builtin_popcountll(word); }
KMEM_BITOP_ unsigned long hweight_long(unsigned long word) { return (unsigned long)__builtin_popcountl(word); }
#define HWEIGHT8(word) ((unsigned)__builtin_popcount((word)&0xff))
#define HWEIGHT16(word) ((unsigned)__builtin_popcount((word)&0xffff))
#define HWEIGHT32(word) ((unsigned)__builtin_popcount(word))
#define HWEIGHT64(word) ((unsigned)__builtin_popcountll(word))

/** Turned left and right; a shift of the whole width or more counts modulo the width. */
#define KMEM_ROTATE_(bits)                                                                    \
  KMEM_BITOP_ u##bits rol##bits(u##bits word, unsigned int shift) {                           \
    return (u##bits)((word << (shift & (bits - 1))) | (word >> ((0u - shift) & (bits - 1)))); \
  }                                                                                           \
  KMEM_BITOP_ u##bits ror##bits(u##bits word, unsigned int shift) {                           \
    return (u##bits)((word >> (shift & (bits - 1))) | (word << ((0u - shift) & (bits - 1)))); \
  }
KMEM_ROTATE_(8)
KMEM_ROTATE_(16)
KMEM_ROTATE_(32)
KMEM_ROTATE_(64)
#undef KMEM_ROTATE_

/** The value whose sign is bit `index`. */
KMEM_BITOP_ s32 sign_extend32(u32 value, int index) { return (s32)(value << (31 - index)) >> (31 - index); }
KMEM_BITOP_ s64 sign_extend64(u64 value, int index) { return (s64)(value << (63 - index)) >> (63 - index); }

/** The number of the n-th bit that is set, counted from 0; BITS_PER_LONG if there are fewer. */
KMEM_BITOP_ unsigned long fns(unsigned long word, unsigned int n) {
  while (word && n--) word &= word - 1;
  return word ? __ffs(word) : BITS_PER_LONG;
}
/** The order of a count: the exponent of the power of two at or above it; -1 for 0. */
KMEM_BITOP_ int get_count_order(unsigned int count) { return count ? fls(count - 1) : -1; }
KMEM_BITOP_ int get_count_order_long(unsigned long count) { return count ? (int)fls_long(count - 1) : -1; }
/** Replaces the bits under `mask` with `bits` in one step; returns the new value. */
#define set_mask_bits(pointer, mask, bits)                  \
  __extension__({                                           \
    __typeof__(*(pointer)) kmem_old = *(pointer), kmem_new; \
    do kmem_new = (kmem_old & ~(mask)) | (bits);            \
    while (!try_cmpxchg((pointer), &kmem_old, kmem_new));   \
    kmem_new;                                               \
  })
/** Clears `clear` unless one of `test` is set; returns whether it did. */
#define bit_clear_unless(pointer, clear, test)                                              \
  __extension__({                                                                           \
    __typeof__(*(pointer)) kmem_old = *(pointer);                                           \
    while (!(kmem_old & (test)) && !try_cmpxchg((pointer), &kmem_old, kmem_old & ~(clear))) \
      ;                                                                                     \
    !(kmem_old & (test));                                                                   \
  })

#include <asm/byteorder.h>
/* Bitmaps whose bits are numbered as a little-endian machine stores them. */
#define KMEM_LE_SWIZZLE_ (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : (BITS_PER_LONG - 1) & ~7)
KMEM_BITOP_ int test_bit_le(int nr, const void* map) { return test_bit(nr ^ KMEM_LE_SWIZZLE_, (const unsigned long*)map); }
KMEM_BITOP_ void set_bit_le(int nr, void* map) { set_bit(nr ^ KMEM_LE_SWIZZLE_, (unsigned long*)map); }
KMEM_BITOP_ void clear_bit_le(int nr, void* map) { clear_bit(nr ^ KMEM_LE_SWIZZLE_, (unsigned long*)map); }
KMEM_BITOP_ void __set_bit_le(int nr, void* map) { __set_bit(nr ^ KMEM_LE_SWIZZLE_, (unsigned long*)map); }
KMEM_BITOP_ void __clear_bit_le(int nr, void* map) { __clear_bit(nr ^ KMEM_LE_SWIZZLE_, (unsigned long*)map); }
KMEM_BITOP_ int __test_and_set_bit_le(int nr, void* map) {
  return __test_and_set_bit(nr ^ KMEM_LE_SWIZZLE_, (unsigned long*)map);
}
KMEM_BITOP_ int __test_and_clear_bit_le(int nr, void* map) {
  return __test_and_clear_bit(nr ^ KMEM_LE_SWIZZLE_, (unsigned long*)map);
}

#ifndef KMEM_KERNEL_TREE /* its <linux/bitmap.h> does that */
#include <linux/find.h>
#endif

#endif
