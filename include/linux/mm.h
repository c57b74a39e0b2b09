#ifndef KMEM_LINUX_MM_H
#define KMEM_LINUX_MM_H
/* Queries about pages, and reference counts.
 *
 * Any context, and nothing here sleeps or fails, unless it says otherwise.
 * Meaning: the kernel's Documentation/core-api/mm-api.rst and <linux/mm.h>. */
#include <kmem/c_face.h>
#include <kmem/kvmalloc.h>
#include <linux/gfp.h>
#include <linux/mm_types.h>
#include <linux/mmzone.h>
#include <linux/page-flags.h>
#include <linux/page_ref.h>
#include <linux/pfn.h>
#if __STDC_HOSTED__
#include <linux/sysinfo.h> /* struct sysinfo, the system's */
#endif

KMEM_BEGIN_C

/** The address of a page; NULL for a page of high memory that is not mapped. */
KMEM_API void* page_address(const struct page* page) KMEM_NOTHROW_NAME(page_address);
/** The node and the zone (enum zone_type) that a page belongs to. */
KMEM_API int page_to_nid(const struct page* page) KMEM_NOTHROW_NAME(page_to_nid);
KMEM_API enum zone_type page_zonenum(const struct page* page) KMEM_NOTHROW_NAME(page_zonenum);

/** Does the address lie in the window of vmalloc()?  The page behind an address of one of its areas, and the frame's number;
 *  NULL and 0 if there is none.  <linux/vmalloc.h> */
KMEM_API bool is_vmalloc_addr(const void* address) KMEM_NOTHROW_NAME(is_vmalloc_addr);
KMEM_API struct page* vmalloc_to_page(const void* address) KMEM_NOTHROW_NAME(vmalloc_to_page);
KMEM_API unsigned long vmalloc_to_pfn(const void* address) KMEM_NOTHROW_NAME(vmalloc_to_pfn);

/** The reference count of the block whose first page this is: 1 after the allocation, 0 when it is free. */
KMEM_API int page_count(const struct page* page) KMEM_NOTHROW_NAME(page_count);
/** Takes a reference. */
KMEM_API void get_page(struct page* page) KMEM_NOTHROW_NAME(get_page);
/** Drops a reference; dropping the last one frees the block, whatever its order. */
KMEM_API void put_page(struct page* page) KMEM_NOTHROW_NAME(put_page);

/** Splits a block into 2^order single pages, each with one reference, to be freed one by one. Not for blocks allocated with
 *  __GFP_COMP, which are reported and not changed. */
KMEM_API void split_page(struct page* page, unsigned int order) KMEM_NOTHROW_NAME(split_page);

/** 2.6: frees a page that is, or is not, in this CPU's cache, to the CPU's hot list, or to its cold list. */
KMEM_API void free_hot_page(struct page* page) KMEM_NOTHROW_NAME(free_hot_page);
KMEM_API void free_cold_page(struct page* page) KMEM_NOTHROW_NAME(free_cold_page);

/** The first page of the compound page in which an address of kmem lies (<linux/page-flags.h>); NULL for a foreign address. */
static inline struct page* virt_to_head_page(const void* address) {
  struct page* page = virt_to_page(address);
  return page ? compound_head(page) : NULL;
}
/** The order of a compound page, and its bytes, by its head; 0 and PAGE_SIZE for any other page. */
static inline unsigned int compound_order(const struct page* page) {
  return (unsigned int)get_order(compound_nr(page) << PAGE_SHIFT);
}
static inline unsigned long page_size(const struct page* page) { return compound_nr(page) << PAGE_SHIFT; }

/** A shared read-only page of zeros; freeing it is reported and not done. NULL if there never was memory for it. */
KMEM_API struct page* kmem_zero_page(void) KMEM_NOTHROW;

/** Numbers of pages: all that there can be, those that are free now, and the free ones outside of high memory. */
KMEM_API unsigned long totalram_pages(void) KMEM_NOTHROW_NAME(totalram_pages);
KMEM_API unsigned long nr_free_pages(void) KMEM_NOTHROW_NAME(nr_free_pages);
KMEM_API unsigned long nr_free_buffer_pages(void) KMEM_NOTHROW_NAME(nr_free_buffer_pages);
/** The free pages, plus those that reclaim could get from empty slabs of caches: kmem's MemAvailable. */
KMEM_API long si_mem_available(void) KMEM_NOTHROW_NAME(si_mem_available);
KMEM_API unsigned long totalhigh_pages(void) KMEM_NOTHROW_NAME(totalhigh_pages);
KMEM_API unsigned long nr_free_highpages(void) KMEM_NOTHROW_NAME(nr_free_highpages);
#if __STDC_HOSTED__
/** Fills in totalram, freeram, totalhigh and freehigh for kmem's memory, in units of mem_unit bytes; the rest is 0. */
static inline void si_meminfo(struct sysinfo* info) {
  __builtin_memset(info, 0, sizeof(*info));
  info->totalram = totalram_pages();
  info->freeram = nr_free_pages();
  info->totalhigh = totalhigh_pages();
  info->freehigh = nr_free_highpages();
  info->mem_unit = PAGE_SIZE;
}
#endif

/* Folios: the first page of a compound page, or a single page. */

static inline struct folio* page_folio(const struct page* page) { return (struct folio*)compound_head(page); }
static inline struct folio* virt_to_folio(const void* address) { return (struct folio*)virt_to_head_page(address); }
static inline struct page* folio_page(struct folio* folio, size_t n) { return &folio->page + n; }
static inline void* folio_address(const struct folio* folio) { return page_address(&folio->page); }
static inline unsigned int folio_order(const struct folio* folio) { return compound_order(&folio->page); }
static inline long folio_nr_pages(const struct folio* folio) { return (long)compound_nr(&folio->page); }
static inline size_t folio_size(const struct folio* folio) { return page_size(&folio->page); }
static inline int folio_nid(const struct folio* folio) { return page_to_nid(&folio->page); }
static inline unsigned long folio_pfn(const struct folio* folio) { return page_to_pfn(&folio->page); }
static inline bool folio_test_slab(const struct folio* folio) { return PageSlab(&folio->page) != 0; }
static inline int folio_ref_count(const struct folio* folio) { return page_count(&folio->page); }
static inline void folio_get(struct folio* folio) { get_page(&folio->page); }
static inline void folio_put(struct folio* folio) { put_page(&folio->page); }

/** Logs what an address is: of the slab allocator, of vmalloc(), or of neither.  Any context. */
KMEM_API void mem_dump_obj(void* object) KMEM_NOTHROW_NAME(mem_dump_obj);

KMEM_END_C

#define ZERO_PAGE(address) ((void)(address), kmem_zero_page())
#define PageHighMem(page) (page_zonenum(page) == ZONE_HIGHMEM)
#define lowmem_page_address(page) page_address(page)

#endif
