#ifndef KMEM_ASM_UNALIGNED_H
#define KMEM_ASM_UNALIGNED_H
/* Numbers at any address, in the machine's order or in a stated one.  Any context. */
#include <linux/types.h>

#ifdef __cplusplus
template <class T>
inline T kmem_get_unaligned(const T* pointer) {
  T value;
  __builtin_memcpy(&value, pointer, sizeof(value));
  return value;
}
#define get_unaligned(pointer) kmem_get_unaligned(pointer)
#else
#define get_unaligned(pointer)                              \
  __extension__({                                           \
    struct {                                                \
      __typeof__(*(pointer)) value;                         \
    } __attribute__((__packed__)) kmem_at;                  \
    __builtin_memcpy(&kmem_at, (pointer), sizeof(kmem_at)); \
    (__typeof__(*(pointer)))kmem_at.value;                  \
  })
#endif
#define put_unaligned(number, pointer)                                          \
  do {                                                                          \
    const __typeof__(*(pointer)) kmem_value = (__typeof__(*(pointer)))(number); \
    __builtin_memcpy((pointer), &kmem_value, sizeof(kmem_value));               \
  } while (0)

#define KMEM_UNALIGNED_(order, bits, swap)                                 \
  static inline u##bits get_unaligned_##order##bits(const void* p) {       \
    u##bits value;                                                         \
    __builtin_memcpy(&value, p, sizeof(value));                            \
    return swap(bits, value);                                              \
  }                                                                        \
  static inline void put_unaligned_##order##bits(u##bits value, void* p) { \
    const u##bits stored = swap(bits, value);                              \
    __builtin_memcpy(p, &stored, sizeof(stored));                          \
  }
#define KMEM_AS_IS_(bits, x) ((u##bits)(x))
#define KMEM_SWAPPED_(bits, x) __builtin_bswap##bits(x)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define KMEM_UNALIGNED_BOTH_(bits) KMEM_UNALIGNED_(le, bits, KMEM_AS_IS_) KMEM_UNALIGNED_(be, bits, KMEM_SWAPPED_)
#else
#define KMEM_UNALIGNED_BOTH_(bits) KMEM_UNALIGNED_(le, bits, KMEM_SWAPPED_) KMEM_UNALIGNED_(be, bits, KMEM_AS_IS_)
#endif
KMEM_UNALIGNED_BOTH_(16)
KMEM_UNALIGNED_BOTH_(32)
KMEM_UNALIGNED_BOTH_(64)
#undef KMEM_UNALIGNED_BOTH_
#undef KMEM_UNALIGNED_
#undef KMEM_AS_IS_
#undef KMEM_SWAPPED_

/** Three bytes. */
static inline u32 get_unaligned_le24(const void* p) {
  const u8* byte = (const u8*)p;
  return byte[0] | (u32)byte[1] << 8 | (u32)byte[2] << 16;
}
static inline u32 get_unaligned_be24(const void* p) {
  const u8* byte = (const u8*)p;
  return byte[2] | (u32)byte[1] << 8 | (u32)byte[0] << 16;
}
static inline void put_unaligned_le24(u32 value, void* p) {
  u8* byte = (u8*)p;
  byte[0] = (u8)value, byte[1] = (u8)(value >> 8), byte[2] = (u8)(value >> 16);
}
static inline void put_unaligned_be24(u32 value, void* p) {
  u8* byte = (u8*)p;
  byte[2] = (u8)value, byte[1] = (u8)(value >> 8), byte[0] = (u8)(value >> 16);
}

#endif
