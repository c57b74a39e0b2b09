#ifndef KMEM_LINUX_PAGE_REF_H
#define KMEM_LINUX_PAGE_REF_H
/* Reference counts of pages; usually get_page() and put_page() of <linux/mm.h> suffice. Any context. */
#include <kmem/c_face.h>
#include <linux/mm_types.h>

KMEM_BEGIN_C

/** As page_count(). */
KMEM_API int page_ref_count(const struct page* page) KMEM_NOTHROW_NAME(page_ref_count);
/** Adds `n` references. */
KMEM_API void page_ref_add(struct page* page, int n) KMEM_NOTHROW_NAME(page_ref_add);
static inline void page_ref_inc(struct page* page) { page_ref_add(page, 1); }
/** Takes a reference unless the count is zero; returns whether it did. */
KMEM_API bool get_page_unless_zero(struct page* page) KMEM_NOTHROW_NAME(get_page_unless_zero);

KMEM_END_C

#endif
