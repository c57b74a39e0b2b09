#ifndef KMEM_LINUX_PAGE_FRAG_CACHE_H
#define KMEM_LINUX_PAGE_FRAG_CACHE_H
/* Fragments of pages, cut one after the other from a block of 32 KiB (or a page, if there is no such block): for many small
 * buffers that are freed soon. Each fragment has a reference to the block, which is freed with the last one.
 *
 * The owner of a cache must serialise calls. Zeroed memory is an empty cache. Allocating: context by the flags. Freeing and
 * draining: any context.
 *
 * Meaning: the kernel's Documentation/mm/page_frags.rst. */
#include <kmem/c_face.h>
#include <linux/gfp_types.h>
#include <linux/mm_types.h>

#define PAGE_FRAG_CACHE_MAX_SIZE (8 * PAGE_SIZE)
#define PAGE_FRAG_CACHE_MAX_ORDER 3

struct page_frag_cache {
  char* kmem_at;           /* the block; NULL: none */
  unsigned int offset;     /* where the next fragment begins */
  unsigned int size;       /* of the block */
  unsigned int kmem_holds; /* references to the block that no fragment has yet */
};

KMEM_BEGIN_C

static inline void page_frag_cache_init(struct page_frag_cache* cache) {
  const struct page_frag_cache empty = {NULL, 0, 0, 0};
  *cache = empty;
}
/** `bytes`, at a multiple of `align`, a power of two; NULL if there is no memory, or `bytes` exceeds the block: 32 KiB, or a
 *  page. */
KMEM_API void* kmem_page_frag_alloc(struct page_frag_cache* cache, unsigned int bytes, gfp_t flags,
                                    unsigned int align) KMEM_NOTHROW;
static inline void* page_frag_alloc_align(struct page_frag_cache* cache, unsigned int bytes, gfp_t flags, unsigned int align) {
  return kmem_page_frag_alloc(cache, bytes, flags, align);
}
static inline void* page_frag_alloc(struct page_frag_cache* cache, unsigned int bytes, gfp_t flags) {
  return kmem_page_frag_alloc(cache, bytes, flags, 1);
}
/** `address`: any address in a fragment; NULL is ignored. */
KMEM_API void page_frag_free(void* address) KMEM_NOTHROW_NAME(page_frag_free);
/** Releases the cache's block; fragments that are in use stay valid. */
KMEM_API void page_frag_cache_drain(struct page_frag_cache* cache) KMEM_NOTHROW_NAME(page_frag_cache_drain);

KMEM_END_C

#endif
