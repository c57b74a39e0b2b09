#ifndef KMEM_LINUX_RCULIST_H
#define KMEM_LINUX_RCULIST_H
/* Lists that are read under rcu_read_lock() while one task at a time changes them. A removed entry still leads readers to its
 * successor: it may be freed, or added again, only after a grace period.
 * Meaning: the kernel's Documentation/RCU/listRCU.rst. */
#include <linux/list.h>
#include <linux/rcupdate.h>

KMEM_BEGIN_C

static inline void INIT_LIST_HEAD_RCU(struct list_head* list) { INIT_LIST_HEAD(list); }
static inline void __list_add_rcu(struct list_head* entry, struct list_head* prev, struct list_head* next) {
  if (!__list_add_valid(entry, prev, next)) return;
  entry->next = next;
  entry->prev = prev;
  rcu_assign_pointer(prev->next, entry);
  next->prev = entry;
}
static inline void list_add_rcu(struct list_head* entry, struct list_head* head) { __list_add_rcu(entry, head, head->next); }
static inline void list_add_tail_rcu(struct list_head* entry, struct list_head* head) {
  __list_add_rcu(entry, head->prev, head);
}
static inline void list_del_rcu(struct list_head* entry) {
  __list_del_entry(entry);
  entry->prev = LIST_POISON2;
}
static inline void list_replace_rcu(struct list_head* old, struct list_head* entry) {
  entry->next = old->next;
  entry->prev = old->prev;
  rcu_assign_pointer(entry->prev->next, entry);
  entry->next->prev = entry;
  old->prev = LIST_POISON2;
}
/** Moves all of `list` in front of the entries of `head`; sync() waits for the readers of `list`. */
static inline void list_splice_init_rcu(struct list_head* list, struct list_head* head, void (*sync)(void)) {
  struct list_head *first = list->next, *last = list->prev;
  if (list_empty(list)) return;
  INIT_LIST_HEAD(list);
  sync();
  last->next = head->next;
  head->next->prev = last;
  first->prev = head;
  rcu_assign_pointer(head->next, first);
}

/* What a reader, or the writer, must not: these keep `next` for readers. */
static inline void hlist_del_rcu(struct hlist_node* node) {
  __atomic_store_n(node->pprev, node->next, __ATOMIC_RELAXED);
  if (node->next) node->next->pprev = node->pprev;
  node->pprev = (struct hlist_node**)LIST_POISON2;
}
static inline void hlist_del_init_rcu(struct hlist_node* node) {
  if (hlist_unhashed(node)) return;
  hlist_del_rcu(node);
  node->pprev = NULL;
}
static inline void hlist_add_head_rcu(struct hlist_node* node, struct hlist_head* head) {
  struct hlist_node* first = head->first;
  node->next = first;
  node->pprev = &head->first;
  rcu_assign_pointer(head->first, node);
  if (first) first->pprev = &node->next;
}
static inline void hlist_add_before_rcu(struct hlist_node* node, struct hlist_node* at) {
  node->pprev = at->pprev;
  node->next = at;
  rcu_assign_pointer(*node->pprev, node);
  at->pprev = &node->next;
}
static inline void hlist_add_behind_rcu(struct hlist_node* node, struct hlist_node* at) {
  node->next = at->next;
  node->pprev = &at->next;
  rcu_assign_pointer(at->next, node);
  if (node->next) node->next->pprev = &node->next;
}
static inline void hlist_add_tail_rcu(struct hlist_node* node, struct hlist_head* head) {
  struct hlist_node* last = head->first;
  while (last && last->next) last = last->next;
  if (last) hlist_add_behind_rcu(node, last);
  else hlist_add_head_rcu(node, head);
}
static inline void hlist_replace_rcu(struct hlist_node* old, struct hlist_node* node) {
  node->next = old->next;
  node->pprev = old->pprev;
  rcu_assign_pointer(*node->pprev, node);
  if (node->next) node->next->pprev = &node->next;
  old->pprev = (struct hlist_node**)LIST_POISON2;
}

KMEM_END_C

#define list_next_rcu(list) ((list)->next)
#define list_entry_rcu(pointer, type, member) container_of(rcu_dereference(pointer), type, member)
#define list_first_or_null_rcu(head, type, member)                         \
  __extension__({                                                          \
    struct list_head* const kmem_list = (head);                            \
    struct list_head* const kmem_next = rcu_dereference(kmem_list->next);  \
    kmem_next == kmem_list ? NULL : container_of(kmem_next, type, member); \
  })
#define list_next_or_null_rcu(head, at, type, member)                   \
  __extension__({                                                       \
    struct list_head* const kmem_next = rcu_dereference((at)->next);    \
    kmem_next == (head) ? NULL : container_of(kmem_next, type, member); \
  })
/** A further argument is the condition under which the caller may read without being a reader. */
#define list_for_each_entry_rcu(position, head, member, ...)                                                      \
  for ((position) = list_entry_rcu((head)->next, __typeof__(*(position)), member); &(position)->member != (head); \
       (position) = list_entry_rcu((position)->member.next, __typeof__(*(position)), member))
#define list_for_each_entry_srcu(position, head, member, condition) list_for_each_entry_rcu(position, head, member)
#define list_for_each_entry_lockless(position, head, member) list_for_each_entry_rcu(position, head, member)
#define list_for_each_entry_continue_rcu(position, head, member)                                                             \
  for ((position) = list_entry_rcu((position)->member.next, __typeof__(*(position)), member); &(position)->member != (head); \
       (position) = list_entry_rcu((position)->member.next, __typeof__(*(position)), member))
#define list_for_each_entry_from_rcu(position, head, member) \
  for (; &(position)->member != (head); (position) = list_entry_rcu((position)->member.next, __typeof__(*(position)), member))

#define hlist_first_rcu(head) ((head)->first)
#define hlist_next_rcu(node) ((node)->next)
#define hlist_for_each_entry_rcu(position, head, member, ...)                                                      \
  for ((position) = hlist_entry_safe(rcu_dereference((head)->first), __typeof__(*(position)), member); (position); \
       (position) = hlist_entry_safe(rcu_dereference((position)->member.next), __typeof__(*(position)), member))
#define hlist_for_each_entry_rcu_bh(position, head, member) hlist_for_each_entry_rcu(position, head, member)
#define hlist_for_each_entry_rcu_notrace(position, head, member) hlist_for_each_entry_rcu(position, head, member)
#define hlist_for_each_entry_srcu(position, head, member, condition) hlist_for_each_entry_rcu(position, head, member)
#define hlist_for_each_entry_continue_rcu(position, member)                                                                  \
  for ((position) = hlist_entry_safe(rcu_dereference((position)->member.next), __typeof__(*(position)), member); (position); \
       (position) = hlist_entry_safe(rcu_dereference((position)->member.next), __typeof__(*(position)), member))
#define hlist_for_each_entry_from_rcu(position, member) \
  for (; (position); (position) = hlist_entry_safe(rcu_dereference((position)->member.next), __typeof__(*(position)), member))
#endif
