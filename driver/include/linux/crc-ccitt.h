#ifndef KMEM_LINUX_CRC_CCITT_H
#define KMEM_LINUX_CRC_CCITT_H
/* CRC-CCITT: x^16 + x^12 + x^5 + 1, low bits first; the second high bits first.  Any context. */
#include <kmem/driver_face.h>
#include <linux/types.h>
KMEM_BEGIN_C
KMEM_API u16 crc_ccitt(u16 crc, const u8* p, size_t n) KMEM_DRIVER_NAME(crc_ccitt);
KMEM_API u16 crc_ccitt_false(u16 crc, const u8* p, size_t n) KMEM_DRIVER_NAME(crc_ccitt_false);
KMEM_END_C
#endif
