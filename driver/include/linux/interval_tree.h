#ifndef KMEM_LINUX_INTERVAL_TREE_H
#define KMEM_LINUX_INTERVAL_TREE_H
/* Intervals of unsigned long, both ends among them: <linux/interval_tree_generic.h>. */
#include <linux/rbtree.h>

struct interval_tree_node {
  struct rb_node rb;
  unsigned long start, last;
  unsigned long __subtree_last;
};

KMEM_BEGIN_C
KMEM_API void interval_tree_insert(struct interval_tree_node* node, struct rb_root_cached* root)
    KMEM_DRIVER_NAME(interval_tree_insert);
KMEM_API void interval_tree_remove(struct interval_tree_node* node, struct rb_root_cached* root)
    KMEM_DRIVER_NAME(interval_tree_remove);
/** By start; NULL past the last one that overlaps [start, last]. */
KMEM_API struct interval_tree_node* interval_tree_iter_first(struct rb_root_cached* root, unsigned long start,
                                                             unsigned long last) KMEM_DRIVER_NAME(interval_tree_iter_first);
KMEM_API struct interval_tree_node* interval_tree_iter_next(struct interval_tree_node* node, unsigned long start,
                                                            unsigned long last) KMEM_DRIVER_NAME(interval_tree_iter_next);
KMEM_END_C
#endif
