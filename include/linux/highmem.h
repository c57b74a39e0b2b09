#ifndef KMEM_LINUX_HIGHMEM_H
#define KMEM_LINUX_HIGHMEM_H
/* Reaching pages that may have no permanent address.  Every zone that there is today has one, so these are
 * page_address(); code that pairs them is right on a machine with high memory too.  Any context. */
#include <linux/mm.h>

KMEM_BEGIN_C

/** 2.6 and now: the address of a page until kunmap() of the page.  May sleep. */
static inline void* kmap(struct page* page) { return page_address(page); }
static inline void kunmap(const struct page* page) { (void)page; }
/** The same in every context, until kunmap_local() of the address, in reverse order. */
static inline void* kmap_local_page(struct page* page) { return page_address(page); }
static inline void kunmap_local(const void* address) { (void)address; }

KMEM_END_C

/* 2.6 named a slot in a second argument; since 2.6.37 there is none. */
#define kmap_atomic(...) page_address(KMEM_FIRST_(__VA_ARGS__, 0))
#define kunmap_atomic(...) ((void)(KMEM_FIRST_(__VA_ARGS__, 0)))
#define KMEM_FIRST_(first, ...) first

#endif
