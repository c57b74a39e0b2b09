#ifndef KMEM_LINUX_CRC_ITU_T_H
#define KMEM_LINUX_CRC_ITU_T_H
/* CRC of ITU-T V.41: x^16 + x^12 + x^5 + 1, high bits first.  Any context. */
#include <linux/crc-ccitt.h>
static inline u16 crc_itu_t(u16 crc, const u8* p, size_t n) { return crc_ccitt_false(crc, p, n); }
#endif
