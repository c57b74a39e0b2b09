#ifndef KMEM_LINUX_BASE64_H
#define KMEM_LINUX_BASE64_H
/* Bytes as letters, by RFC 4648, without padding.  Any context. */
#include <kmem/driver_face.h>
#include <linux/math.h>
#include <linux/types.h>

/** Letters for n bytes. */
#define BASE64_CHARS(n) DIV_ROUND_UP((n)*4, 3)

KMEM_BEGIN_C
/** Returns how many letters it has written; no 0 is behind them. */
KMEM_API int base64_encode(const u8* from, int n, char* to) KMEM_DRIVER_NAME(base64_encode);
/** Returns how many bytes it has written; -1: a character that is no letter, or bits that are left over and not 0. */
KMEM_API int base64_decode(const char* from, int n, u8* to) KMEM_DRIVER_NAME(base64_decode);
KMEM_END_C
#endif
