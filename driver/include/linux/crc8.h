#ifndef KMEM_LINUX_CRC8_H
#define KMEM_LINUX_CRC8_H
/* CRC-8 of any polynomial, by a table that the caller fills first: high bits first, or low.  Any context. */
#include <kmem/driver_face.h>
#include <linux/types.h>
#define CRC8_INIT_VALUE 0xff
#define CRC8_GOOD_VALUE(table) ((table)[0xff])
#define CRC8_TABLE_SIZE 256
#define DECLARE_CRC8_TABLE(table) u8 table[CRC8_TABLE_SIZE]
KMEM_BEGIN_C
KMEM_API void crc8_populate_msb(u8* table, u8 polynomial) KMEM_DRIVER_NAME(crc8_populate_msb);
KMEM_API void crc8_populate_lsb(u8* table, u8 polynomial) KMEM_DRIVER_NAME(crc8_populate_lsb);
KMEM_API u8 crc8(const u8* table, const u8* p, size_t n, u8 crc) KMEM_DRIVER_NAME(crc8);
KMEM_END_C
#endif
