// What expires next: <linux/timerqueue.h>.
#include <linux/bug.h>
#include <linux/timerqueue.h>

namespace {
bool expires_before(rb_node* a, const rb_node* b) {
  return rb_entry(a, timerqueue_node, node)->expires < rb_entry(b, timerqueue_node, node)->expires;
}
}  // namespace

extern "C" {

bool timerqueue_add(timerqueue_head* head, timerqueue_node* node) noexcept {
  WARN_ON_ONCE(timerqueue_node_queued(node));
  return rb_add_cached(&node->node, &head->rb_root, expires_before) != nullptr;
}
bool timerqueue_del(timerqueue_head* head, timerqueue_node* node) noexcept {
  WARN_ON_ONCE(!timerqueue_node_queued(node));
  rb_erase_cached(&node->node, &head->rb_root);
  RB_CLEAR_NODE(&node->node);
  return !RB_EMPTY_ROOT(&head->rb_root.rb_root);
}
timerqueue_node* timerqueue_iterate_next(timerqueue_node* node) noexcept {
  return node ? rb_entry_safe(rb_next(&node->node), timerqueue_node, node) : nullptr;
}

}  // extern "C"
