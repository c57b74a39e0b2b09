// Lists without a lock.

#include <linux/llist.h>

extern "C" {

bool llist_add_batch(llist_node* first, llist_node* last, llist_head* list) noexcept {
  llist_node* old = __atomic_load_n(&list->first, __ATOMIC_RELAXED);
  do last->next = old;
  while (!try_cmpxchg(&list->first, &old, first));
  return !old;
}

llist_node* llist_del_first(llist_head* list) noexcept {
  llist_node* first = __atomic_load_n(&list->first, __ATOMIC_ACQUIRE);
  while (first && !try_cmpxchg(&list->first, &first, __atomic_load_n(&first->next, __ATOMIC_RELAXED)))
    ;
  return first;
}

llist_node* llist_reverse_order(llist_node* node) noexcept {
  llist_node* turned = nullptr;
  while (node) {
    llist_node* next = node->next;
    node->next = turned;
    turned = node;
    node = next;
  }
  return turned;
}

}  // extern "C"
