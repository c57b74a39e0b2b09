#ifndef KMEM_LINUX_KMEMLEAK_H
#define KMEM_LINUX_KMEMLEAK_H
/* Annotations for the leak scan (docs/leaks.md). As in the kernel these do nothing without the boot word kmemleak=on; the
 * kernel's Documentation/dev-tools/kmemleak.rst explains their use. */
#include <kmem/c_face.h>
#include <linux/gfp.h>
#include <stddef.h>

KMEM_BEGIN_C

/** Registers a block that kmem did not allocate, to report it if it is leaked. min_count: 0 if it is never a leak; otherwise
 *  one pointer to it is enough. */
KMEM_API void kmemleak_alloc(const void* pointer, size_t size, int min_count, gfp_t flags) KMEM_NOTHROW_NAME(kmemleak_alloc);
/** Removes the annotations of a block; for a block of kmemleak_alloc() at the latest before it is freed. */
KMEM_API void kmemleak_free(const void* pointer) KMEM_NOTHROW_NAME(kmemleak_free);
/** The block is not a leak, even if no pointer to it is found; nor are the blocks that it points to. */
KMEM_API void kmemleak_not_leak(const void* pointer) KMEM_NOTHROW_NAME(kmemleak_not_leak);
/** The block is never reported, and is not searched for pointers. */
KMEM_API void kmemleak_ignore(const void* pointer) KMEM_NOTHROW_NAME(kmemleak_ignore);
/** Only the areas given by this function are searched for pointers. */
KMEM_API void kmemleak_scan_area(const void* pointer, size_t size, gfp_t flags) KMEM_NOTHROW_NAME(kmemleak_scan_area);
/** The block contains no pointers. */
KMEM_API void kmemleak_no_scan(const void* pointer) KMEM_NOTHROW_NAME(kmemleak_no_scan);

KMEM_END_C

#endif
