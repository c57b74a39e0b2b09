#ifndef KMEM_LINUX_FIND_H
#define KMEM_LINUX_FIND_H
/* Looking for bits in bitmaps.  Numbers are bits; if there is none, the result is the size, also when searching for the last
 * one.  Any context; nothing is atomic but the single load of a word. */
#include <linux/bitops.h>

/* The first bit at or behind `from` that is set in (one ^ flip) & (two ^ flip2). */
KMEM_BITOP_ unsigned long kmem_find_bit(const unsigned long* one, const unsigned long* two, unsigned long size,
                                        unsigned long from, unsigned long flip, unsigned long flip_two) {
  unsigned long at = from / BITS_PER_LONG;
  unsigned long mask = from < size ? ~0UL << (from % BITS_PER_LONG) : 0;
  for (; at * BITS_PER_LONG < size; ++at, mask = ~0UL) {
    unsigned long word = (READ_ONCE(one[at]) ^ flip) & mask;
    if (two) word &= READ_ONCE(two[at]) ^ flip_two;
    if (word) {
      const unsigned long found = at * BITS_PER_LONG + __ffs(word);
      return found < size ? found : size;
    }
  }
  return size;
}

KMEM_BITOP_ unsigned long find_next_bit(const unsigned long* map, unsigned long size, unsigned long from) {
  return kmem_find_bit(map, 0, size, from, 0, 0);
}
KMEM_BITOP_ unsigned long find_next_zero_bit(const unsigned long* map, unsigned long size, unsigned long from) {
  return kmem_find_bit(map, 0, size, from, ~0UL, 0);
}
KMEM_BITOP_ unsigned long find_next_and_bit(const unsigned long* one, const unsigned long* two, unsigned long size,
                                            unsigned long from) {
  return kmem_find_bit(one, two, size, from, 0, 0);
}
KMEM_BITOP_ unsigned long find_next_andnot_bit(const unsigned long* one, const unsigned long* two, unsigned long size,
                                               unsigned long from) {
  return kmem_find_bit(one, two, size, from, 0, ~0UL);
}
KMEM_BITOP_ unsigned long find_first_bit(const unsigned long* map, unsigned long size) { return find_next_bit(map, size, 0); }
KMEM_BITOP_ unsigned long find_first_zero_bit(const unsigned long* map, unsigned long size) {
  return find_next_zero_bit(map, size, 0);
}
KMEM_BITOP_ unsigned long find_first_and_bit(const unsigned long* one, const unsigned long* two, unsigned long size) {
  return find_next_and_bit(one, two, size, 0);
}
KMEM_BITOP_ unsigned long find_last_bit(const unsigned long* map, unsigned long size) {
  unsigned long nr = size;
  while (nr-- > 0)
    if (test_bit((long)nr, map)) return nr;
  return size;
}
/** The n-th bit that is set, counted from 0. */
KMEM_BITOP_ unsigned long find_nth_bit(const unsigned long* map, unsigned long size, unsigned long n) {
  unsigned long nr = find_first_bit(map, size);
  while (n-- > 0 && nr < size) nr = find_next_bit(map, size, nr + 1);
  return nr;
}
/** From `from` on, and then from the beginning. */
KMEM_BITOP_ unsigned long find_next_bit_wrap(const unsigned long* map, unsigned long size, unsigned long from) {
  const unsigned long nr = find_next_bit(map, size, from);
  if (nr < size || from == 0) return nr;
  return find_first_bit(map, from) < from ? find_first_bit(map, from) : size;
}
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define find_next_bit_le(map, size, from) find_next_bit((const unsigned long*)(map), (size), (from))
#define find_next_zero_bit_le(map, size, from) find_next_zero_bit((const unsigned long*)(map), (size), (from))
#define find_first_zero_bit_le(map, size) find_next_zero_bit_le((map), (size), 0)
#endif

#define for_each_set_bit(bit, map, size) \
  for ((bit) = find_first_bit((map), (size)); (bit) < (size); (bit) = find_next_bit((map), (size), (bit) + 1))
#define for_each_set_bit_from(bit, map, size) \
  for ((bit) = find_next_bit((map), (size), (bit)); (bit) < (size); (bit) = find_next_bit((map), (size), (bit) + 1))
#define for_each_clear_bit(bit, map, size) \
  for ((bit) = find_first_zero_bit((map), (size)); (bit) < (size); (bit) = find_next_zero_bit((map), (size), (bit) + 1))
#define for_each_clear_bit_from(bit, map, size) \
  for ((bit) = find_next_zero_bit((map), (size), (bit)); (bit) < (size); (bit) = find_next_zero_bit((map), (size), (bit) + 1))
#define for_each_and_bit(bit, one, two, size) \
  for ((bit) = 0; (bit) = find_next_and_bit((one), (two), (size), (bit)), (bit) < (size); ++(bit))
#define for_each_andnot_bit(bit, one, two, size) \
  for ((bit) = 0; (bit) = find_next_andnot_bit((one), (two), (size), (bit)), (bit) < (size); ++(bit))
/** Runs of set, and of clear, bits: [begin, end). */
#define for_each_set_bitrange(begin, end, map, size)                                                                          \
  for ((begin) = 0;                                                                                                           \
       (begin) = find_next_bit((map), (size), (begin)), (end) = find_next_zero_bit((map), (size), (begin)), (begin) < (size); \
       (begin) = (end) + 1)
#define for_each_clear_bitrange(begin, end, map, size)                                                                        \
  for ((begin) = 0;                                                                                                           \
       (begin) = find_next_zero_bit((map), (size), (begin)), (end) = find_next_bit((map), (size), (begin)), (begin) < (size); \
       (begin) = (end) + 1)

#endif
