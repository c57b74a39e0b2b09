/* Copies of strings and of memory in blocks from kmalloc(); free them with kfree().
 *
 * Sizes are bytes.  NULL where there is no memory, and for a source of NULL where the function says so.  Flags and
 * contexts as of kmalloc().  Brings the C library's own string functions along, as the system's header does. */
#include <kmem/system_linux_string.h>

#ifndef KMEM_LINUX_STRING_H
#define KMEM_LINUX_STRING_H

#include <kmem/c_face.h>
#include <linux/types.h>

#if __STDC_HOSTED__
#include <string.h>
#endif

KMEM_BEGIN_C

/** The string and its NUL; NULL for NULL. */
KMEM_API char* kstrdup(const char* string, gfp_t flags) KMEM_NOTHROW __attribute__((__malloc__));
/** At most max characters of it, and always a NUL; NULL for NULL. */
KMEM_API char* kstrndup(const char* string, size_t max, gfp_t flags) KMEM_NOTHROW __attribute__((__malloc__));
/** `length` bytes, whatever they are. */
KMEM_API void* kmemdup(const void* source, size_t length, gfp_t flags) KMEM_NOTHROW KMEM_ALLOCATES(2);
/** The same, and a NUL behind them; NULL for NULL. */
KMEM_API char* kmemdup_nul(const char* source, size_t length, gfp_t flags) KMEM_NOTHROW __attribute__((__malloc__));
/** n elements of `size` bytes; NULL where the product overflows. */
KMEM_API void* kmemdup_array(const void* source, size_t n, size_t size, gfp_t flags) KMEM_NOTHROW KMEM_ALLOCATES(2, 3);
/** Zeroes that the compiler may not leave out, although nobody reads them afterwards. */
KMEM_API void memzero_explicit(void* memory, size_t bytes) KMEM_NOTHROW;

KMEM_END_C

#endif
