#ifndef KMEM_LINUX_RADIX_TREE_H
#define KMEM_LINUX_RADIX_TREE_H
/* The radix tree, which <linux/xarray.h> replaced: the caller locks.  Allocations are made with the flags of the root. Slots
 * and iterators over them, which only the page cache used, are not there.  -EEXIST (-17), -ENOMEM (-12). */
#include <linux/preempt.h>
#include <linux/xarray.h>

#define radix_tree_root xarray
#define RADIX_TREE_MAX_TAGS 3
#define RADIX_TREE_INIT(name, mask) \
  { __SPIN_LOCK_UNLOCKED(name.xa_lock), (mask), NULL }
#define RADIX_TREE(name, mask) struct radix_tree_root name = RADIX_TREE_INIT(name, mask)
#define INIT_RADIX_TREE(root, mask) kmem_radix_tree_init((root), (mask))

KMEM_BEGIN_C

KMEM_API int radix_tree_insert(struct radix_tree_root* root, unsigned long index, void* item)
    KMEM_DRIVER_NAME(radix_tree_insert);
/** Deletes the entry if it is still `item`, or any entry if `item` is NULL; returns it. */
KMEM_API void* radix_tree_delete_item(struct radix_tree_root* root, unsigned long index, void* item)
    KMEM_DRIVER_NAME(radix_tree_delete_item);

static inline void kmem_radix_tree_init(struct radix_tree_root* root, gfp_t mask) {
  xa_init(root);
  root->xa_flags = mask;
}
static inline bool radix_tree_empty(const struct radix_tree_root* root) { return xa_empty(root); }
static inline void* radix_tree_lookup(const struct radix_tree_root* root, unsigned long index) {
  return xa_load((struct xarray*)root, index);
}
static inline void* radix_tree_delete(struct radix_tree_root* root, unsigned long index) {
  return radix_tree_delete_item(root, index, NULL);
}
/** Returns the item; NULL if there is none. */
static inline void* radix_tree_tag_set(struct radix_tree_root* root, unsigned long index, unsigned int tag) {
  __xa_set_mark(root, index, tag);
  return xa_load(root, index);
}
static inline void* radix_tree_tag_clear(struct radix_tree_root* root, unsigned long index, unsigned int tag) {
  __xa_clear_mark(root, index, tag);
  return xa_load(root, index);
}
static inline int radix_tree_tag_get(const struct radix_tree_root* root, unsigned long index, unsigned int tag) {
  return xa_get_mark((struct xarray*)root, index, tag);
}
static inline int radix_tree_tagged(const struct radix_tree_root* root, unsigned int tag) { return xa_marked(root, tag); }
/** Looks up to n items from `first` on; returns how many. */
static inline unsigned int radix_tree_gang_lookup(const struct radix_tree_root* root, void** results, unsigned long first,
                                                  unsigned int n) {
  return xa_extract((struct xarray*)root, results, first, ~0UL, n, XA_PRESENT);
}
static inline unsigned int radix_tree_gang_lookup_tag(const struct radix_tree_root* root, void** results, unsigned long first,
                                                      unsigned int n, unsigned int tag) {
  return xa_extract((struct xarray*)root, results, first, ~0UL, n, tag);
}
/** Turns preemption off; preloads nothing, because the insertion finds its memory itself. */
static inline int radix_tree_preload(gfp_t gfp) {
  (void)gfp;
  preempt_disable();
  return 0;
}
static inline int radix_tree_maybe_preload(gfp_t gfp) { return radix_tree_preload(gfp); }
static inline void radix_tree_preload_end(void) { preempt_enable(); }

KMEM_END_C
#endif
