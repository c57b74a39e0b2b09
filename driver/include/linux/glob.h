#ifndef KMEM_LINUX_GLOB_H
#define KMEM_LINUX_GLOB_H
/* Patterns as a shell's: ? any character, * any text, [a-c], [!a-c], and \\ before a character that means itself.  There are no
 * special cases for / and a leading dot, and a [ that is not closed means itself.  Any context. */
#include <kmem/driver_face.h>
#include <linux/types.h>

KMEM_BEGIN_C
/** Does the whole text match? */
KMEM_API bool glob_match(const char* pattern, const char* text) KMEM_DRIVER_NAME(glob_match);
/** The first n characters of the text. */
KMEM_API bool glob_match_len(const char* pattern, const char* text, size_t n) KMEM_DRIVER_NAME(glob_match_len);
KMEM_END_C
#endif
