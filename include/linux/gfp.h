#ifndef KMEM_LINUX_GFP_H
#define KMEM_LINUX_GFP_H
/* Pages by order.
 *
 * A block has 2^order pages that are contiguous in physical memory too, and starts at a multiple of its size;
 * order is 0 to MAX_ORDER.  Flags are in <linux/gfp_types.h>: GFP_KERNEL may sleep and so belongs to task context;
 * GFP_ATOMIC and GFP_NOWAIT never sleep and are for every context, signal handlers among them.  Contents are
 * whatever they were, unless __GFP_ZERO asks for zeroes.  All of the functions that free may be called in any context;
 * each is given the order, or the size, that the block was allocated with.  A wrong order, a second free, an address
 * that was never given out: each is reported and changes nothing.
 *
 * Meaning: the kernel's Documentation/core-api/mm-api.rst; Linux Device Drivers, 3rd edition, chapter 8. */
#include <kmem/c_face.h>
#include <linux/gfp_types.h>
#include <linux/mm_types.h>
#include <linux/mmzone.h>

KMEM_BEGIN_C

/** May an allocation with these flags sleep? */
static inline bool gfpflags_allow_blocking(const gfp_t flags) { return (flags & __GFP_DIRECT_RECLAIM) != 0; }

/** 2^order pages from node `nid`, or from the others by distance unless __GFP_THISNODE; NUMA_NO_NODE is the caller's.
 *  NULL where there are none, and for an order above MAX_ORDER. */
KMEM_API struct page* alloc_pages_node(int nid, gfp_t flags, unsigned int order) KMEM_NOTHROW;
KMEM_API struct page* alloc_pages(gfp_t flags, unsigned int order) KMEM_NOTHROW;
/** Gives back what alloc_pages() gave.  For a page that get_page() shares: the last put_page() frees. */
KMEM_API void __free_pages(struct page* page, unsigned int order) KMEM_NOTHROW;

static inline struct page* alloc_page(gfp_t flags) { return alloc_pages(flags, 0); }
static inline void __free_page(struct page* page) { __free_pages(page, 0); }

/** The same by address.  __GFP_HIGHMEM is refused: such a page may have none.  0 where there is no memory. */
KMEM_API unsigned long __get_free_pages(gfp_t flags, unsigned int order) KMEM_NOTHROW;
/** Address 0 is nobody's and ignored. */
KMEM_API void free_pages(unsigned long address, unsigned int order) KMEM_NOTHROW;

static inline unsigned long __get_free_page(gfp_t flags) { return __get_free_pages(flags, 0); }
static inline unsigned long get_zeroed_page(gfp_t flags) { return __get_free_pages(flags | __GFP_ZERO, 0); }
static inline void free_page(unsigned long address) { free_pages(address, 0); }
static inline unsigned long __get_dma_pages(gfp_t flags, unsigned int order) {
  return __get_free_pages(flags | __GFP_DMA, order);
}

/** As many whole pages as hold `bytes`, contiguous; what 2^order would have too many goes back at once.
 *  NULL for 0 bytes, for more than 2^MAX_ORDER pages, with __GFP_COMP, and where there is no memory.
 *  Free with free_pages_exact() and the same number of bytes. */
KMEM_API void* alloc_pages_exact(size_t bytes, gfp_t flags) KMEM_NOTHROW;
KMEM_API void* alloc_pages_exact_node(int nid, size_t bytes, gfp_t flags) KMEM_NOTHROW;
KMEM_API void free_pages_exact(void* address, size_t bytes) KMEM_NOTHROW;

/** Fills the NULL entries of array[0 .. nr_pages) with single pages.  The answer is how many entries, from the first
 *  on, are filled now, including those that were before; it can be less than nr_pages. */
KMEM_API unsigned long alloc_pages_bulk(gfp_t flags, unsigned long nr_pages, struct page** array) KMEM_NOTHROW;
#define alloc_pages_bulk_array(flags, nr_pages, array) alloc_pages_bulk((flags), (nr_pages), (array))

KMEM_END_C

#endif
