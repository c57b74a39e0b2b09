#ifndef KMEM_LINUX_JHASH_H
#define KMEM_LINUX_JHASH_H
/* Bob Jenkins' hash of 2006, lookup3, over bytes and over 32-bit words. */
#include <asm/unaligned.h>
#include <linux/bitops.h>

#define JHASH_INITVAL 0xdeadbeef
#define jhash_size(n) ((u32)1 << (n))
#define jhash_mask(n) (jhash_size(n) - 1)

static inline void kmem_jhash_mix(u32* v) {
  static const unsigned char turn[6] = {4, 6, 8, 16, 19, 4};
  int i;
  for (i = 0; i < 6; ++i) {
    const int a = i % 3, c = (i + 2) % 3, b = (i + 1) % 3;
    v[a] = (v[a] - v[c]) ^ rol32(v[c], turn[i]);
    v[c] += v[b];
  }
}
static inline u32 kmem_jhash_final(u32 a, u32 b, u32 c) {
  c = (c ^ b) - rol32(b, 14);
  a = (a ^ c) - rol32(c, 11);
  b = (b ^ a) - rol32(a, 25);
  c = (c ^ b) - rol32(b, 16);
  a = (a ^ c) - rol32(c, 4);
  b = (b ^ a) - rol32(a, 14);
  return (c ^ b) - rol32(b, 24);
}
/** The bytes as little-endian words, the last one filled with zeros. */
static inline u32 jhash(const void* key, u32 length, u32 seed) {
  const u8* at = (const u8*)key;
  const u32 start = JHASH_INITVAL + length + seed;
  u32 v[3] = {start, start, start};
  u32 i;
  for (; length > 12; length -= 12, at += 12) {
    for (i = 0; i < 3; ++i) v[i] += get_unaligned_le32(at + 4 * i);
    kmem_jhash_mix(v);
  }
  if (length == 0) return v[2];
  for (i = 0; i < length; ++i) v[i / 4] += (u32)at[i] << 8 * (i % 4);
  return kmem_jhash_final(v[0], v[1], v[2]);
}
static inline u32 jhash2(const u32* words, u32 n, u32 seed) {
  const u32 start = JHASH_INITVAL + (n << 2) + seed;
  u32 v[3] = {start, start, start};
  u32 i;
  for (; n > 3; n -= 3, words += 3) {
    for (i = 0; i < 3; ++i) v[i] += words[i];
    kmem_jhash_mix(v);
  }
  if (n == 0) return v[2];
  for (i = 0; i < n; ++i) v[i] += words[i];
  return kmem_jhash_final(v[0], v[1], v[2]);
}
static inline u32 jhash_3words(u32 a, u32 b, u32 c, u32 seed) {
  const u32 start = JHASH_INITVAL + 12 + seed;
  return kmem_jhash_final(a + start, b + start, c + start);
}
static inline u32 jhash_2words(u32 a, u32 b, u32 seed) {
  const u32 start = JHASH_INITVAL + 8 + seed;
  return kmem_jhash_final(a + start, b + start, start);
}
static inline u32 jhash_1word(u32 a, u32 seed) {
  const u32 start = JHASH_INITVAL + 4 + seed;
  return kmem_jhash_final(a + start, start, start);
}
#endif
