#ifndef KMEM_LINUX_CRC7_H
#define KMEM_LINUX_CRC7_H
/* CRC-7 of SD cards, x^7 + x^3 + 1, in the upper seven bits.  Any context. */
#include <kmem/driver_face.h>
#include <linux/types.h>
KMEM_BEGIN_C
KMEM_API u8 crc7_be(u8 crc, const u8* p, size_t n) KMEM_DRIVER_NAME(crc7_be);
KMEM_END_C
#endif
