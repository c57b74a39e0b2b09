#ifndef KMEM_LINUX_RBTREE_H
#define KMEM_LINUX_RBTREE_H
/* Red-black trees whose nodes are embedded in the objects they order.  The caller finds the place, links the node there with
 * rb_link_node(), and has rb_insert_color() balance the tree.  Nothing is locked or allocated; any context.
 * Meaning: the kernel's Documentation/core-api/rbtree.rst. */
#include <kmem/driver_face.h>
#include <linux/container_of.h>
#include <linux/rbtree_types.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#define rb_parent(node) ((struct rb_node*)((node)->__rb_parent_color & ~3ul))
#define rb_entry(pointer, type, member) container_of(pointer, type, member)
#define rb_entry_safe(pointer, type, member)                     \
  __extension__({                                                \
    __typeof__(pointer) const kmem_node = (pointer);             \
    kmem_node ? rb_entry(kmem_node, type, member) : (type*)NULL; \
  })
#define RB_EMPTY_ROOT(root) (__atomic_load_n(&(root)->rb_node, __ATOMIC_RELAXED) == NULL)
/** A node that is in no tree, if RB_CLEAR_NODE() has said so. */
#define RB_EMPTY_NODE(node) ((node)->__rb_parent_color == (unsigned long)(node))
#define RB_CLEAR_NODE(node) ((node)->__rb_parent_color = (unsigned long)(node))

KMEM_BEGIN_C

KMEM_API void rb_insert_color(struct rb_node* node, struct rb_root* root) KMEM_DRIVER_NAME(rb_insert_color);
KMEM_API void rb_erase(struct rb_node* node, struct rb_root* root) KMEM_DRIVER_NAME(rb_erase);
/** Traversal in order; NULL past the end. */
KMEM_API struct rb_node* rb_first(const struct rb_root* root) KMEM_DRIVER_NAME(rb_first);
KMEM_API struct rb_node* rb_last(const struct rb_root* root) KMEM_DRIVER_NAME(rb_last);
KMEM_API struct rb_node* rb_next(const struct rb_node* node) KMEM_DRIVER_NAME(rb_next);
KMEM_API struct rb_node* rb_prev(const struct rb_node* node) KMEM_DRIVER_NAME(rb_prev);
/** Children before their parents: for freeing a whole tree. */
KMEM_API struct rb_node* rb_first_postorder(const struct rb_root* root) KMEM_DRIVER_NAME(rb_first_postorder);
KMEM_API struct rb_node* rb_next_postorder(const struct rb_node* node) KMEM_DRIVER_NAME(rb_next_postorder);
/** `node` takes the place of `old`, which it equals in the order. */
KMEM_API void rb_replace_node(struct rb_node* old, struct rb_node* node, struct rb_root* root)
    KMEM_DRIVER_NAME(rb_replace_node);
static inline void rb_replace_node_rcu(struct rb_node* old, struct rb_node* node, struct rb_root* root) {
  rb_replace_node(old, node, root);
}

static inline void rb_link_node(struct rb_node* node, struct rb_node* parent, struct rb_node** link) {
  node->__rb_parent_color = (unsigned long)parent;
  node->rb_left = node->rb_right = NULL;
  *link = node;
}
static inline void rb_link_node_rcu(struct rb_node* node, struct rb_node* parent, struct rb_node** link) {
  node->__rb_parent_color = (unsigned long)parent;
  node->rb_left = node->rb_right = NULL;
  rcu_assign_pointer(*link, node);
}

#define rb_first_cached(root) ((root)->rb_leftmost)
static inline void rb_insert_color_cached(struct rb_node* node, struct rb_root_cached* root, bool leftmost) {
  if (leftmost) root->rb_leftmost = node;
  rb_insert_color(node, &root->rb_root);
}
/** Returns the new smallest node if that has changed, else NULL. */
static inline struct rb_node* rb_erase_cached(struct rb_node* node, struct rb_root_cached* root) {
  struct rb_node* leftmost = NULL;
  if (root->rb_leftmost == node) leftmost = root->rb_leftmost = rb_next(node);
  rb_erase(node, &root->rb_root);
  return leftmost;
}
static inline void rb_replace_node_cached(struct rb_node* old, struct rb_node* node, struct rb_root_cached* root) {
  if (root->rb_leftmost == old) root->rb_leftmost = node;
  rb_replace_node(old, node, &root->rb_root);
}

