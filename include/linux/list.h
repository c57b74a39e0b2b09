#ifndef KMEM_LINUX_LIST_H
#define KMEM_LINUX_LIST_H
/* Intrusive circular doubly linked lists, and hash chains with a head of one pointer.
 *
 * The functions neither allocate nor lock: the caller must guard a shared list.  Any context.
 * Meaning: the kernel's Documentation/core-api/list.rst.  Not with KMEM_NO_KERNEL_TYPES. */
#include <linux/types.h>

#ifndef KMEM_NO_KERNEL_TYPES
#include <kmem/c_face.h>
#include <linux/container_of.h>

#define LIST_HEAD_INIT(name) \
  { &(name), &(name) }
#define LIST_HEAD(name) struct list_head name = LIST_HEAD_INIT(name)
/* The links of an entry after list_del(), so that a use of them faults. */
#define LIST_POISON1 ((struct list_head*)0x100)
#define LIST_POISON2 ((struct list_head*)0x122)

KMEM_BEGIN_C

static inline void INIT_LIST_HEAD(struct list_head* list) { list->next = list->prev = list; }

/* A user that wants the links to be checked defines these two before; false: the list is not changed. */
#ifndef KMEM_LIST_ADD_VALID
#define KMEM_LIST_ADD_VALID(entry, before, after) true
#define KMEM_LIST_DEL_VALID(entry) true
#endif

static inline void kmem_list_link(struct list_head* entry, struct list_head* before, struct list_head* after) {
  entry->prev = before;
  entry->next = after;
  before->next = entry;
  after->prev = entry;
}
static inline void __list_del_entry(struct list_head* entry) {
  if (!KMEM_LIST_DEL_VALID(entry)) return;
  entry->next->prev = entry->prev;
  entry->prev->next = entry->next;
}
/* Links entries [first, last], which must be in no other list, behind `at`. */
static inline void kmem_list_link_many(struct list_head* first, struct list_head* last, struct list_head* at) {
  last->next = at->next;
  at->next->prev = last;
  first->prev = at;
  at->next = first;
}

/** Adds at the front, and at the end. */
static inline void list_add(struct list_head* entry, struct list_head* head) {
  if (KMEM_LIST_ADD_VALID(entry, head, head->next)) kmem_list_link(entry, head, head->next);
}
static inline void list_add_tail(struct list_head* entry, struct list_head* head) {
  if (KMEM_LIST_ADD_VALID(entry, head->prev, head)) kmem_list_link(entry, head->prev, head);
}
/** Removes an entry; the second also initialises it. */
static inline void list_del(struct list_head* entry) {
  __list_del_entry(entry);
  entry->next = LIST_POISON1;
  entry->prev = LIST_POISON2;
}
static inline void list_del_init(struct list_head* entry) {
  __list_del_entry(entry);
  INIT_LIST_HEAD(entry);
}
/** Puts `entry` in the place of `old`. */
static inline void list_replace(struct list_head* old, struct list_head* entry) { kmem_list_link(entry, old->prev, old->next); }
static inline void list_replace_init(struct list_head* old, struct list_head* entry) {
  list_replace(old, entry);
  INIT_LIST_HEAD(old);
}
static inline void list_move(struct list_head* entry, struct list_head* head) {
  __list_del_entry(entry);
  list_add(entry, head);
}
static inline void list_move_tail(struct list_head* entry, struct list_head* head) {
  __list_del_entry(entry);
  list_add_tail(entry, head);
}

static inline int list_empty(const struct list_head* head) { return head->next == head; }
static inline int list_is_first(const struct list_head* entry, const struct list_head* head) { return entry->prev == head; }
static inline int list_is_last(const struct list_head* entry, const struct list_head* head) { return entry->next == head; }
static inline int list_is_head(const struct list_head* entry, const struct list_head* head) { return entry == head; }
static inline int list_is_singular(const struct list_head* head) { return !list_empty(head) && head->next == head->prev; }
static inline size_t list_count_nodes(const struct list_head* head) {
  size_t n = 0;
  const struct list_head* at;
  for (at = head->next; at != head; at = at->next) ++n;
  return n;
}
/** The first entry becomes the last. */
static inline void list_rotate_left(struct list_head* head) {
  if (!list_empty(head)) list_move_tail(head->next, head);
}

/** Moves all entries of `list` to the front of `head`, and to its end; the _init forms leave `list` empty. */
static inline void list_splice(const struct list_head* list, struct list_head* head) {
  if (!list_empty(list)) kmem_list_link_many(list->next, list->prev, head);
}
static inline void list_splice_tail(const struct list_head* list, struct list_head* head) {
  if (!list_empty(list)) kmem_list_link_many(list->next, list->prev, head->prev);
}
static inline void list_splice_init(struct list_head* list, struct list_head* head) {
  list_splice(list, head);
  INIT_LIST_HEAD(list);
}
static inline void list_splice_tail_init(struct list_head* list, struct list_head* head) {
  list_splice_tail(list, head);
  INIT_LIST_HEAD(list);
}

KMEM_END_C

