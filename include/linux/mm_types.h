#ifndef KMEM_LINUX_MM_TYPES_H
#define KMEM_LINUX_MM_TYPES_H
#include <asm/page.h>
#include <linux/types.h>

/** The descriptor of one page frame, 64 bytes of it.
 *
 *  The kmem_ words belong to the page layer (src/page/page.h): use page_count(), page_to_nid() and similar functions. The
 *  others belong to the owner of the page, from the allocation to the free; their initial contents are undefined. In a compound
 *  page only the first descriptor's words are the owner's. */
struct page {
  uint64_t kmem_head;
  uint32_t kmem_aux[2];
#ifndef KMEM_NO_KERNEL_TYPES
  struct list_head lru;
#else
  void* lru[2];
#endif
  void* mapping;
  unsigned long index;
#ifdef __cplusplus
  unsigned long private_; /* `private` in C; both languages have page_private() */
#else
  unsigned long private;
#endif
  unsigned long flags;
#ifndef __LP64__
  unsigned long kmem_spare[6];
#endif
};

/** A fragment of a page. */
struct page_frag {
  struct page* page;
  uint32_t offset;
  uint32_t size;
};

/** A page that is not a tail page, as a type of its own. */
struct folio {
  struct page page;
};

#ifdef __cplusplus
#define page_private(page) ((page)->private_)
#else
#define page_private(page) ((page)->private)
#endif
#define set_page_private(page, value) (page_private(page) = (value))

#endif
