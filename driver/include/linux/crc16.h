#ifndef KMEM_LINUX_CRC16_H
#define KMEM_LINUX_CRC16_H
/* CRC-16: x^16 + x^15 + x^2 + 1, low bits first.  Any context. */
#include <kmem/driver_face.h>
#include <linux/types.h>
KMEM_BEGIN_C
KMEM_API u16 crc16(u16 crc, const u8* p, size_t n) KMEM_DRIVER_NAME(crc16);
KMEM_END_C
#endif
