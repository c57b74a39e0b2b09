#ifndef KMEM_LINUX_INTERVAL_TREE_GENERIC_H
#define KMEM_LINUX_INTERVAL_TREE_GENERIC_H
/* Intervals [start, last] in a red-black tree by their starts, whose nodes know the largest `last` below them: all that overlap
 * a given one are found in log n steps each.  Defines prefix_insert(), _remove(), _iter_first(), _iter_next(). */
#include <linux/rbtree_augmented.h>

#define INTERVAL_TREE_DEFINE(type, member, word, subtree_last, start_of, last_of, storage, prefix)        \
  RB_DECLARE_CALLBACKS_MAX(static, prefix##_augment, type, member, word, subtree_last, last_of);          \
  storage void prefix##_insert(type* node, struct rb_root_cached* root) {                                 \
    struct rb_node **link = &root->rb_root.rb_node, *above = NULL;                                        \
    bool leftmost = true;                                                                                 \
    while (*link) {                                                                                       \
      type* const at = rb_entry(*link, type, member);                                                     \
      above = *link;                                                                                      \
      if (at->subtree_last < last_of(node)) at->subtree_last = last_of(node);                             \
      if (start_of(node) < start_of(at)) {                                                                \
        link = &at->member.rb_left;                                                                       \
      } else {                                                                                            \
        link = &at->member.rb_right;                                                                      \
        leftmost = false;                                                                                 \
      }                                                                                                   \
    }                                                                                                     \
    node->subtree_last = last_of(node);                                                                   \
    rb_link_node(&node->member, above, link);                                                             \
    rb_insert_augmented_cached(&node->member, root, leftmost, &prefix##_augment);                         \
  }                                                                                                       \
  storage void prefix##_remove(type* node, struct rb_root_cached* root) {                                 \
    rb_erase_augmented_cached(&node->member, root, &prefix##_augment);                                    \
  }                                                                                                       \
  /* The leftmost below `rb` that overlaps, where one may. */                                             \
  static inline type* prefix##_search(struct rb_node* rb, word start, word last) {                        \
    while (rb) {                                                                                          \
      type* const at = rb_entry(rb, type, member);                                                        \
      if (rb->rb_left && rb_entry(rb->rb_left, type, member)->subtree_last >= start) {                    \
        rb = rb->rb_left;                                                                                 \
        continue;                                                                                         \
      }                                                                                                   \
      if (start_of(at) > last) return NULL;                                                               \
      if (last_of(at) >= start) return at;                                                                \
      rb = rb->rb_right;                                                                                  \
      if (rb && rb_entry(rb, type, member)->subtree_last < start) return NULL;                            \
    }                                                                                                     \
    return NULL;                                                                                          \
  }                                                                                                       \
  storage type* prefix##_iter_first(struct rb_root_cached* root, word start, word last) {                 \
    struct rb_node* const top = root->rb_root.rb_node;                                                    \
    if (!top || rb_entry(top, type, member)->subtree_last < start) return NULL;                           \
    return prefix##_search(top, start, last);                                                             \
  }                                                                                                       \
  storage type* prefix##_iter_next(type* node, word start, word last) {                                   \
    struct rb_node *rb = node->member.rb_right, *below = &node->member;                                   \
    if (rb && rb_entry(rb, type, member)->subtree_last >= start) return prefix##_search(rb, start, last); \
    for (rb = rb_parent(below); rb; below = rb, rb = rb_parent(rb)) {                                     \
      type* const at = rb_entry(rb, type, member);                                                        \
      if (below == rb->rb_right) continue;                                                                \
      if (start_of(at) > last) return NULL;                                                               \
      if (last_of(at) >= start) return at;                                                                \
      if (rb->rb_right && rb_entry(rb->rb_right, type, member)->subtree_last >= start)                    \
        return prefix##_search(rb->rb_right, start, last);                                                \
    }                                                                                                     \
    return NULL;                                                                                          \
  }
#endif
