/* Operations on bitmaps, over kmem's own <linux/bitmap.h>, which allocates them.  `bits` is the size; bits behind it in the
 * last word may be anything, and do not count.  Nothing is atomic.  Any context.
 * Meaning: the kernel's <linux/bitmap.h>. */
#include_next <linux/bitmap.h>

#ifndef KMEM_DRIVER_LINUX_BITMAP_H
#define KMEM_DRIVER_LINUX_BITMAP_H
#include <linux/bitops.h>
#include <linux/limits.h>

#define BITMAP_FIRST_WORD_MASK(start) (~0UL << ((start) & (BITS_PER_LONG - 1)))
#define BITMAP_LAST_WORD_MASK(bits) (~0UL >> (-(bits) & (BITS_PER_LONG - 1)))

/* The mask of the valid bits in word i. */
KMEM_BITOP_ unsigned long kmem_bitmap_mask(unsigned int i, unsigned int bits) {
  return (i + 1) * BITS_PER_LONG <= bits ? ~0UL : (1UL << (bits % BITS_PER_LONG)) - 1;
}
#define KMEM_EACH_WORD_(i, bits) for ((i) = 0; (i) < BITS_TO_LONGS(bits); ++(i))

static inline void bitmap_copy(unsigned long* to, const unsigned long* from, unsigned int bits) {
  __builtin_memcpy(to, from, BITS_TO_LONGS(bits) * sizeof(long));
}
/** The same, and clears the bits past the size. */
static inline void bitmap_copy_clear_tail(unsigned long* to, const unsigned long* from, unsigned int bits) {
  bitmap_copy(to, from, bits);
  if (bits % BITS_PER_LONG) to[bits / BITS_PER_LONG] &= kmem_bitmap_mask(bits / BITS_PER_LONG, bits);
}
/** to = a op b; the two that return a value say whether any bit is set in the result. */
#define KMEM_BITMAP_OF_TWO_(name, expression)                                                                     \
  static inline bool name(unsigned long* to, const unsigned long* a, const unsigned long* b, unsigned int bits) { \
    unsigned long any = 0;                                                                                        \
    unsigned int i;                                                                                               \
    KMEM_EACH_WORD_(i, bits) any |= (to[i] = (expression)) & kmem_bitmap_mask(i, bits);                           \
    return any != 0;                                                                                              \
  }
KMEM_BITMAP_OF_TWO_(bitmap_and, a[i] & b[i])
KMEM_BITMAP_OF_TWO_(bitmap_andnot, a[i] & ~b[i])
KMEM_BITMAP_OF_TWO_(kmem_bitmap_or, a[i] | b[i])
KMEM_BITMAP_OF_TWO_(kmem_bitmap_xor, a[i] ^ b[i])
#undef KMEM_BITMAP_OF_TWO_
#define bitmap_or(to, a, b, bits) ((void)kmem_bitmap_or((to), (a), (b), (bits)))
#define bitmap_xor(to, a, b, bits) ((void)kmem_bitmap_xor((to), (a), (b), (bits)))
static inline void bitmap_complement(unsigned long* to, const unsigned long* from, unsigned int bits) {
  unsigned int i;
  KMEM_EACH_WORD_(i, bits) to[i] = ~from[i];
}
/** Sets `to` to the bits of `now` under the mask, and those of `old` elsewhere. */
static inline void bitmap_replace(unsigned long* to, const unsigned long* old, const unsigned long* now,
                                  const unsigned long* mask, unsigned int bits) {
  unsigned int i;
  KMEM_EACH_WORD_(i, bits) to[i] = (old[i] & ~mask[i]) | (now[i] & mask[i]);
}

