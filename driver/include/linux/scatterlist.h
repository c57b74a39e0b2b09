#ifndef KMEM_LINUX_SCATTERLIST_H
#define KMEM_LINUX_SCATTERLIST_H
/* Pieces of memory in a row: of pages, from an offset, so many bytes.  Any context but sg_alloc_table() and its kin, which
 * allocate by their flags.  What differs: a table is one array, whatever its length; lists that the caller chains are followed.
 * Meaning: the kernel's <linux/scatterlist.h>. */
#include <linux/bug.h>
#include <linux/dma-direction.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/types.h>

/* Bit 0: the link is to the next list.  Bit 1: the last piece. */
struct scatterlist {
  unsigned long page_link;
  unsigned int offset, length;
  dma_addr_t dma_address;
  unsigned int dma_length;
  unsigned int dma_flags;
};
struct sg_table {
  struct scatterlist* sgl;
  unsigned int nents;      /* that the device sees */
  unsigned int orig_nents; /* that there are */
};
#define SG_CHAIN 0x01UL
#define SG_END 0x02UL
#define SG_PAGE_LINK_MASK (SG_CHAIN | SG_END)
#define SG_MAX_SINGLE_ALLOC (PAGE_SIZE / sizeof(struct scatterlist))

#define sg_dma_address(sg) ((sg)->dma_address)
#define sg_dma_len(sg) ((sg)->dma_length)
#define sg_is_chain(sg) (((sg)->page_link & SG_CHAIN) != 0)
#define sg_is_last(sg) (((sg)->page_link & SG_END) != 0)
#define sg_chain_ptr(sg) ((struct scatterlist*)((sg)->page_link & ~SG_PAGE_LINK_MASK))

KMEM_BEGIN_C
static inline struct page* sg_page(const struct scatterlist* sg) {
  WARN_ON_ONCE(sg_is_chain(sg));
  return (struct page*)(sg->page_link & ~SG_PAGE_LINK_MASK);
}
static inline void sg_assign_page(struct scatterlist* sg, struct page* page) {
  sg->page_link = (sg->page_link & SG_PAGE_LINK_MASK) | (unsigned long)page;
}
static inline void sg_set_page(struct scatterlist* sg, struct page* page, unsigned int length, unsigned int offset) {
  sg_assign_page(sg, page);
  sg->offset = offset;
  sg->length = length;
}
static inline void sg_set_buf(struct scatterlist* sg, const void* memory, unsigned int length) {
  WARN_ON_ONCE(!virt_addr_valid(memory));
  sg_set_page(sg, virt_to_page(memory), length, (unsigned int)offset_in_page(memory));
}
static inline void sg_mark_end(struct scatterlist* sg) { sg->page_link = (sg->page_link | SG_END) & ~SG_CHAIN; }
static inline void sg_unmark_end(struct scatterlist* sg) { sg->page_link &= ~SG_END; }
/** The last of the first list's n becomes the link to the second. */
static inline void sg_chain(struct scatterlist* first, unsigned int n, struct scatterlist* second) {
  first[n - 1].offset = first[n - 1].length = 0;
  first[n - 1].page_link = ((unsigned long)second | SG_CHAIN) & ~SG_END;
}
static inline phys_addr_t sg_phys(const struct scatterlist* sg) { return page_to_phys(sg_page(sg)) + sg->offset; }
static inline void* sg_virt(const struct scatterlist* sg) { return (char*)page_address(sg_page(sg)) + sg->offset; }
static inline void sg_init_marker(struct scatterlist* list, unsigned int n) { sg_mark_end(&list[n - 1]); }
static inline void sg_init_table(struct scatterlist* list, unsigned int n) {
  memset(list, 0, sizeof(*list) * n);
  sg_init_marker(list, n);
}
static inline void sg_init_one(struct scatterlist* sg, const void* memory, unsigned int length) {
  sg_init_table(sg, 1);
  sg_set_buf(sg, memory, length);
}
/** NULL behind the last. */
static inline struct scatterlist* sg_next(struct scatterlist* sg) {
  if (sg_is_last(sg)) return NULL;
  ++sg;
  return sg_is_chain(sg) ? sg_chain_ptr(sg) : sg;
}
KMEM_API int sg_nents(struct scatterlist* list) KMEM_DRIVER_NAME(sg_nents);
/** How many make up so many bytes; -EINVAL: there are fewer. */
KMEM_API int sg_nents_for_len(struct scatterlist* list, u64 bytes) KMEM_DRIVER_NAME(sg_nents_for_len);
KMEM_API struct scatterlist* sg_last(struct scatterlist* list, unsigned int n) KMEM_DRIVER_NAME(sg_last);
KMEM_MUST_CHECK KMEM_API int sg_alloc_table(struct sg_table* table, unsigned int n, gfp_t flags)
    KMEM_DRIVER_NAME(sg_alloc_table);
KMEM_API void sg_free_table(struct sg_table* table) KMEM_DRIVER_NAME(sg_free_table);
/** `size` bytes from `offset` of these pages; pages that lie one after the other are one piece. */
KMEM_MUST_CHECK KMEM_API int sg_alloc_table_from_pages(struct sg_table* table, struct page** pages, unsigned int n,
                                                       unsigned int offset, unsigned long size, gfp_t flags)
    KMEM_DRIVER_NAME(sg_alloc_table_from_pages);
/** Copies between a list, from `skip` on, and a buffer: how many bytes. */
KMEM_API size_t sg_copy_buffer(struct scatterlist* list, unsigned int n, void* buffer, size_t bytes, off_t skip, bool to_buffer)
    KMEM_DRIVER_NAME(sg_copy_buffer);
static inline size_t sg_copy_from_buffer(struct scatterlist* list, unsigned int n, const void* buffer, size_t bytes) {
  return sg_copy_buffer(list, n, (void*)buffer, bytes, 0, false);
}
static inline size_t sg_copy_to_buffer(struct scatterlist* list, unsigned int n, void* buffer, size_t bytes) {
  return sg_copy_buffer(list, n, buffer, bytes, 0, true);
}
static inline size_t sg_pcopy_from_buffer(struct scatterlist* list, unsigned int n, const void* buffer, size_t bytes,
                                          off_t skip) {
  return sg_copy_buffer(list, n, (void*)buffer, bytes, skip, false);
}
static inline size_t sg_pcopy_to_buffer(struct scatterlist* list, unsigned int n, void* buffer, size_t bytes, off_t skip) {
  return sg_copy_buffer(list, n, buffer, bytes, skip, true);
}
KMEM_API size_t sg_zero_buffer(struct scatterlist* list, unsigned int n, size_t bytes, off_t skip)
    KMEM_DRIVER_NAME(sg_zero_buffer);
KMEM_END_C

#define for_each_sg(list, sg, n, i) for ((i) = 0, (sg) = (list); (i) < (n); (i)++, (sg) = sg_next(sg))
#define for_each_sgtable_sg(table, sg, i) for_each_sg((table)->sgl, sg, (table)->orig_nents, i)
#define for_each_sgtable_dma_sg(table, sg, i) for_each_sg((table)->sgl, sg, (table)->nents, i)
#endif
