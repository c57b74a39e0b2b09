#ifndef KMEM_LINUX_HIGHMEM_H
#define KMEM_LINUX_HIGHMEM_H
/* Temporary mappings of pages without a permanent address: those of the zone HighMem, which the boot word highmem=SIZE makes.
 *
 * For any other page these return its permanent address, or its current one in the window of vmalloc().
 *
 *   kmap()            until kunmap() of the page has been called as often; page_address() knows it meanwhile.  Both may
 *                     sleep: task context.
 *   kmap_local_page() until kunmap_local() of the address, in reverse order, by the same task; at most 16 at a time.  Any
 *                     context.  page_address() does not know it.
 *   kmap_atomic()     as kmap_local_page(), and between the two the caller must not sleep.
 *
 * An unmap too many, or out of order, is reported and changes nothing. Meaning: the kernel's Documentation/mm/highmem.rst. */
#include <linux/mm.h>

KMEM_BEGIN_C

KMEM_API void* kmap(struct page* page) KMEM_NOTHROW_NAME(kmap);
KMEM_API void kunmap(const struct page* page) KMEM_NOTHROW_NAME(kunmap);
KMEM_API void* kmap_local_page(struct page* page) KMEM_NOTHROW_NAME(kmap_local_page);
/** `address`: any address in the page. */
KMEM_API void kunmap_local(const void* address) KMEM_NOTHROW_NAME(kunmap_local);
KMEM_API void* kmem_kmap_atomic(struct page* page) KMEM_NOTHROW;
KMEM_API void kmem_kunmap_atomic(const void* address) KMEM_NOTHROW;
/** The page of an address from the above functions, or of a permanent address. */
KMEM_API struct page* kmap_to_page(void* address) KMEM_NOTHROW_NAME(kmap_to_page);
/** Does nothing: unmapping takes effect at once. */
static inline void kmap_flush_unused(void) {}
/** The number of free pages of high memory, and of all of them. */
KMEM_API unsigned long nr_free_highpages(void) KMEM_NOTHROW_NAME(nr_free_highpages);
KMEM_API unsigned long totalhigh_pages(void) KMEM_NOTHROW_NAME(totalhigh_pages);

/* The contents of pages, wherever they are.  Offsets and lengths stay within one page.  Any context. */

static inline void clear_highpage(struct page* page) {
  void* at = kmap_local_page(page);
  __builtin_memset(at, 0, PAGE_SIZE);
  kunmap_local(at);
}
static inline void copy_highpage(struct page* to, struct page* from) {
  char* source = (char*)kmap_local_page(from);
  char* target = (char*)kmap_local_page(to);
  __builtin_memcpy(target, source, PAGE_SIZE);
  kunmap_local(target);
  kunmap_local(source);
}
static inline void memcpy_from_page(char* to, struct page* page, size_t offset, size_t bytes) {
  const char* at = (const char*)kmap_local_page(page);
  __builtin_memcpy(to, at + offset, bytes);
  kunmap_local(at);
}
static inline void memcpy_to_page(struct page* page, size_t offset, const char* from, size_t bytes) {
  char* at = (char*)kmap_local_page(page);
  __builtin_memcpy(at + offset, from, bytes);
  kunmap_local(at);
}
static inline void memcpy_page(struct page* to, size_t to_offset, struct page* from, size_t from_offset, size_t bytes) {
  char* source = (char*)kmap_local_page(from);
  char* target = (char*)kmap_local_page(to);
  __builtin_memcpy(target + to_offset, source + from_offset, bytes);
  kunmap_local(target);
  kunmap_local(source);
}
static inline void memset_page(struct page* page, size_t offset, int value, size_t bytes) {
  char* at = (char*)kmap_local_page(page);
  __builtin_memset(at + offset, value, bytes);
  kunmap_local(at);
}
static inline void memzero_page(struct page* page, size_t offset, size_t bytes) { memset_page(page, offset, 0, bytes); }
/** Clears [start1, end1) and [start2, end2) of a page. */
static inline void zero_user_segments(struct page* page, unsigned start1, unsigned end1, unsigned start2, unsigned end2) {
  if (end1 > start1) memset_page(page, start1, 0, end1 - start1);
  if (end2 > start2) memset_page(page, start2, 0, end2 - start2);
}
static inline void zero_user_segment(struct page* page, unsigned start, unsigned end) {
  zero_user_segments(page, start, end, 0, 0);
}
static inline void zero_user(struct page* page, unsigned start, unsigned bytes) {
  zero_user_segments(page, start, start + bytes, 0, 0);
}

KMEM_END_C

/* 2.6 named a slot in a second argument; since 2.6.37 there is none. */
#define kmap_atomic(...) kmem_kmap_atomic(KMEM_FIRST_(__VA_ARGS__, 0))
#define kunmap_atomic(...) kmem_kunmap_atomic(KMEM_FIRST_(__VA_ARGS__, 0))
#define kmap_atomic_prot(page, protection) kmem_kmap_atomic(page)
#define KMEM_FIRST_(first, ...) first

#endif