static inline bool bitmap_equal(const unsigned long* a, const unsigned long* b, unsigned int bits) {
  unsigned int i;
  KMEM_EACH_WORD_(i, bits) if ((a[i] ^ b[i]) & kmem_bitmap_mask(i, bits)) return false;
  return true;
}
static inline bool bitmap_intersects(const unsigned long* a, const unsigned long* b, unsigned int bits) {
  return find_first_and_bit(a, b, bits) < bits;
}
/** Is all of a in b? */
static inline bool bitmap_subset(const unsigned long* a, const unsigned long* b, unsigned int bits) {
  return find_next_andnot_bit(a, b, bits, 0) >= bits;
}
static inline bool bitmap_empty(const unsigned long* map, unsigned int bits) { return find_first_bit(map, bits) >= bits; }
static inline bool bitmap_full(const unsigned long* map, unsigned int bits) { return find_first_zero_bit(map, bits) >= bits; }
static inline unsigned int bitmap_weight(const unsigned long* map, unsigned int bits) {
  unsigned int i, n = 0;
  KMEM_EACH_WORD_(i, bits) n += (unsigned)hweight_long(map[i] & kmem_bitmap_mask(i, bits));
  return n;
}
/** `n` bits from `start` on. */
static inline void bitmap_set(unsigned long* map, unsigned int start, unsigned int n) {
  while (n--) __set_bit((long)start++, map);
}
static inline void bitmap_clear(unsigned long* map, unsigned int start, unsigned int n) {
  while (n--) __clear_bit((long)start++, map);
}
/** Bit n of `to` is bit n + shift, or n - shift, of `from`; zeros come in. */
static inline void bitmap_shift_right(unsigned long* to, const unsigned long* from, unsigned int shift, unsigned int bits) {
  unsigned int nr;
  for (nr = 0; nr < bits; ++nr) __assign_bit((long)nr, to, nr + shift < bits && test_bit((long)(nr + shift), from));
}
static inline void bitmap_shift_left(unsigned long* to, const unsigned long* from, unsigned int shift, unsigned int bits) {
  unsigned int nr = bits;
  while (nr-- > 0) __assign_bit((long)nr, to, nr >= shift && test_bit((long)(nr - shift), from));
}

/** The first run of n clear bits, from `start` on, whose first is a multiple of mask + 1 (less `offset`); above the size if
 *  there is none. */
static inline unsigned long bitmap_find_next_zero_area_off(unsigned long* map, unsigned long size, unsigned long start,
                                                           unsigned int n, unsigned long mask, unsigned long offset) {
  for (;;) {
    const unsigned long first = ((find_next_zero_bit(map, size, start) + offset + mask) & ~mask) - offset;
    unsigned long used;
    if (first + n > size) return first + n;
    used = find_next_bit(map, first + n, first);
    if (used >= first + n) return first;
    start = used + 1;
  }
}
static inline unsigned long bitmap_find_next_zero_area(unsigned long* map, unsigned long size, unsigned long start,
                                                       unsigned int n, unsigned long mask) {
  return bitmap_find_next_zero_area_off(map, size, start, n, mask, 0);
}
/** 2^order bits at a multiple of as many: finds, or takes, a run that is clear, and sets it.  -ENOMEM (-12), -EBUSY (-16). */
static inline int bitmap_allocate_region(unsigned long* map, unsigned int at, int order) {
  if (find_next_bit(map, at + (1UL << order), at) < at + (1UL << order)) return -16;
  bitmap_set(map, at, 1U << order);
  return 0;
}
static inline int bitmap_find_free_region(unsigned long* map, unsigned int bits, int order) {
  unsigned int at;
  for (at = 0; at + (1U << order) <= bits; at += 1U << order)
    if (!bitmap_allocate_region(map, at, order)) return (int)at;
  return -12;
}
static inline void bitmap_release_region(unsigned long* map, unsigned int at, int order) { bitmap_clear(map, at, 1U << order); }

/** Converts from and to arrays of 32-bit words, the lowest first. */
static inline void bitmap_from_arr32(unsigned long* map, const u32* words, unsigned int bits) {
  unsigned int nr;
  for (nr = 0; nr < bits; ++nr) __assign_bit((long)nr, map, words[nr / 32] >> nr % 32 & 1);
}
static inline void bitmap_to_arr32(u32* words, const unsigned long* map, unsigned int bits) {
  unsigned int nr;
  __builtin_memset(words, 0, BITS_TO_U32(bits) * sizeof(u32));
  for (nr = 0; nr < bits; ++nr)
    if (test_bit((long)nr, map)) words[nr / 32] |= 1u << nr % 32;
}
static inline void bitmap_from_u64(unsigned long* map, u64 mask) {
  const u32 words[2] = {(u32)mask, (u32)(mask >> 32)};
  bitmap_from_arr32(map, words, 64);
}
/** 8 bits at a multiple of 8. */
static inline unsigned long bitmap_get_value8(const unsigned long* map, unsigned long start) {
  return map[BIT_WORD(start)] >> (start % BITS_PER_LONG) & 0xff;
}
static inline void bitmap_set_value8(unsigned long* map, unsigned long value, unsigned long start) {
  map[BIT_WORD(start)] &= ~(0xffUL << (start % BITS_PER_LONG));
  map[BIT_WORD(start)] |= value << (start % BITS_PER_LONG);
}
#undef KMEM_EACH_WORD_

#endif
