/* The rest of the kernel's lists, over kmem's own <linux/list.h>, and checks of entries that are added and removed: if a
 * neighbour does not point back, the list stays unchanged, with a report. */
#ifndef KMEM_DRIVER_LINUX_LIST_H
#define KMEM_DRIVER_LINUX_LIST_H
#include <kmem/driver_face.h>
#include <linux/types.h>

#ifndef KMEM_NO_KERNEL_TYPES
struct list_head;
KMEM_BEGIN_C
/** False, and reported: `entry` cannot go between these two, or cannot be taken out. */
KMEM_API bool __list_add_valid(struct list_head* entry, struct list_head* prev, struct list_head* next)
    KMEM_DRIVER_NAME(__list_add_valid);
KMEM_API bool __list_del_entry_valid(struct list_head* entry) KMEM_DRIVER_NAME(__list_del_entry_valid);
KMEM_END_C
#ifndef KMEM_LIST_ADD_VALID
#define KMEM_LIST_ADD_VALID(entry, prev, next) __list_add_valid(entry, prev, next)
#define KMEM_LIST_DEL_VALID(entry) __list_del_entry_valid(entry)
#endif
#endif
#include_next <linux/list.h>
#ifndef KMEM_NO_KERNEL_TYPES

KMEM_BEGIN_C

/** Empty, and not being changed at the moment by a list_del_init() of another task. */
static inline int list_empty_careful(const struct list_head* head) {
  const struct list_head* next = __atomic_load_n(&head->next, __ATOMIC_ACQUIRE);
  return next == head && next == head->prev;
}
static inline void list_del_init_careful(struct list_head* entry) {
  __list_del_entry(entry);
  entry->prev = entry;
  __atomic_store_n(&entry->next, entry, __ATOMIC_RELEASE);
}
/** Exchanges the places of two entries. */
static inline void list_swap(struct list_head* one, struct list_head* two) {
  struct list_head* at = two->prev;
  list_del(two);
  list_replace(one, two);
  if (at == one) at = two;
  list_add(one, at);
}
/** Moves first to last, entries of one list, to the end of another. */
static inline void list_bulk_move_tail(struct list_head* head, struct list_head* first, struct list_head* last) {
  first->prev->next = last->next;
  last->next->prev = first->prev;
  kmem_list_link_many(first, last, head->prev);
}
/** Rotates the list so that `entry` becomes the first. */
static inline void list_rotate_to_front(struct list_head* entry, struct list_head* head) {
  list_del(head);
  list_add_tail(head, entry);
}
/** Moves the entries up to `entry`, with or without it, into `list`, whose old links are lost. */
static inline void list_cut_before(struct list_head* list, struct list_head* head, struct list_head* entry) {
  if (head->next == entry) {
    INIT_LIST_HEAD(list);
    return;
  }
  list->next = head->next;
  list->next->prev = list;
  list->prev = entry->prev;
  list->prev->next = list;
  head->next = entry;
  entry->prev = head;
}
static inline void list_cut_position(struct list_head* list, struct list_head* head, struct list_head* entry) {
  if (entry == head || list_empty(head)) INIT_LIST_HEAD(list);
  else list_cut_before(list, head, entry->next);
}

static inline void hlist_add_before(struct hlist_node* node, struct hlist_node* at) {
  node->pprev = at->pprev;
  node->next = at;
  at->pprev = &node->next;
  *node->pprev = node;
}
static inline void hlist_add_behind(struct hlist_node* node, struct hlist_node* at) {
  node->next = at->next;
  at->next = node;
  node->pprev = &at->next;
  if (node->next) node->next->pprev = &node->next;
}
/** A node that counts as linked, though it is in no list. */
static inline void hlist_add_fake(struct hlist_node* node) { node->pprev = &node->next; }
static inline bool hlist_fake(struct hlist_node* node) { return node->pprev == &node->next; }
static inline bool hlist_is_singular_node(struct hlist_node* node, struct hlist_head* head) {
  return !node->next && node->pprev == &head->first;
}
static inline int hlist_unhashed_lockless(const struct hlist_node* node) {
  return !__atomic_load_n(&node->pprev, __ATOMIC_RELAXED);
}
static inline void hlist_move_list(struct hlist_head* from, struct hlist_head* to) {
  to->first = from->first;
  if (to->first) to->first->pprev = &to->first;
  from->first = NULL;
}
static inline size_t hlist_count_nodes(const struct hlist_head* head) {
  size_t n = 0;
  const struct hlist_node* at;
  for (at = head->first; at; at = at->next) ++n;
  return n;
}

KMEM_END_C

#define list_next_entry_circular(position, head, member)                                             \
  (list_is_last(&(position)->member, head) ? list_first_entry(head, __typeof__(*(position)), member) \
                                           : list_next_entry(position, member))
#define list_prev_entry_circular(position, head, member)                                             \
  (list_is_first(&(position)->member, head) ? list_last_entry(head, __typeof__(*(position)), member) \
                                            : list_prev_entry(position, member))
#define list_prepare_entry(position, head, member) ((position) ? (position) : list_entry(head, __typeof__(*(position)), member))
#define list_for_each_continue(position, head) \
  for ((position) = (position)->next; (position) != (head); (position) = (position)->next)
#define list_for_each_prev_safe(position, following, head)                              \
  for ((position) = (head)->prev, (following) = (position)->prev; (position) != (head); \
       (position) = (following), (following) = (position)->prev)
#define list_for_each_entry_continue_reverse(position, head, member)                                \
  for ((position) = list_prev_entry(position, member); !list_entry_is_head(position, head, member); \
       (position) = list_prev_entry(position, member))
#define list_for_each_entry_from_reverse(position, head, member) \
  for (; !list_entry_is_head(position, head, member); (position) = list_prev_entry(position, member))
#define list_for_each_entry_safe_continue(position, following, head, member)                            \
  for ((position) = list_next_entry(position, member), (following) = list_next_entry(position, member); \
       !list_entry_is_head(position, head, member);                                                     \
       (position) = (following), (following) = list_next_entry(following, member))
#define list_for_each_entry_safe_from(position, following, head, member)                             \
  for ((following) = list_next_entry(position, member); !list_entry_is_head(position, head, member); \
       (position) = (following), (following) = list_next_entry(following, member))
/** In a _safe loop whose lock was dropped meanwhile: sets `following` to the current successor. */
#define list_safe_reset_next(position, following, member) ((following) = list_next_entry(position, member))

#define hlist_for_each_safe(position, following, head) \
  for ((position) = (head)->first; (position) && ((following) = (position)->next, 1); (position) = (following))
#define hlist_for_each_entry_continue(position, member)                                                     \
  for ((position) = hlist_entry_safe((position)->member.next, __typeof__(*(position)), member); (position); \
       (position) = hlist_entry_safe((position)->member.next, __typeof__(*(position)), member))
#define hlist_for_each_entry_from(position, member) \
  for (; (position); (position) = hlist_entry_safe((position)->member.next, __typeof__(*(position)), member))

#endif
#endif
