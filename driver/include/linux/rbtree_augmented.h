#ifndef KMEM_LINUX_RBTREE_AUGMENTED_H
#define KMEM_LINUX_RBTREE_AUGMENTED_H
/* Red-black trees whose nodes hold a value computed from their subtree, such as its largest value.  Before
 * rb_insert_augmented() the caller updates the nodes above the place of the new one.
 * Meaning: the kernel's Documentation/core-api/rbtree.rst. */
#include <linux/rbtree.h>

struct rb_augment_callbacks {
  /** Updates from `node` up to `stop`, or as far as anything changes. */
  void (*propagate)(struct rb_node* node, struct rb_node* stop);
  /** `now` takes over the subtree of `old`. */
  void (*copy)(struct rb_node* old, struct rb_node* now);
  /** The same, and `old` is a child of `now`. */
  void (*rotate)(struct rb_node* old, struct rb_node* now);
};

KMEM_BEGIN_C
KMEM_API void kmem_rb_insert_augmented(struct rb_node* node, struct rb_root* root,
                                       const struct rb_augment_callbacks* augment) KMEM_NOTHROW;
KMEM_API void kmem_rb_erase_augmented(struct rb_node* node, struct rb_root* root,
                                      const struct rb_augment_callbacks* augment) KMEM_NOTHROW;
KMEM_END_C

static inline void rb_insert_augmented(struct rb_node* node, struct rb_root* root, const struct rb_augment_callbacks* augment) {
  kmem_rb_insert_augmented(node, root, augment);
}
static inline void rb_erase_augmented(struct rb_node* node, struct rb_root* root, const struct rb_augment_callbacks* augment) {
  kmem_rb_erase_augmented(node, root, augment);
}
static inline void rb_insert_augmented_cached(struct rb_node* node, struct rb_root_cached* root, bool leftmost,
                                              const struct rb_augment_callbacks* augment) {
  if (leftmost) root->rb_leftmost = node;
  rb_insert_augmented(node, &root->rb_root, augment);
}
static inline void rb_erase_augmented_cached(struct rb_node* node, struct rb_root_cached* root,
                                             const struct rb_augment_callbacks* augment) {
  if (root->rb_leftmost == node) root->rb_leftmost = rb_next(node);
  rb_erase_augmented(node, &root->rb_root, augment);
}

/** Defines the three functions with compute(node, stop_if_same), which sets node->augmented; true: unchanged. */
#define RB_DECLARE_CALLBACKS(storage, name, type, member, augmented, compute)        \
  storage inline void name##_propagate(struct rb_node* rb, struct rb_node* stop) {   \
    while (rb != stop) {                                                             \
      type* node = rb_entry(rb, type, member);                                       \
      if (compute(node, true)) break;                                                \
      rb = rb_parent(&node->member);                                                 \
    }                                                                                \
  }                                                                                  \
  storage inline void name##_copy(struct rb_node* old, struct rb_node* now) {        \
    rb_entry(now, type, member)->augmented = rb_entry(old, type, member)->augmented; \
  }                                                                                  \
  storage void name##_rotate(struct rb_node* old, struct rb_node* now) {             \
    name##_copy(old, now);                                                           \
    compute(rb_entry(old, type, member), false);                                     \
  }                                                                                  \
  storage const struct rb_augment_callbacks name = {name##_propagate, name##_copy, name##_rotate};
/** The same for the largest value(node) of a subtree. */
#define RB_DECLARE_CALLBACKS_MAX(storage, name, type, member, word, augmented, value)                \
  static inline bool name##_compute_max(type* node, bool stop_if_same) {                             \
    word largest = value(node);                                                                      \
    if (node->member.rb_left && rb_entry(node->member.rb_left, type, member)->augmented > largest)   \
      largest = rb_entry(node->member.rb_left, type, member)->augmented;                             \
    if (node->member.rb_right && rb_entry(node->member.rb_right, type, member)->augmented > largest) \
      largest = rb_entry(node->member.rb_right, type, member)->augmented;                            \
    if (stop_if_same && node->augmented == largest) return true;                                     \
    node->augmented = largest;                                                                       \
    return false;                                                                                    \
  }                                                                                                  \
  RB_DECLARE_CALLBACKS(storage, name, type, member, augmented, name##_compute_max)
#endif
