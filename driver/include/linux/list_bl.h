#ifndef KMEM_LINUX_LIST_BL_H
#define KMEM_LINUX_LIST_BL_H
/* Hash chains whose head is one pointer with a lock in its lowest bit: hlist_bl_lock() around every change. */
#include <linux/bit_spinlock.h>
#include <linux/kernel.h>
#include <linux/list.h>

#define LIST_BL_LOCKMASK 1UL
struct hlist_bl_head {
  struct hlist_bl_node* first;
};
struct hlist_bl_node {
  struct hlist_bl_node *next, **pprev;
};
#define INIT_HLIST_BL_HEAD(head) ((void)((head)->first = NULL))

static inline void INIT_HLIST_BL_NODE(struct hlist_bl_node* node) { node->next = NULL, node->pprev = NULL; }
static inline bool hlist_bl_unhashed(const struct hlist_bl_node* node) { return !node->pprev; }
static inline struct hlist_bl_node* hlist_bl_first(const struct hlist_bl_head* head) {
  return (struct hlist_bl_node*)((unsigned long)head->first & ~LIST_BL_LOCKMASK);
}
/* Keeps the lock. */
static inline void hlist_bl_set_first(struct hlist_bl_head* head, struct hlist_bl_node* node) {
  head->first = (struct hlist_bl_node*)((unsigned long)node | ((unsigned long)head->first & LIST_BL_LOCKMASK));
}
static inline bool hlist_bl_empty(const struct hlist_bl_head* head) { return !hlist_bl_first(head); }
static inline void hlist_bl_add_head(struct hlist_bl_node* node, struct hlist_bl_head* head) {
  struct hlist_bl_node* first = hlist_bl_first(head);
  node->next = first;
  if (first) first->pprev = &node->next;
  node->pprev = &head->first;
  hlist_bl_set_first(head, node);
}
static inline void hlist_bl_add_before(struct hlist_bl_node* node, struct hlist_bl_node* at) {
  struct hlist_bl_node** pprev = at->pprev;
  node->pprev = pprev;
  node->next = at;
  at->pprev = &node->next;
  *pprev = (struct hlist_bl_node*)((unsigned long)node | ((unsigned long)*pprev & LIST_BL_LOCKMASK));
}
static inline void hlist_bl_add_behind(struct hlist_bl_node* node, struct hlist_bl_node* at) {
  node->next = at->next;
  node->pprev = &at->next;
  at->next = node;
  if (node->next) node->next->pprev = &node->next;
}
static inline void __hlist_bl_del(struct hlist_bl_node* node) {
  *node->pprev = (struct hlist_bl_node*)((unsigned long)node->next | ((unsigned long)*node->pprev & LIST_BL_LOCKMASK));
  if (node->next) node->next->pprev = node->pprev;
}
static inline void hlist_bl_del(struct hlist_bl_node* node) {
  __hlist_bl_del(node);
  node->next = (struct hlist_bl_node*)LIST_POISON1;
  node->pprev = (struct hlist_bl_node**)LIST_POISON2;
}
static inline void hlist_bl_del_init(struct hlist_bl_node* node) {
  if (hlist_bl_unhashed(node)) return;
  __hlist_bl_del(node);
  INIT_HLIST_BL_NODE(node);
}
static inline void hlist_bl_lock(struct hlist_bl_head* head) { bit_spin_lock(0, (unsigned long*)(void*)head); }
static inline void hlist_bl_unlock(struct hlist_bl_head* head) { bit_spin_unlock(0, (unsigned long*)(void*)head); }
static inline bool hlist_bl_is_locked(struct hlist_bl_head* head) { return bit_spin_is_locked(0, (unsigned long*)(void*)head); }

#define hlist_bl_entry(node, type, member) container_of(node, type, member)
#define hlist_bl_for_each_entry(position, node, head, member)                                                            \
  for ((node) = hlist_bl_first(head); (node) && ((position) = hlist_bl_entry(node, __typeof__(*(position)), member), 1); \
       (node) = (node)->next)
#define hlist_bl_for_each_entry_safe(position, node, following, head, member)                                         \
  for ((node) = hlist_bl_first(head);                                                                                 \
       (node) && ((following) = (node)->next, (position) = hlist_bl_entry(node, __typeof__(*(position)), member), 1); \
       (node) = (following))
#endif
