#ifndef KMEM_LINUX_KMEMLEAK_H
#define KMEM_LINUX_KMEMLEAK_H
/* What a program tells the search for lost memory (docs/leaks.md).  As in the kernel these do nothing unless the boot word
 * kmemleak=on switched it on; the kernel's Documentation/dev-tools/kmemleak.rst says what each is for. */
#include <kmem/c_face.h>
#include <linux/gfp.h>
#include <stddef.h>

KMEM_BEGIN_C

/** A block that is not kmem's: it is looked for, and reported when it is lost.  min_count: 0 if it is never lost, else it
 *  needs a pointer to it; more than one are not counted. */
KMEM_API void kmemleak_alloc(const void* pointer, size_t size, int min_count, gfp_t flags) KMEM_NOTHROW;
/** Forgets what was said about a block; for kmemleak_alloc()'s at the latest before it goes away. */
KMEM_API void kmemleak_free(const void* pointer) KMEM_NOTHROW;
/** Not lost, though nobody seems to know it; what it points to is not lost either. */
KMEM_API void kmemleak_not_leak(const void* pointer) KMEM_NOTHROW;
/** Neither lost nor looked into. */
KMEM_API void kmemleak_ignore(const void* pointer) KMEM_NOTHROW;
/** Only such areas of the block that the pointer lies in hold pointers. */
KMEM_API void kmemleak_scan_area(const void* pointer, size_t size, gfp_t flags) KMEM_NOTHROW;
/** There are no pointers in it. */
KMEM_API void kmemleak_no_scan(const void* pointer) KMEM_NOTHROW;

KMEM_END_C

#endif
