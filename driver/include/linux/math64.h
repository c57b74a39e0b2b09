#ifndef KMEM_LINUX_MATH64_H
#define KMEM_LINUX_MATH64_H
/* Division and multiplication of 64-bit numbers. */
#include <asm/div64.h>
#include <linux/math.h>
#include <linux/types.h>

static inline u64 div_u64_rem(u64 n, u32 d, u32* rest) {
  *rest = (u32)(n % d);
  return n / d;
}
static inline s64 div_s64_rem(s64 n, s32 d, s32* rest) {
  *rest = (s32)(n % d);
  return n / d;
}
static inline u64 div64_u64_rem(u64 n, u64 d, u64* rest) {
  *rest = n % d;
  return n / d;
}
static inline u64 div_u64(u64 n, u32 d) { return n / d; }
static inline s64 div_s64(s64 n, s32 d) { return n / d; }
static inline u64 div64_u64(u64 n, u64 d) { return n / d; }
static inline s64 div64_s64(s64 n, s64 d) { return n / d; }
#define div64_long(n, d) div64_s64((n), (d))
#define div64_ul(n, d) div64_u64((n), (d))
/** For small quotients: the same result. */
static inline u32 iter_div_u64_rem(u64 n, u32 d, u64* rest) {
  *rest = n % d;
  return (u32)(n / d);
}
static inline u64 mul_u32_u32(u32 a, u32 b) { return (u64)a * b; }
/** Of the whole product, which may have more bits: shifted, and divided. */
#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 kmem_u128;
static inline u64 mul_u64_u64_shr(u64 a, u64 b, unsigned int shift) { return (u64)((kmem_u128)a * b >> shift); }
static inline u64 mul_u64_u64_div_u64(u64 a, u64 b, u64 d) { return (u64)((kmem_u128)a * b / d); }
#else
static inline u64 kmem_product(u64 a, u64 b, u64* high) {
  const u64 low = (u64)(u32)a * (u32)b, middle = (a >> 32) * (u32)b + (low >> 32), other = (u32)a * (b >> 32) + (u32)middle;
  *high = (a >> 32) * (b >> 32) + (middle >> 32) + (other >> 32);
  return other << 32 | (u32)low;
}
static inline u64 mul_u64_u64_shr(u64 a, u64 b, unsigned int shift) {
  u64 high;
  const u64 low = kmem_product(a, b, &high);
  if (shift >= 64) return high >> (shift - 64);
  return shift ? high << (64 - shift) | low >> shift : low;
}
static inline u64 mul_u64_u64_div_u64(u64 a, u64 b, u64 d) {
  u64 high, rest = 0, quotient = 0;
  const u64 low = kmem_product(a, b, &high);
  for (int i = 128; i-- > 0;) {
    const int carry = (int)(rest >> 63);
    rest = rest << 1 | ((i >= 64 ? high >> (i - 64) : low >> i) & 1);
    quotient <<= 1;
    if (!carry && rest < d) continue;
    rest -= d;
    quotient |= 1;
  }
  return quotient;
}
#endif
static inline u64 mul_u64_u32_shr(u64 a, u32 b, unsigned int shift) { return mul_u64_u64_shr(a, b, shift); }
static inline u64 mul_u64_u32_div(u64 a, u32 b, u32 d) { return mul_u64_u64_div_u64(a, b, d); }

#define DIV64_U64_ROUND_UP(n, d)                  \
  __extension__({                                 \
    const u64 kmem_d64 = (d);                     \
    div64_u64((u64)(n) + kmem_d64 - 1, kmem_d64); \
  })
#define DIV64_U64_ROUND_CLOSEST(n, d)             \
  __extension__({                                 \
    const u64 kmem_d64 = (d);                     \
    div64_u64((u64)(n) + kmem_d64 / 2, kmem_d64); \
  })
#define DIV_U64_ROUND_UP(n, d) DIV64_U64_ROUND_UP(n, (u32)(d))
#define DIV_U64_ROUND_CLOSEST(n, d) DIV64_U64_ROUND_CLOSEST(n, (u32)(d))
#define DIV_S64_ROUND_CLOSEST(n, d)                                                                                 \
  __extension__({                                                                                                   \
    const s64 kmem_n64 = (n);                                                                                       \
    const s32 kmem_d32 = (d);                                                                                       \
    (kmem_n64 < 0) == (kmem_d32 < 0) ? (kmem_n64 + kmem_d32 / 2) / kmem_d32 : (kmem_n64 - kmem_d32 / 2) / kmem_d32; \
  })
static inline u64 roundup_u64(u64 x, u32 y) { return DIV_U64_ROUND_UP(x, y) * y; }

#endif
