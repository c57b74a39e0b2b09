#ifndef KMEM_LINUX_CRC32C_H
#define KMEM_LINUX_CRC32C_H
#include <linux/crc32.h>
static inline u32 crc32c(u32 crc, const void* p, size_t n) { return __crc32c_le(crc, (const unsigned char*)p, n); }
#endif
