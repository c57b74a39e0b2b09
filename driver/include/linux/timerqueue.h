#ifndef KMEM_LINUX_TIMERQUEUE_H
#define KMEM_LINUX_TIMERQUEUE_H
/* A tree of nodes ordered by when they expire, earliest first; equal ones as they came.  The caller has the lock; any context.
 * Meaning: the kernel's <linux/timerqueue.h>. */
#include <kmem/driver_face.h>
#include <linux/ktime.h>
#include <linux/rbtree.h>

struct timerqueue_node {
  struct rb_node node;
  ktime_t expires;
};
struct timerqueue_head {
  struct rb_root_cached rb_root;
};

KMEM_BEGIN_C
/** True: it is the first now.  A node that is in a queue is reported. */
KMEM_API bool timerqueue_add(struct timerqueue_head* head, struct timerqueue_node* node) KMEM_DRIVER_NAME(timerqueue_add);
/** True: others are left.  A node that is in no queue is reported. */
KMEM_API bool timerqueue_del(struct timerqueue_head* head, struct timerqueue_node* node) KMEM_DRIVER_NAME(timerqueue_del);
/** The one that expires next after this; NULL. */
KMEM_API struct timerqueue_node* timerqueue_iterate_next(struct timerqueue_node* node)
    KMEM_DRIVER_NAME(timerqueue_iterate_next);
static inline struct timerqueue_node* timerqueue_getnext(struct timerqueue_head* head) {
  return rb_entry_safe(rb_first_cached(&head->rb_root), struct timerqueue_node, node);
}
static inline void timerqueue_init(struct timerqueue_node* node) { RB_CLEAR_NODE(&node->node); }
static inline bool timerqueue_node_queued(struct timerqueue_node* node) { return !RB_EMPTY_NODE(&node->node); }
static inline bool timerqueue_node_expires(struct timerqueue_node* node) { return node->expires != 0; }
static inline void timerqueue_init_head(struct timerqueue_head* head) { head->rb_root = RB_ROOT_CACHED; }
KMEM_END_C
#endif
