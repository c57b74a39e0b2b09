/* What mm/zsmalloc.c takes from headers of the page cache, which is not there; and words of struct page that kmem
 * leaves to whoever has
 * the page: `lru` for its offsets, `flags` for the lock of a page. */
#ifdef KMEM_KERNEL_TREE
#include <linux/bitops.h>
#include <linux/bug.h>
#include <linux/mm.h>

#define __ASM_GENERIC_TLBFLUSH_H
#define _LINUX_PAGEMAP_H
#define _LINUX_MIGRATE_H
#define page_type lru.prev

/* The kernel hands a page out with its flags clear; kmem leaves them as they are. */
static inline struct page* unlocked_page(gfp_t flags) {
  struct page* page = alloc_pages(flags, 0);
  if (page) page->flags = 0;
  return page;
}
#undef alloc_page
#define alloc_page(flags) unlocked_page(flags)

#define trylock_page(page) (!test_and_set_bit(0, &(page)->flags))
#define unlock_page(page) clear_bit_unlock(0, &(page)->flags)
#define PageLocked(page) test_bit(0, &(page)->flags)
#define VM_BUG_ON(condition) BUG_ON(condition)
#define VM_BUG_ON_PAGE(condition, page) BUG_ON(condition)
#define page_mapcount_reset(page) ((page)->lru.prev = NULL)
/* No page moves, and the blocks are no user's memory. */
#define __ClearPageMovable(page) ((void)(page))
#define pagefault_disable() ((void)0)
#define pagefault_enable() ((void)0)

enum { NR_ZSPAGES };
extern long zspages_counted;
#define inc_zone_page_state(page, item) ((void)(page), (void)__atomic_add_fetch(&zspages_counted, 1, __ATOMIC_RELAXED))
#define dec_zone_page_state(page, item) ((void)(page), (void)__atomic_sub_fetch(&zspages_counted, 1, __ATOMIC_RELAXED))
#endif
