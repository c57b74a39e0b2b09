#ifndef KMEM_LINUX_RBTREE_TYPES_H
#define KMEM_LINUX_RBTREE_TYPES_H
/* A node's parent, with its colour in the lowest bit (1: black), and its children. */
struct rb_node {
  unsigned long __rb_parent_color;
  struct rb_node* rb_right;
  struct rb_node* rb_left;
} __attribute__((__aligned__(sizeof(long))));
struct rb_root {
  struct rb_node* rb_node;
};
/** A root that also stores the smallest node. */
struct rb_root_cached {
  struct rb_root rb_root;
  struct rb_node* rb_leftmost;
};
#ifdef __cplusplus
#define RB_ROOT (rb_root{nullptr})
#define RB_ROOT_CACHED (rb_root_cached{{nullptr}, nullptr})
#else
#define RB_ROOT \
  (struct rb_root) { 0 }
#define RB_ROOT_CACHED \
  (struct rb_root_cached) { {0}, 0 }
#endif
#endif
