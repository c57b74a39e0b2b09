#ifndef KMEM_LINUX_MM_H
#define KMEM_LINUX_MM_H
/* What one can ask of a page, and sharing one.
 *
 * Any context, and nothing here sleeps or fails, unless it says otherwise.
 * Meaning: the kernel's Documentation/core-api/mm-api.rst and <linux/mm.h>. */
#include <kmem/c_face.h>
#include <kmem/kvmalloc.h>
#include <linux/gfp.h>
#include <linux/mm_types.h>
#include <linux/mmzone.h>
#include <linux/pfn.h>

KMEM_BEGIN_C

/** The address at which a page is seen; NULL for a page of high memory that is not mapped. */
KMEM_API void* page_address(const struct page* page) KMEM_NOTHROW;
/** The node and the zone (enum zone_type) that a page belongs to. */
KMEM_API int page_to_nid(const struct page* page) KMEM_NOTHROW;
KMEM_API enum zone_type page_zonenum(const struct page* page) KMEM_NOTHROW;

/** How many hold the block whose first page this is: 1 after the allocation, 0 when it is free. */
KMEM_API int page_count(const struct page* page) KMEM_NOTHROW;
/** One more holder. */
KMEM_API void get_page(struct page* page) KMEM_NOTHROW;
/** One less; the last one frees the block, whatever its order. */
KMEM_API void put_page(struct page* page) KMEM_NOTHROW;

/** Makes 2^order single pages of a block, each with one holder, to be freed one by one.
 *  Not for blocks allocated with __GFP_COMP: that is reported and changes nothing. */
KMEM_API void split_page(struct page* page, unsigned int order) KMEM_NOTHROW;

/** 2.6: frees a page that is, or is not, in this CPU's cache: to the end of the CPU's list that the next allocation
 *  takes from, or to the other one. */
KMEM_API void free_hot_page(struct page* page) KMEM_NOTHROW;
KMEM_API void free_cold_page(struct page* page) KMEM_NOTHROW;

KMEM_END_C

#define PageHighMem(page) (page_zonenum(page) == ZONE_HIGHMEM)
#define lowmem_page_address(page) page_address(page)

#endif
