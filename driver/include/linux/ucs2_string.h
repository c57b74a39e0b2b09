#ifndef KMEM_LINUX_UCS2_STRING_H
#define KMEM_LINUX_UCS2_STRING_H
/* Text of 16-bit characters, as firmware has it.  Lengths are characters, sizes bytes.  Any context. */
#include <kmem/driver_face.h>
#include <linux/types.h>

typedef u16 ucs2_char_t;

KMEM_BEGIN_C
KMEM_API unsigned long ucs2_strnlen(const ucs2_char_t* text, size_t most) KMEM_DRIVER_NAME(ucs2_strnlen);
KMEM_API unsigned long ucs2_strlen(const ucs2_char_t* text) KMEM_DRIVER_NAME(ucs2_strlen);
/** Bytes of up to so many characters. */
KMEM_API unsigned long ucs2_strsize(const ucs2_char_t* text, unsigned long most) KMEM_DRIVER_NAME(ucs2_strsize);
KMEM_API int ucs2_strncmp(const ucs2_char_t* a, const ucs2_char_t* b, size_t n) KMEM_DRIVER_NAME(ucs2_strncmp);
/** Bytes of the text as UTF-8, without the 0; surrogates are characters of three bytes each. */
KMEM_API unsigned long ucs2_utf8size(const ucs2_char_t* text) KMEM_DRIVER_NAME(ucs2_utf8size);
/** Writes whole characters of it into `room` bytes, and a 0 where there is room; returns the bytes without the 0. */
KMEM_API unsigned long ucs2_as_utf8(u8* to, const ucs2_char_t* text, unsigned long room) KMEM_DRIVER_NAME(ucs2_as_utf8);
KMEM_END_C
#endif
