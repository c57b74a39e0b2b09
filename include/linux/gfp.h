#ifndef KMEM_LINUX_GFP_H
#define KMEM_LINUX_GFP_H
/* Pages by order.
 *
 * A block has 2^order pages that are contiguous in physical memory too, and starts at a multiple of its size;
 * order is 0 to MAX_ORDER.  Flags are in <linux/gfp_types.h>: GFP_KERNEL may sleep and so is for task context; GFP_ATOMIC and
 * GFP_NOWAIT never sleep and are for every context, including signal handlers. Contents are unspecified without __GFP_ZERO. The
 * functions that free may be called in any context; each takes the order, or the size, with which the block was allocated.  A
 * wrong order, a second free, an address that was not allocated: each is reported and changes nothing.
 *
 * Meaning: the kernel's Documentation/core-api/mm-api.rst; Linux Device Drivers, 3rd edition, chapter 8. */
#include <kmem/cleanup.h>
#include <linux/gfp_types.h>
#include <linux/mm_types.h>
#include <linux/mmzone.h>
#include <linux/page_frag_cache.h>

KMEM_BEGIN_C

/** May an allocation with these flags sleep? */
static inline bool gfpflags_allow_blocking(const gfp_t flags) { return (flags & __GFP_DIRECT_RECLAIM) != 0; }

/** 2^order pages from node `nid`, or from the others by distance unless __GFP_THISNODE; NUMA_NO_NODE is the caller's. NULL if
 *  there are none, and for an order above MAX_ORDER. */
KMEM_API struct page* alloc_pages_node(int nid, gfp_t flags, unsigned int order) KMEM_NOTHROW_NAME(alloc_pages_node);
KMEM_API struct page* alloc_pages(gfp_t flags, unsigned int order) KMEM_NOTHROW_NAME(alloc_pages);
/** Frees a block of alloc_pages(). If get_page() was called, the last put_page() frees it. */
KMEM_API void __free_pages(struct page* page, unsigned int order) KMEM_NOTHROW_NAME(__free_pages);

static inline struct page* alloc_page(gfp_t flags) { return alloc_pages(flags, 0); }
static inline void __free_page(struct page* page) { __free_pages(page, 0); }

/** The same by address.  __GFP_HIGHMEM is refused, because such a page may have no address. 0 if there is no memory. */
KMEM_API unsigned long __get_free_pages(gfp_t flags, unsigned int order) KMEM_NOTHROW_NAME(__get_free_pages);
/** Address 0 is ignored. */
KMEM_API void free_pages(unsigned long address, unsigned int order) KMEM_NOTHROW_NAME(free_pages);

static inline unsigned long __get_free_page(gfp_t flags) { return __get_free_pages(flags, 0); }
static inline unsigned long get_zeroed_page(gfp_t flags) { return __get_free_pages(flags | __GFP_ZERO, 0); }
static inline void free_page(unsigned long address) { free_pages(address, 0); }
static inline unsigned long __get_dma_pages(gfp_t flags, unsigned int order) {
  return __get_free_pages(flags | __GFP_DMA, order);
}

/** A compound page of 2^order pages, as a folio (<linux/mm.h>). */
static inline struct folio* folio_alloc(gfp_t flags, unsigned int order) {
  return (struct folio*)alloc_pages(flags | __GFP_COMP, order);
}
static inline struct folio* folio_alloc_node(gfp_t flags, unsigned int order, int nid) {
  return (struct folio*)alloc_pages_node(nid, flags | __GFP_COMP, order);
}

/** As many whole pages as hold `bytes`, contiguous; the excess pages of 2^order are freed at once. NULL for 0 bytes, for more
 *  than 2^MAX_ORDER pages, with __GFP_COMP, and if there is no memory. Free with free_pages_exact() and the same number of
 *  bytes. */
KMEM_API void* alloc_pages_exact(size_t bytes, gfp_t flags) KMEM_NOTHROW_NAME(alloc_pages_exact);
KMEM_API void* alloc_pages_exact_node(int nid, size_t bytes, gfp_t flags) KMEM_NOTHROW_NAME(alloc_pages_exact_node);
KMEM_API void free_pages_exact(void* address, size_t bytes) KMEM_NOTHROW_NAME(free_pages_exact);

/** Fills the NULL entries of array[0 .. nr_pages) with single pages.  Returns how many entries, from the first on, are filled
 *  now, including those that were filled before; may be less than nr_pages. */
KMEM_API unsigned long alloc_pages_bulk(gfp_t flags, unsigned long nr_pages, struct page** array)
    KMEM_NOTHROW_NAME(alloc_pages_bulk);
/** The same from node `nid`, or from the others by distance unless __GFP_THISNODE. */
KMEM_API unsigned long alloc_pages_bulk_node(gfp_t flags, int nid, unsigned long nr_pages, struct page** array)
    KMEM_NOTHROW_NAME(alloc_pages_bulk_node);
struct list_head;
/** From Linux 5.13 to 6.13: adds up to nr_pages pages to the front of the list, by their lru; returns their number. */
KMEM_API unsigned long alloc_pages_bulk_list(gfp_t flags, int nr_pages, struct list_head* list)
    KMEM_NOTHROW_NAME(alloc_pages_bulk_list);
#define alloc_pages_bulk_array_node(flags, nid, nr_pages, array) alloc_pages_bulk_node((flags), (nid), (nr_pages), (array))
#define alloc_pages_bulk_array(flags, nr_pages, array) alloc_pages_bulk((flags), (nr_pages), (array))

KMEM_END_C

DEFINE_FREE(free_page, void*, free_page((unsigned long)_T))

#endif
