/* The other order of bytes: kernel code's names, over those of the system's own <linux/swab.h>. */
#if __STDC_HOSTED__
#include_next <linux/swab.h>
#endif

#ifndef KMEM_LINUX_SWAB_H
#define KMEM_LINUX_SWAB_H
#include <linux/types.h>

#define swab16(x) __builtin_bswap16((u16)(x))
#define swab32(x) __builtin_bswap32((u32)(x))
#define swab64(x) __builtin_bswap64((u64)(x))
#ifndef __swab16
#define __swab16(x) swab16(x)
#define __swab32(x) swab32(x)
#define __swab64(x) swab64(x)
#endif
/** The halves, and the bytes of each half, of a 32-bit word exchanged. */
static inline u32 swahw32(u32 x) { return (x << 16) | (x >> 16); }
static inline u32 swahb32(u32 x) { return ((x & 0x00ff00ffu) << 8) | ((x >> 8) & 0x00ff00ffu); }
static inline u16 swab16p(const u16* p) { return swab16(*p); }
static inline u32 swab32p(const u32* p) { return swab32(*p); }
static inline u64 swab64p(const u64* p) { return swab64(*p); }
static inline void swab16s(u16* p) { *p = swab16(*p); }
static inline void swab32s(u32* p) { *p = swab32(*p); }
static inline void swab64s(u64* p) { *p = swab64(*p); }
static inline void swab32_array(u32* words, unsigned int n) {
  while (n--) swab32s(words++);
}

#endif
