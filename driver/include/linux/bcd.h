#ifndef KMEM_LINUX_BCD_H
#define KMEM_LINUX_BCD_H
/* Two decimal digits in a byte. */
#define bcd2bin(x) (((x)&0x0f) + ((x) >> 4) * 10)
#define bin2bcd(x) ((((x) / 10) << 4) + (x) % 10)
static inline int bcd_is_valid(unsigned char x) { return (x & 0x0f) < 10 && (x >> 4) < 10; }
#endif
