/* Numbers in a stated order of bytes: cpu_to_le32(), be16_to_cpu() and related functions, and conversions in place by pointer.
 * The types __le16 ... __be64 are the system's, from <linux/types.h>. */
#ifdef KMEM_KERNEL_TREE
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#include <linux/byteorder/little_endian.h>
#else
#include <linux/byteorder/big_endian.h>
#endif
#else
#if __STDC_HOSTED__
#include_next <asm/byteorder.h>
#endif

#ifndef KMEM_ASM_BYTEORDER_H
#define KMEM_ASM_BYTEORDER_H
#include <linux/swab.h>
#include <linux/types.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define KMEM_LE_(bits, x) ((u##bits)(x))
#define KMEM_BE_(bits, x) __builtin_bswap##bits((u##bits)(x))
#else
#define KMEM_LE_(bits, x) __builtin_bswap##bits((u##bits)(x))
#define KMEM_BE_(bits, x) ((u##bits)(x))
#endif

#define cpu_to_le16(x) KMEM_LE_(16, x)
#define cpu_to_le32(x) KMEM_LE_(32, x)
#define cpu_to_le64(x) KMEM_LE_(64, x)
#define cpu_to_be16(x) KMEM_BE_(16, x)
#define cpu_to_be32(x) KMEM_BE_(32, x)
#define cpu_to_be64(x) KMEM_BE_(64, x)
#define le16_to_cpu(x) KMEM_LE_(16, x)
#define le32_to_cpu(x) KMEM_LE_(32, x)
#define le64_to_cpu(x) KMEM_LE_(64, x)
#define be16_to_cpu(x) KMEM_BE_(16, x)
#define be32_to_cpu(x) KMEM_BE_(32, x)
#define be64_to_cpu(x) KMEM_BE_(64, x)

/** ...p: the number at a pointer; ...s: converts in place; ..._add_cpu: adds to a number that is stored in that order. */
#define KMEM_ORDER_FUNCTIONS_(order, bits)                                                                          \
  static inline u##bits order##bits##_to_cpup(const void* p) { return order##bits##_to_cpu(*(const u##bits*)p); }   \
  static inline u##bits cpu_to_##order##bits##p(const void* p) { return cpu_to_##order##bits(*(const u##bits*)p); } \
  static inline void order##bits##_to_cpus(void* p) { *(u##bits*)p = order##bits##_to_cpup(p); }                    \
  static inline void cpu_to_##order##bits##s(void* p) { *(u##bits*)p = cpu_to_##order##bits##p(p); }                \
  static inline void order##bits##_add_cpu(void* p, u##bits value) {                                                \
    *(u##bits*)p = cpu_to_##order##bits(order##bits##_to_cpup(p) + value);                                          \
  }
KMEM_ORDER_FUNCTIONS_(le, 16)
KMEM_ORDER_FUNCTIONS_(le, 32)
KMEM_ORDER_FUNCTIONS_(le, 64)
KMEM_ORDER_FUNCTIONS_(be, 16)
KMEM_ORDER_FUNCTIONS_(be, 32)
KMEM_ORDER_FUNCTIONS_(be, 64)
#undef KMEM_ORDER_FUNCTIONS_

/** Arrays of 32-bit words, in place. */
static inline void le32_to_cpu_array(u32* words, unsigned int n) {
  while (n--) le32_to_cpus(words++);
}
static inline void cpu_to_le32_array(u32* words, unsigned int n) { le32_to_cpu_array(words, n); }
static inline void cpu_to_be32_array(u32* to, const u32* from, size_t n) {
  size_t i;
  for (i = 0; i < n; ++i) to[i] = cpu_to_be32(from[i]);
}
static inline void be32_to_cpu_array(u32* to, const u32* from, size_t n) { cpu_to_be32_array(to, from, n); }

#ifndef htons /* <arpa/inet.h> has them as well */
#define htons(x) cpu_to_be16(x)
#define ntohs(x) be16_to_cpu(x)
#define htonl(x) cpu_to_be32(x)
#define ntohl(x) be32_to_cpu(x)
#endif

#endif
#endif
