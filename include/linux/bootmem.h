#ifndef KMEM_LINUX_BOOTMEM_H
#define KMEM_LINUX_BOOTMEM_H
/* Memory taken at boot, the 2.6 names.
 *
 * Any size, contiguous, cleared, never handed to the page allocator unless freed.  There is no failure that one
 * could go on after: where there is no memory these panic.  Task context, early: before the first allocation the
 * memory is cut off what the page allocator will get; afterwards it comes out of what the page allocator has, and is
 * kept from it from then on.
 *
 * Meaning: Linux Device Drivers, 3rd edition, chapter 8, "Obtaining Large Buffers". */
#include <kmem/c_face.h>
#include <linux/types.h>

KMEM_BEGIN_C

/** `bytes` at a cache line. */
KMEM_API void* alloc_bootmem(unsigned long bytes) KMEM_NOTHROW __attribute__((__malloc__, __alloc_size__(1)));
/** Never from high memory, and so good for DMA: below 4 GiB. */
KMEM_API void* alloc_bootmem_low(unsigned long bytes) KMEM_NOTHROW __attribute__((__malloc__, __alloc_size__(1)));
/** Whole pages, at a page border. */
KMEM_API void* alloc_bootmem_pages(unsigned long bytes) KMEM_NOTHROW __attribute__((__malloc__, __alloc_size__(1)));
KMEM_API void* alloc_bootmem_low_pages(unsigned long bytes) KMEM_NOTHROW __attribute__((__malloc__, __alloc_size__(1)));
/** Hands the pages that lie whole in the range to the page allocator; a page that is shared at an edge stays taken.
 *  `physical` is __pa() of the address. */
KMEM_API void free_bootmem(unsigned long physical, unsigned long bytes) KMEM_NOTHROW;

KMEM_END_C

#endif
