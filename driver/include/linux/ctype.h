#ifndef KMEM_LINUX_CTYPE_H
#define KMEM_LINUX_CTYPE_H
/* Kinds of characters: ASCII, and the upper half as in Latin-1, whatever the program's locale is.  In C++ the C library's
 * functions stay as they are, which count by the locale. */
#include <linux/types.h>
#if __STDC_HOSTED__
#include <ctype.h>
#endif

#define isodigit(c) ((unsigned)((c) - '0') < 8)
#ifndef __cplusplus
static inline int kmem_isupper(unsigned char c) { return (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7); }
static inline int kmem_islower(unsigned char c) { return (c >= 'a' && c <= 'z') || (c >= 0xdf && c != 0xf7); }
static inline int kmem_isspace(unsigned char c) { return c == ' ' || (c >= 9 && c <= 13) || c == 0xa0; }
static inline int kmem_isdigit(unsigned char c) { return c >= '0' && c <= '9'; }
static inline int kmem_isxdigit(unsigned char c) { return kmem_isdigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
static inline int kmem_iscntrl(unsigned char c) { return c < 32 || c == 127; }
static inline int kmem_isprint(unsigned char c) { return (c >= 32 && c < 127) || c >= 0xa0; }
static inline int kmem_isalnum(unsigned char c) { return kmem_isupper(c) || kmem_islower(c) || kmem_isdigit(c); }
static inline int kmem_isgraph(unsigned char c) { return kmem_isprint(c) && !kmem_isspace(c); }
static inline unsigned char kmem_tolower(unsigned char c) { return kmem_isupper(c) ? (unsigned char)(c + 32) : c; }
static inline unsigned char kmem_toupper(unsigned char c) {
  return kmem_islower(c) && c != 0xdf && c != 0xff ? (unsigned char)(c - 32) : c;
}
#undef isupper
#undef islower
#undef isspace
#undef isdigit
#undef isxdigit
#undef iscntrl
#undef isprint
#undef isalnum
#undef isalpha
#undef isgraph
#undef ispunct
#undef isascii
#undef toascii
#undef tolower
#undef toupper
#undef _tolower
#define isupper(c) kmem_isupper((unsigned char)(c))
#define islower(c) kmem_islower((unsigned char)(c))
#define isspace(c) kmem_isspace((unsigned char)(c))
#define isdigit(c) kmem_isdigit((unsigned char)(c))
#define isxdigit(c) kmem_isxdigit((unsigned char)(c))
#define iscntrl(c) kmem_iscntrl((unsigned char)(c))
#define isprint(c) kmem_isprint((unsigned char)(c))
#define isalnum(c) kmem_isalnum((unsigned char)(c))
#define isalpha(c) (kmem_isupper((unsigned char)(c)) || kmem_islower((unsigned char)(c)))
#define isgraph(c) kmem_isgraph((unsigned char)(c))
#define ispunct(c) (kmem_isgraph((unsigned char)(c)) && !kmem_isalnum((unsigned char)(c)))
#define isascii(c) (((unsigned char)(c)) <= 0x7f)
#define toascii(c) (((unsigned char)(c)) & 0x7f)
#define tolower(c) kmem_tolower((unsigned char)(c))
#define toupper(c) kmem_toupper((unsigned char)(c))
/** Of a letter alone. */
#define _tolower(c) ((char)((c) | 0x20))
#endif

#endif
