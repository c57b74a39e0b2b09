#ifndef KMEM_LINUX_LLIST_H
#define KMEM_LINUX_LLIST_H
/* Lists to which any number of tasks add without a lock, in any context; emptied as a whole, or, by one task at a time, entry
 * by entry. */
#include <asm/cmpxchg.h>
#include <kmem/driver_face.h>
#include <linux/container_of.h>
#include <linux/types.h>

struct llist_node {
  struct llist_node* next;
};
struct llist_head {
  struct llist_node* first;
};
#define LLIST_HEAD_INIT(name) \
  { NULL }
#define LLIST_HEAD(name) struct llist_head name = LLIST_HEAD_INIT(name)

KMEM_BEGIN_C
static inline void init_llist_head(struct llist_head* list) { list->first = NULL; }
/** A node that is in no list points at itself. */
static inline void init_llist_node(struct llist_node* node) { node->next = node; }
static inline bool llist_on_list(const struct llist_node* node) { return node->next != node; }
static inline bool llist_empty(const struct llist_head* list) { return !__atomic_load_n(&list->first, __ATOMIC_RELAXED); }
static inline struct llist_node* llist_next(struct llist_node* node) { return node->next; }
/** Adds first to last, which are linked; true: the list was empty. */
KMEM_API bool llist_add_batch(struct llist_node* first, struct llist_node* last, struct llist_head* list)
    KMEM_DRIVER_NAME(llist_add_batch);
/** Takes the newest entry; one caller at a time. */
KMEM_API struct llist_node* llist_del_first(struct llist_head* list) KMEM_DRIVER_NAME(llist_del_first);
/** Reverses a chain: the oldest first. */
KMEM_API struct llist_node* llist_reverse_order(struct llist_node* node) KMEM_DRIVER_NAME(llist_reverse_order);
static inline bool llist_add(struct llist_node* node, struct llist_head* list) { return llist_add_batch(node, node, list); }
/** For a list that only the caller can access. */
static inline bool __llist_add(struct llist_node* node, struct llist_head* list) {
  node->next = list->first;
  list->first = node;
  return !node->next;
}
/** Takes the whole list, the newest entry first; NULL if it is empty. */
static inline struct llist_node* llist_del_all(struct llist_head* list) { return xchg(&list->first, (struct llist_node*)NULL); }
static inline struct llist_node* __llist_del_all(struct llist_head* list) {
  struct llist_node* first = list->first;
  list->first = NULL;
  return first;
}
KMEM_END_C

#define llist_entry(node, type, member) container_of(node, type, member)
#define KMEM_LLIST_ENTRY_(node, type, member)                       \
  __extension__({                                                   \
    struct llist_node* const kmem_node = (node);                    \
    kmem_node ? llist_entry(kmem_node, type, member) : (type*)NULL; \
  })
#define llist_for_each(position, node) for ((position) = (node); (position); (position) = (position)->next)
#define llist_for_each_safe(position, following, node) \
  for ((position) = (node); (position) && ((following) = (position)->next, 1); (position) = (following))
#define llist_for_each_entry(position, node, member)                                      \
  for ((position) = KMEM_LLIST_ENTRY_(node, __typeof__(*(position)), member); (position); \
       (position) = KMEM_LLIST_ENTRY_((position)->member.next, __typeof__(*(position)), member))
#define llist_for_each_entry_safe(position, following, node, member)                                                 \
  for ((position) = KMEM_LLIST_ENTRY_(node, __typeof__(*(position)), member);                                        \
       (position) && ((following) = KMEM_LLIST_ENTRY_((position)->member.next, __typeof__(*(position)), member), 1); \
       (position) = (following))
#endif