/** The struct of which an entry is the named member. */
#define list_entry(entry, type, member) container_of(entry, type, member)
#define list_first_entry(head, type, member) list_entry((head)->next, type, member)
#define list_last_entry(head, type, member) list_entry((head)->prev, type, member)
#define list_first_entry_or_null(head, type, member)                          \
  __extension__({                                                             \
    struct list_head* const kmem_head = (head);                               \
    list_empty(kmem_head) ? NULL : list_entry(kmem_head->next, type, member); \
  })
#define list_next_entry(position, member) list_entry((position)->member.next, __typeof__(*(position)), member)
#define list_prev_entry(position, member) list_entry((position)->member.prev, __typeof__(*(position)), member)
#define list_entry_is_head(position, head, member) (&(position)->member == (head))

/** For the entries of a list; `position` is the caller's variable.  With _safe the entry may be removed meanwhile: `next` is a
 *  second variable. */
#define list_for_each(position, head) for ((position) = (head)->next; (position) != (head); (position) = (position)->next)
#define list_for_each_prev(position, head) for ((position) = (head)->prev; (position) != (head); (position) = (position)->prev)
#define list_for_each_safe(position, following, head)                                   \
  for ((position) = (head)->next, (following) = (position)->next; (position) != (head); \
       (position) = (following), (following) = (position)->next)
#define list_for_each_entry(position, head, member)                                                                       \
  for ((position) = list_first_entry(head, __typeof__(*(position)), member); !list_entry_is_head(position, head, member); \
       (position) = list_next_entry(position, member))
#define list_for_each_entry_reverse(position, head, member)                                                              \
  for ((position) = list_last_entry(head, __typeof__(*(position)), member); !list_entry_is_head(position, head, member); \
       (position) = list_prev_entry(position, member))
#define list_for_each_entry_continue(position, head, member)                                        \
  for ((position) = list_next_entry(position, member); !list_entry_is_head(position, head, member); \
       (position) = list_next_entry(position, member))
#define list_for_each_entry_from(position, head, member) \
  for (; !list_entry_is_head(position, head, member); (position) = list_next_entry(position, member))
#define list_for_each_entry_safe(position, following, head, member)                                                           \
  for ((position) = list_first_entry(head, __typeof__(*(position)), member), (following) = list_next_entry(position, member); \
       !list_entry_is_head(position, head, member);                                                                           \
       (position) = (following), (following) = list_next_entry(following, member))
#define list_for_each_entry_safe_reverse(position, following, head, member)                                                  \
  for ((position) = list_last_entry(head, __typeof__(*(position)), member), (following) = list_prev_entry(position, member); \
       !list_entry_is_head(position, head, member);                                                                          \
       (position) = (following), (following) = list_prev_entry(following, member))

/* Chains: the head is one pointer. */

struct hlist_node {
  struct hlist_node *next, **pprev;
};
struct hlist_head {
  struct hlist_node* first;
};
#define HLIST_HEAD_INIT \
  { NULL }
#define HLIST_HEAD(name) struct hlist_head name = HLIST_HEAD_INIT
#define INIT_HLIST_HEAD(head) ((void)((head)->first = NULL))

KMEM_BEGIN_C

static inline void INIT_HLIST_NODE(struct hlist_node* node) {
  node->next = NULL;
  node->pprev = NULL;
}
static inline int hlist_empty(const struct hlist_head* head) { return !head->first; }
static inline int hlist_unhashed(const struct hlist_node* node) { return !node->pprev; }
static inline void hlist_add_head(struct hlist_node* node, struct hlist_head* head) {
  node->next = head->first;
  if (head->first) head->first->pprev = &node->next;
  head->first = node;
  node->pprev = &head->first;
}
static inline void hlist_del_init(struct hlist_node* node) {
  if (hlist_unhashed(node)) return;
  *node->pprev = node->next;
  if (node->next) node->next->pprev = node->pprev;
  INIT_HLIST_NODE(node);
}
static inline void hlist_del(struct hlist_node* node) {
  *node->pprev = node->next;
  if (node->next) node->next->pprev = node->pprev;
  node->next = (struct hlist_node*)LIST_POISON1;
  node->pprev = (struct hlist_node**)LIST_POISON2;
}

KMEM_END_C

#define hlist_entry(node, type, member) container_of(node, type, member)
#define hlist_entry_safe(node, type, member)                 \
  __extension__({                                            \
    struct hlist_node* const kmem_node = (node);             \
    kmem_node ? hlist_entry(kmem_node, type, member) : NULL; \
  })
#define hlist_for_each(position, head) for ((position) = (head)->first; (position); (position) = (position)->next)
#define hlist_for_each_entry(position, head, member)                                              \
  for ((position) = hlist_entry_safe((head)->first, __typeof__(*(position)), member); (position); \
       (position) = hlist_entry_safe((position)->member.next, __typeof__(*(position)), member))
#define hlist_for_each_entry_safe(position, following, head, member)                  \
  for ((position) = hlist_entry_safe((head)->first, __typeof__(*(position)), member); \
       (position) && ((following) = (position)->member.next, 1);                      \
       (position) = hlist_entry_safe(following, __typeof__(*(position)), member))

#endif

#endif
