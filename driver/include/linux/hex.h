#ifndef KMEM_LINUX_HEX_H
#define KMEM_LINUX_HEX_H
/* Hexadecimal digits.  Any context. */
#include <linux/types.h>

#define hex_asc_lo(x) ("0123456789abcdef"[(x)&0x0f])
#define hex_asc_hi(x) hex_asc_lo((unsigned char)(x) >> 4)
#define hex_asc_upper_lo(x) ("0123456789ABCDEF"[(x)&0x0f])
#define hex_asc_upper_hi(x) hex_asc_upper_lo((unsigned char)(x) >> 4)
static inline char* hex_byte_pack(char* text, u8 byte) {
  *text++ = hex_asc_hi(byte);
  *text++ = hex_asc_lo(byte);
  return text;
}
static inline char* hex_byte_pack_upper(char* text, u8 byte) {
  *text++ = hex_asc_upper_hi(byte);
  *text++ = hex_asc_upper_lo(byte);
  return text;
}
/** A digit's value, -1 for what is none. */
static inline int hex_to_bin(unsigned char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  digit |= 0x20;
  return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}
/** n bytes from 2 n digits: 0, or -EINVAL (-22) at the first that is none. */
static inline int hex2bin(u8* to, const char* from, size_t n) {
  while (n--) {
    const int high = hex_to_bin((unsigned char)*from++);
    const int low = high < 0 ? -1 : hex_to_bin((unsigned char)*from++);
    if (low < 0) return -22;
    *to++ = (u8)(high << 4 | low);
  }
  return 0;
}
/** Behind the last digit; no NUL is written. */
static inline char* bin2hex(char* to, const void* from, size_t n) {
  const u8* byte = (const u8*)from;
  while (n--) to = hex_byte_pack(to, *byte++);
  return to;
}
#endif
