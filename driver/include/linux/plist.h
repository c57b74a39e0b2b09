#ifndef KMEM_LINUX_PLIST_H
#define KMEM_LINUX_PLIST_H
/* Lists in the order of their entries' priorities, the smallest number first; equal ones as they came.  Adding takes as long
 * as there
 * are different priorities.  The caller has the lock; any context.  Meaning: the kernel's <linux/plist.h>. */
#include <kmem/driver_face.h>
#include <linux/bug.h>
#include <linux/container_of.h>
#include <linux/list.h>

struct plist_head {
  struct list_head node_list;
};
struct plist_node {
  int prio;
  struct list_head prio_list; /* the first entries of each priority */
  struct list_head node_list; /* all */
};
#define PLIST_HEAD_INIT(head) \
  { LIST_HEAD_INIT((head).node_list) }
#define PLIST_HEAD(head) struct plist_head head = PLIST_HEAD_INIT(head)
#define PLIST_NODE_INIT(node, priority) \
  { (priority), LIST_HEAD_INIT((node).prio_list), LIST_HEAD_INIT((node).node_list) }

KMEM_BEGIN_C
static inline void plist_head_init(struct plist_head* head) { INIT_LIST_HEAD(&head->node_list); }
static inline void plist_node_init(struct plist_node* node, int priority) {
  node->prio = priority;
  INIT_LIST_HEAD(&node->prio_list);
  INIT_LIST_HEAD(&node->node_list);
}
/** Behind all of the same priority.  An entry that is in a list is reported. */
KMEM_API void plist_add(struct plist_node* node, struct plist_head* head) KMEM_DRIVER_NAME(plist_add);
KMEM_API void plist_del(struct plist_node* node, struct plist_head* head) KMEM_DRIVER_NAME(plist_del);
/** Moves it behind all others of its priority. */
KMEM_API void plist_requeue(struct plist_node* node, struct plist_head* head) KMEM_DRIVER_NAME(plist_requeue);
static inline int plist_head_empty(const struct plist_head* head) { return list_empty(&head->node_list); }
static inline int plist_node_empty(const struct plist_node* node) { return list_empty(&node->node_list); }
static inline struct plist_node* plist_first(const struct plist_head* head) {
  return list_entry(head->node_list.next, struct plist_node, node_list);
}
static inline struct plist_node* plist_last(const struct plist_head* head) {
  return list_entry(head->node_list.prev, struct plist_node, node_list);
}
KMEM_END_C

#define plist_first_entry(head, type, member) container_of(plist_first(head), type, member)
#define plist_last_entry(head, type, member) container_of(plist_last(head), type, member)
#define plist_next(position) list_next_entry(position, node_list)
#define plist_prev(position) list_prev_entry(position, node_list)
#define plist_for_each(position, head) list_for_each_entry(position, &(head)->node_list, node_list)
#define plist_for_each_continue(position, head) list_for_each_entry_continue(position, &(head)->node_list, node_list)
#define plist_for_each_safe(position, following, head) \
  list_for_each_entry_safe(position, following, &(head)->node_list, node_list)
#define plist_for_each_entry(position, head, member) list_for_each_entry(position, &(head)->node_list, member.node_list)
#define plist_for_each_entry_continue(position, head, member) \
  list_for_each_entry_continue(position, &(head)->node_list, member.node_list)
#define plist_for_each_entry_safe(position, following, head, member) \
  list_for_each_entry_safe(position, following, &(head)->node_list, member.node_list)
#endif
