#ifndef KMEM_LINUX_SIPHASH_H
#define KMEM_LINUX_SIPHASH_H
/* SipHash-2-4, whose value nobody can predict without the key; and a faster one of half the width, SipHash-1-3, for tables
 * that only
 * the kernel sees.  Any context.  Meaning: the kernel's Documentation/security/siphash.rst. */
#include <kmem/driver_face.h>
#include <linux/kernel.h>
#include <linux/types.h>

#define SIPHASH_ALIGNMENT __alignof__(u64)
#define HSIPHASH_ALIGNMENT __alignof__(unsigned long)
typedef struct {
  u64 key[2];
} siphash_key_t;
typedef struct {
  unsigned long key[2];
} hsiphash_key_t;
#define siphash_aligned_key_t siphash_key_t __attribute__((__aligned__(16)))

/* The beginning of the four words of the state, and one round on them; of both widths where a long has 64 bits. */
#define SIPHASH_CONST_0 0x736f6d6570736575ULL
#define SIPHASH_CONST_1 0x646f72616e646f6dULL
#define SIPHASH_CONST_2 0x6c7967656e657261ULL
#define SIPHASH_CONST_3 0x7465646279746573ULL
#define KMEM_TURN_(v, by) ((v) << (by) | (v) >> (64 - (by)))
#define SIPHASH_PERMUTATION(a, b, c, d)                                                                                       \
  ((a) += (b), (b) = KMEM_TURN_(b, 13) ^ (a), (a) = KMEM_TURN_(a, 32), (c) += (d), (d) = KMEM_TURN_(d, 16) ^ (c), (a) += (d), \
   (d) = KMEM_TURN_(d, 21) ^ (a), (c) += (b), (b) = KMEM_TURN_(b, 17) ^ (c), (c) = KMEM_TURN_(c, 32))
#define HSIPHASH_CONST_0 SIPHASH_CONST_0
#define HSIPHASH_CONST_1 SIPHASH_CONST_1
#define HSIPHASH_CONST_2 SIPHASH_CONST_2
#define HSIPHASH_CONST_3 SIPHASH_CONST_3
#define HSIPHASH_PERMUTATION(a, b, c, d) SIPHASH_PERMUTATION(a, b, c, d)

KMEM_BEGIN_C
static inline bool siphash_key_is_zero(const siphash_key_t* key) { return !(key->key[0] | key->key[1]); }
/** Of n bytes, at any address; the numbered forms are those of so many words, lowest byte first. */
KMEM_API u64 siphash(const void* data, size_t n, const siphash_key_t* key) KMEM_DRIVER_NAME(siphash);
KMEM_API u64 siphash_1u64(const u64 a, const siphash_key_t* key) KMEM_DRIVER_NAME(siphash_1u64);
KMEM_API u64 siphash_2u64(const u64 a, const u64 b, const siphash_key_t* key) KMEM_DRIVER_NAME(siphash_2u64);
KMEM_API u64 siphash_3u64(const u64 a, const u64 b, const u64 c, const siphash_key_t* key) KMEM_DRIVER_NAME(siphash_3u64);
KMEM_API u64 siphash_4u64(const u64 a, const u64 b, const u64 c, const u64 d, const siphash_key_t* key)
    KMEM_DRIVER_NAME(siphash_4u64);
KMEM_API u64 siphash_1u32(const u32 a, const siphash_key_t* key) KMEM_DRIVER_NAME(siphash_1u32);
KMEM_API u64 siphash_3u32(const u32 a, const u32 b, const u32 c, const siphash_key_t* key) KMEM_DRIVER_NAME(siphash_3u32);
static inline u64 siphash_2u32(const u32 a, const u32 b, const siphash_key_t* key) {
  return siphash_1u64((u64)b << 32 | a, key);
}
static inline u64 siphash_4u32(const u32 a, const u32 b, const u32 c, const u32 d, const siphash_key_t* key) {
  return siphash_2u64((u64)b << 32 | a, (u64)d << 32 | c, key);
}
KMEM_API u32 hsiphash(const void* data, size_t n, const hsiphash_key_t* key) KMEM_DRIVER_NAME(hsiphash);
KMEM_API u32 hsiphash_1u32(const u32 a, const hsiphash_key_t* key) KMEM_DRIVER_NAME(hsiphash_1u32);
KMEM_API u32 hsiphash_2u32(const u32 a, const u32 b, const hsiphash_key_t* key) KMEM_DRIVER_NAME(hsiphash_2u32);
KMEM_API u32 hsiphash_3u32(const u32 a, const u32 b, const u32 c, const hsiphash_key_t* key) KMEM_DRIVER_NAME(hsiphash_3u32);
KMEM_API u32 hsiphash_4u32(const u32 a, const u32 b, const u32 c, const u32 d, const hsiphash_key_t* key)
    KMEM_DRIVER_NAME(hsiphash_4u32);
KMEM_END_C
#endif
