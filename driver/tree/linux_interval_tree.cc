// Intervals of unsigned long: <linux/interval_tree.h>.
#include <linux/interval_tree.h>
#include <linux/interval_tree_generic.h>

#define START(node) ((node)->start)
#define LAST(node) ((node)->last)
INTERVAL_TREE_DEFINE(interval_tree_node, rb, unsigned long, __subtree_last, START, LAST, static, by_start);

void interval_tree_insert(interval_tree_node* node, rb_root_cached* root) noexcept { by_start_insert(node, root); }
void interval_tree_remove(interval_tree_node* node, rb_root_cached* root) noexcept { by_start_remove(node, root); }
interval_tree_node* interval_tree_iter_first(rb_root_cached* root, unsigned long start, unsigned long last) noexcept {
  return by_start_iter_first(root, start, last);
}
interval_tree_node* interval_tree_iter_next(interval_tree_node* node, unsigned long start, unsigned long last) noexcept {
  return by_start_iter_next(node, start, last);
}
