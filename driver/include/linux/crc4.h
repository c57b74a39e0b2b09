#ifndef KMEM_LINUX_CRC4_H
#define KMEM_LINUX_CRC4_H
/* CRC of four bits: x^4 + x^2 + x + 1.  Any context. */
#include <kmem/driver_face.h>
#include <linux/types.h>

KMEM_BEGIN_C
/** Of the lowest `bits` bits of a value, the highest of them first; as many as fill a multiple of four, with zeros in front. */
KMEM_API uint8_t crc4(uint8_t crc, uint64_t value, int bits) KMEM_DRIVER_NAME(crc4);
KMEM_END_C
#endif
