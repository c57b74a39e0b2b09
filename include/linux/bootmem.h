#ifndef KMEM_LINUX_BOOTMEM_H
#define KMEM_LINUX_BOOTMEM_H
/* Memory taken at boot, the 2.6 names.
 *
 * Any size, contiguous, cleared, never handed to the page allocator unless freed. These functions do not return failure: they
 * panic if there is no memory. Task context. Before the first allocation the memory is taken before the page allocator gets it;
 * later it is taken from the page allocator's free memory.
 *
 * Meaning: Linux Device Drivers, 3rd edition, chapter 8, "Obtaining Large Buffers". */
#include <asm/page.h>
#include <kmem/c_face.h>
#include <linux/types.h>

KMEM_BEGIN_C

/** `bytes` at a cache line. */
KMEM_API void* alloc_bootmem(unsigned long bytes) KMEM_NOTHROW_NAME(alloc_bootmem) __attribute__((__malloc__, alloc_size(1)));
/** Never from high memory, and so good for DMA: below 4 GiB. */
KMEM_API void* alloc_bootmem_low(unsigned long bytes) KMEM_NOTHROW_NAME(alloc_bootmem_low)
    __attribute__((__malloc__, alloc_size(1)));
/** Whole pages, at a page border. */
KMEM_API void* alloc_bootmem_pages(unsigned long bytes) KMEM_NOTHROW_NAME(alloc_bootmem_pages)
    __attribute__((__malloc__, alloc_size(1)));
KMEM_API void* alloc_bootmem_low_pages(unsigned long bytes) KMEM_NOTHROW_NAME(alloc_bootmem_low_pages)
    __attribute__((__malloc__, alloc_size(1)));
/** Hands the pages that lie completely in the range to the page allocator; a page at an edge that is shared stays allocated.
 *  `physical` is __pa() of the address. */
KMEM_API void free_bootmem(unsigned long physical, unsigned long bytes) KMEM_NOTHROW_NAME(free_bootmem);

KMEM_END_C

#endif
