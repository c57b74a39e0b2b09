#ifndef KMEM_LINUX_PAGE_FLAGS_H
#define KMEM_LINUX_PAGE_FLAGS_H
/* Compound pages, and flags that a page's owner sets.
 *
 * A compound page is a block whose pages lead to the first one, the head: a block of alloc_pages() with __GFP_COMP and an order
 * above 0, a slab of more than one page, or a large block of kmalloc().  Any other page is a head of its own, also a later one
 * of a block without __GFP_COMP.
 *
 * Any context; these functions never sleep or fail. The page must be allocated.
 * Meaning: the kernel's <linux/page-flags.h> and <linux/mm.h>. */
#include <kmem/c_face.h>
#include <linux/mm_types.h>

KMEM_BEGIN_C

/** The first page of the compound page that `page` belongs to; else the page itself. */
KMEM_API struct page* kmem_compound_head(const struct page* page) KMEM_NOTHROW;
/** Pages of the compound page whose head this is; 1 for any other page. */
KMEM_API unsigned long compound_nr(const struct page* page) KMEM_NOTHROW_NAME(compound_nr);

/** Does it belong to a slab? */
KMEM_API int PageSlab(const struct page* page) KMEM_NOTHROW_NAME(PageSlab);
/** Is it free in its zone? */
KMEM_API int PageBuddy(const struct page* page) KMEM_NOTHROW_NAME(PageBuddy);
/** Is it a compound page's head; a later page of one; either? */
KMEM_API int PageHead(const struct page* page) KMEM_NOTHROW_NAME(PageHead);
KMEM_API int PageTail(const struct page* page) KMEM_NOTHROW_NAME(PageTail);
static inline int PageCompound(const struct page* page) { return PageHead(page) || PageTail(page); }

/* Flags of a block, on its first page: for pages from alloc_pages() and related functions; initially clear. */

/** Must not be freed: __free_pages() and the last put_page() are reported and do not free it. */
KMEM_API int PageReserved(const struct page* page) KMEM_NOTHROW_NAME(PageReserved);
KMEM_API void SetPageReserved(struct page* page) KMEM_NOTHROW_NAME(SetPageReserved);
KMEM_API void ClearPageReserved(struct page* page) KMEM_NOTHROW_NAME(ClearPageReserved);
/** The owner uses page_private(). */
KMEM_API int PagePrivate(const struct page* page) KMEM_NOTHROW_NAME(PagePrivate);
KMEM_API void SetPagePrivate(struct page* page) KMEM_NOTHROW_NAME(SetPagePrivate);
KMEM_API void ClearPagePrivate(struct page* page) KMEM_NOTHROW_NAME(ClearPagePrivate);

KMEM_END_C

#define compound_head(page) kmem_compound_head(page)
#define __SetPageReserved(page) SetPageReserved(page)
#define __ClearPageReserved(page) ClearPageReserved(page)

#endif