/** The order is less(a, b), or compare(key, node) below 0, 0, above 0. A node goes after equal ones. */
static inline struct rb_node* rb_add_cached(struct rb_node* node, struct rb_root_cached* tree,
                                            bool (*less)(struct rb_node* a, const struct rb_node* b)) {
  struct rb_node **link = &tree->rb_root.rb_node, *parent = NULL;
  bool leftmost = true;
  while (*link) {
    parent = *link;
    if (less(node, parent)) {
      link = &parent->rb_left;
    } else {
      link = &parent->rb_right;
      leftmost = false;
    }
  }
  rb_link_node(node, parent, link);
  rb_insert_color_cached(node, tree, leftmost);
  return leftmost ? node : NULL;
}
static inline void rb_add(struct rb_node* node, struct rb_root* tree,
                          bool (*less)(struct rb_node* a, const struct rb_node* b)) {
  struct rb_node **link = &tree->rb_node, *parent = NULL;
  while (*link) {
    parent = *link;
    link = less(node, parent) ? &parent->rb_left : &parent->rb_right;
  }
  rb_link_node(node, parent, link);
  rb_insert_color(node, tree);
}
/** Returns an equal node of the tree; if there is none, adds `node` and returns NULL. */
static inline struct rb_node* rb_find_add(struct rb_node* node, struct rb_root* tree,
                                          int (*compare)(struct rb_node* node, const struct rb_node* at)) {
  struct rb_node **link = &tree->rb_node, *parent = NULL;
  while (*link) {
    int order;
    parent = *link;
    order = compare(node, parent);
    if (order == 0) return parent;
    link = order < 0 ? &parent->rb_left : &parent->rb_right;
  }
  rb_link_node(node, parent, link);
  rb_insert_color(node, tree);
  return NULL;
}
static inline struct rb_node* rb_find(const void* key, const struct rb_root* tree,
                                      int (*compare)(const void* key, const struct rb_node* at)) {
  struct rb_node* at = tree->rb_node;
  while (at) {
    const int order = compare(key, at);
    if (order == 0) return at;
    at = order < 0 ? at->rb_left : at->rb_right;
  }
  return NULL;
}
/** The first of the nodes that equal the key, and the following ones. */
static inline struct rb_node* rb_find_first(const void* key, const struct rb_root* tree,
                                            int (*compare)(const void* key, const struct rb_node* at)) {
  struct rb_node *at = tree->rb_node, *match = NULL;
  while (at) {
    const int order = compare(key, at);
    if (order == 0) match = at;
    at = order <= 0 ? at->rb_left : at->rb_right;
  }
  return match;
}
static inline struct rb_node* rb_next_match(const void* key, struct rb_node* node,
                                            int (*compare)(const void* key, const struct rb_node* at)) {
  node = rb_next(node);
  return node && compare(key, node) == 0 ? node : NULL;
}

KMEM_END_C

#define rb_for_each(node, key, tree, compare) \
  for ((node) = rb_find_first((key), (tree), (compare)); (node); (node) = rb_next_match((key), (node), (compare)))
/** The loop's body may free the current node, but not erase it from the tree. */
#define rbtree_postorder_for_each_entry_safe(position, following, root, member)                                   \
  for ((position) = rb_entry_safe(rb_first_postorder(root), __typeof__(*(position)), member);                     \
       (position) &&                                                                                              \
       ((following) = rb_entry_safe(rb_next_postorder(&(position)->member), __typeof__(*(position)), member), 1); \
       (position) = (following))
#endif
