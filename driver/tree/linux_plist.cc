// Lists in the order of priorities: <linux/plist.h>.
//
// P1. node_list has all entries, by priority; prio_list of the first entry of each priority has the first entries of the
// others.
// P2. The prio_list of any other entry is empty.
#include <linux/plist.h>

namespace {

plist_node* after(const plist_node* node) { return list_entry(node->node_list.next, plist_node, node_list); }
bool is_last(const plist_node* node, const plist_head* head) { return node->node_list.next == &head->node_list; }

/// The first entry of the first priority behind `prio`, or null; *same is the first entry of `prio` itself, or null.
plist_node* find_behind(const plist_head* head, int prio, plist_node** same) {
  *same = nullptr;
  plist_node* const first = plist_first(head);
  plist_node* at = first;
  do {
    if (at->prio > prio) return at;
    if (at->prio == prio) *same = at;
    at = list_entry(at->prio_list.next, plist_node, prio_list);
  } while (at != first);
  return nullptr;
}

}  // namespace

extern "C" {

void plist_add(plist_node* node, plist_head* head) noexcept {
  WARN_ON(!plist_node_empty(node));
  WARN_ON(!list_empty(&node->prio_list));
  plist_node *same = nullptr, *behind = nullptr;
  plist_node* const first = plist_head_empty(head) ? nullptr : plist_first(head);
  if (first) behind = find_behind(head, node->prio, &same);
  if (first && !same) list_add_tail(&node->prio_list, behind ? &behind->prio_list : &first->prio_list);
  list_add_tail(&node->node_list, behind ? &behind->node_list : &head->node_list);
}

void plist_del(plist_node* node, plist_head* head) noexcept {
  if (!list_empty(&node->prio_list) && !is_last(node, head)) {
    plist_node* next = after(node);
    if (list_empty(&next->prio_list)) list_add(&next->prio_list, &node->prio_list);  // it is the first of its priority now
  }
  list_del_init(&node->prio_list);
  list_del_init(&node->node_list);
}

void plist_requeue(plist_node* node, plist_head* head) noexcept {
  if (is_last(node, head) || after(node)->prio != node->prio) return;
  plist_del(node, head);
  plist_add(node, head);
}

}  // extern "C"
