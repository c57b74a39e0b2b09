#ifndef KMEM_LINUX_CRC_ITU_T_H
#define KMEM_LINUX_CRC_ITU_T_H
/* CRC of ITU-T V.41: x^16 + x^12 + x^5 + 1, high bits first.  Any context. */
#include <kmem/driver_face.h>
#include <linux/types.h>

KMEM_BEGIN_C
KMEM_API u16 crc_itu_t(u16 crc, const u8* p, size_t n) KMEM_DRIVER_NAME(crc_itu_t);
/** By the byte, high bits first: what crc_itu_t_byte() looks up. */
extern KMEM_API const u16 kmem_crc_itu_t_table[256];
static inline u16 crc_itu_t_byte(u16 crc, const u8 byte) {
  return (u16)((crc << 8) ^ kmem_crc_itu_t_table[(crc >> 8 ^ byte) & 0xff]);
}
KMEM_END_C
#define crc_itu_t_table kmem_crc_itu_t_table
#endif
