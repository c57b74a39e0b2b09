#ifndef KMEM_LINUX_CRC32_H
#define KMEM_LINUX_CRC32_H
/* CRC-32 of IEEE 802.3, by low and by high bits first, and CRC-32C.  `crc` is the value so far; neither it nor the result is
 * inverted. Any context. */
#include <kmem/driver_face.h>
#include <linux/types.h>

KMEM_BEGIN_C
KMEM_API u32 crc32_le(u32 crc, const unsigned char* p, size_t n) KMEM_DRIVER_NAME(crc32_le);
KMEM_API u32 crc32_be(u32 crc, const unsigned char* p, size_t n) KMEM_DRIVER_NAME(crc32_be);
KMEM_API u32 __crc32c_le(u32 crc, const unsigned char* p, size_t n) KMEM_DRIVER_NAME(__crc32c_le);
KMEM_END_C
#define crc32(seed, data, n) crc32_le((seed), (const unsigned char*)(data), (n))
/** CRC of an Ethernet address, for multicast filters. */
#define ether_crc_le(n, data) crc32_le(~0u, (const unsigned char*)(data), (n))
#endif
