#ifndef KMEM_LINUX_GENERIC_RADIX_TREE_H
#define KMEM_LINUX_GENERIC_RADIX_TREE_H
/* An array without end whose pages are allocated when they are first used, and do not move.  Elements are zero, and at most a
 * page.
 * Looking up and allocating take no lock; freeing is alone.  Any context that the flags allow.
 * Meaning: the kernel's <linux/generic-radix-tree.h>. */
#include <kmem/driver_face.h>
#include <linux/bug.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/types.h>

struct genradix_root; /* a page or a node, and in the lowest bits the levels above the pages */
struct __genradix {
  struct genradix_root* root;
};
/* `type` has no value but a type. */
#define GENRADIX(element)   \
  struct {                  \
    struct __genradix tree; \
    element type[0];        \
  }
#define DEFINE_GENRADIX(name, element) GENRADIX(element) name = {{NULL}, {}}
#define genradix_init(radix) ((void)((radix)->tree.root = NULL))

struct genradix_iter {
  size_t offset, pos;
};

KMEM_BEGIN_C
KMEM_API void __genradix_free(struct __genradix* tree) KMEM_DRIVER_NAME(__genradix_free);
KMEM_API void* __genradix_ptr(struct __genradix* tree, size_t offset) KMEM_DRIVER_NAME(__genradix_ptr);
KMEM_API void* __genradix_ptr_alloc(struct __genradix* tree, size_t offset, gfp_t flags) KMEM_DRIVER_NAME(__genradix_ptr_alloc);
KMEM_API void* __genradix_iter_peek(struct genradix_iter* iter, struct __genradix* tree, size_t per_page)
    KMEM_DRIVER_NAME(__genradix_iter_peek);
KMEM_API int __genradix_prealloc(struct __genradix* tree, size_t bytes, gfp_t flags) KMEM_DRIVER_NAME(__genradix_prealloc);
/** Elements do not cross a page's end. */
static inline size_t __idx_to_offset(size_t index, size_t size) {
  const size_t per_page = PAGE_SIZE / size;
  BUG_ON(size > PAGE_SIZE);
  return index / per_page * PAGE_SIZE + index % per_page * size;
}
static inline void __genradix_iter_advance(struct genradix_iter* iter, size_t size) {
  iter->offset = __idx_to_offset(++iter->pos, size);
}
KMEM_END_C

#define __genradix_obj_size(radix) sizeof((radix)->type[0])
#define __genradix_cast(radix) (__typeof__((radix)->type[0])*)
#define __genradix_idx_to_offset(radix, index) __idx_to_offset(index, __genradix_obj_size(radix))
#define genradix_free(radix) __genradix_free(&(radix)->tree)
/** The element; NULL: its page was never used, or there is no memory for it. */
#define genradix_ptr(radix, index) \
  (__genradix_cast(radix) __genradix_ptr(&(radix)->tree, __genradix_idx_to_offset(radix, index)))
#define genradix_ptr_alloc(radix, index, flags) \
  (__genradix_cast(radix) __genradix_ptr_alloc(&(radix)->tree, __genradix_idx_to_offset(radix, index), flags))
/** Memory for the first n elements: 0, -ENOMEM. */
#define genradix_prealloc(radix, n, flags) __genradix_prealloc(&(radix)->tree, __genradix_idx_to_offset(radix, (n) + 1), flags)
/** A walk over the elements whose pages are there. */
#define genradix_iter_init(radix, index) KMEM_GENRADIX_ITER_(__genradix_idx_to_offset(radix, index), index)
#ifdef __cplusplus
#define KMEM_GENRADIX_ITER_(offset, index) (genradix_iter{offset, index})
#else
#define KMEM_GENRADIX_ITER_(offset, index) ((struct genradix_iter){offset, index})
#endif
#define genradix_iter_peek(iter, radix) \
  (__genradix_cast(radix) __genradix_iter_peek(iter, &(radix)->tree, PAGE_SIZE / __genradix_obj_size(radix)))
#define genradix_iter_advance(iter, radix) __genradix_iter_advance(iter, __genradix_obj_size(radix))
#define genradix_for_each_from(radix, iter, position, start)                                                 \
  for ((iter) = genradix_iter_init(radix, start); ((position) = genradix_iter_peek(&(iter), radix)) != NULL; \
       genradix_iter_advance(&(iter), radix))
#define genradix_for_each(radix, iter, position) genradix_for_each_from(radix, iter, position, 0)
#endif
