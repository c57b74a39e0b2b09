// Red-black trees: <linux/rbtree.h>, <linux/rbtree_augmented.h>.
//
//   R1  a red node's children are black        R2  every path from the root to a missing child has the same number of black
//   nodes
#include <linux/rbtree_augmented.h>

namespace {

constexpr unsigned long kBlack = 1;

bool is_black(const rb_node* node) { return !node || (node->__rb_parent_color & kBlack) != 0; }
bool is_red(const rb_node* node) { return !is_black(node); }
void set_parent(rb_node* node, rb_node* parent) {
  node->__rb_parent_color = reinterpret_cast<unsigned long>(parent) | (node->__rb_parent_color & kBlack);
}
void paint_black(rb_node* node) { node->__rb_parent_color |= kBlack; }
void paint_red(rb_node* node) { node->__rb_parent_color &= ~kBlack; }
void paint_as(rb_node* node, const rb_node* other) { is_black(other) ? paint_black(node) : paint_red(node); }

/// Callbacks for a tree that is not augmented.
void nothing(rb_node*, rb_node*) {}
constexpr rb_augment_callbacks kPlain = {nothing, nothing, nothing};

/// The child on one side, so that each case is written once.
rb_node*& child(rb_node* node, bool right) { return right ? node->rb_right : node->rb_left; }

struct Tree {
  rb_root* root;
  const rb_augment_callbacks* augment;

  rb_node*& link_of(rb_node* node) const {
    rb_node* const parent = rb_parent(node);
    return !parent ? root->rb_node : child(parent, parent->rb_right == node);
  }
  /// Puts `now`, which may be null, in the place of `old`.
  void transplant(rb_node* old, rb_node* now) const {
    link_of(old) = now;
    if (now) set_parent(now, rb_parent(old));
  }
  /// Rotates `node` down to the given side; its child on the other side moves up.
  void rotate(rb_node* node, bool right) const {
    rb_node* const up = child(node, !right);
    rb_node* const across = child(up, right);
    child(node, !right) = across;
    if (across) set_parent(across, node);
    transplant(node, up);
    child(up, right) = node;
    set_parent(node, up);
    augment->rotate(node, up);
  }

  /// The new node is red: restores R1.
  void after_insert(rb_node* node) const {
    for (rb_node* parent; is_red(parent = rb_parent(node));) {
      rb_node* const grand = rb_parent(parent);
      const bool right = parent == grand->rb_right;
      rb_node* const uncle = child(grand, !right);
      if (is_red(uncle)) {
        paint_black(parent);
        paint_black(uncle);
        paint_red(grand);
        node = grand;
        continue;
      }
      if (node == child(parent, !right)) {
        rotate(parent, right);
        parent = node;
      }
      paint_black(parent);
      paint_red(grand);
      rotate(grand, !right);
      break;
    }
    paint_black(root->rb_node);
  }

  /// The subtree of `node`, which may be null, below `parent` has one black node too few: restores R2.
  void after_erase(rb_node* node, rb_node* parent) const {
    while (node != root->rb_node && is_black(node)) {
      const bool right = node == parent->rb_right;
      rb_node* sibling = child(parent, !right);
      if (is_red(sibling)) {
        paint_black(sibling);
        paint_red(parent);
        rotate(parent, right);
        sibling = child(parent, !right);
      }
      if (is_black(sibling->rb_left) && is_black(sibling->rb_right)) {
        paint_red(sibling);
        node = parent;
        parent = rb_parent(node);
        continue;
      }
      if (is_black(child(sibling, !right))) {
        paint_black(child(sibling, right));
        paint_red(sibling);
        rotate(sibling, !right);
        sibling = child(parent, !right);
      }
      paint_as(sibling, parent);
      paint_black(parent);
      paint_black(child(sibling, !right));
      rotate(parent, right);
      node = root->rb_node;
    }
    if (node) paint_black(node);
  }

  void erase(rb_node* node) const {
    rb_node *moved, *parent;
    bool black;
    if (node->rb_left && node->rb_right) {
      erase_between(node, moved, parent, black);
    } else {
      moved = node->rb_left ? node->rb_left : node->rb_right;
      parent = rb_parent(node);
      black = is_black(node);
      transplant(node, moved);
      augment->propagate(parent, nullptr);
    }
    if (black) after_erase(moved, parent);
  }
  /// Removes a node with two children: its successor takes its place and colour.
  void erase_between(rb_node* node, rb_node*& moved, rb_node*& parent, bool& black) const {
    rb_node* next = node->rb_right;
    while (next->rb_left) next = next->rb_left;
    black = is_black(next);
    moved = next->rb_right;
    parent = rb_parent(next) == node ? next : rb_parent(next);
    if (parent != next) {
      transplant(next, moved);
      next->rb_right = node->rb_right;
      set_parent(next->rb_right, next);
    }
    transplant(node, next);
    next->rb_left = node->rb_left;
    set_parent(next->rb_left, next);
    paint_as(next, node);
    augment->copy(node, next);
    if (parent != next) augment->propagate(parent, next);
    augment->propagate(next, nullptr);
  }
};

rb_node* end_of(rb_node* node, bool right) {
  while (node && child(node, right)) node = child(node, right);
  return node;
}
/// The neighbour in order on one side.
rb_node* step(const rb_node* node, bool right) {
  if (RB_EMPTY_NODE(node)) return nullptr;
  rb_node* at = const_cast<rb_node*>(node);
  if (child(at, right)) return end_of(child(at, right), !right);
  rb_node* parent;
  while ((parent = rb_parent(at)) && at == child(parent, right)) at = parent;
  return parent;
}
/// The leftmost leaf below `node`.
rb_node* deepest(rb_node* node) {
  for (;;) {
    if (node->rb_left) node = node->rb_left;
    else if (node->rb_right) node = node->rb_right;
    else return node;
  }
}

}  // namespace

void kmem_rb_insert_augmented(rb_node* node, rb_root* root, const rb_augment_callbacks* augment) noexcept {
  Tree{root, augment}.after_insert(node);
}
void kmem_rb_erase_augmented(rb_node* node, rb_root* root, const rb_augment_callbacks* augment) noexcept {
  Tree{root, augment}.erase(node);
}
void rb_insert_color(rb_node* node, rb_root* root) noexcept { kmem_rb_insert_augmented(node, root, &kPlain); }
void rb_erase(rb_node* node, rb_root* root) noexcept { kmem_rb_erase_augmented(node, root, &kPlain); }

rb_node* rb_first(const rb_root* root) noexcept { return end_of(root->rb_node, false); }
rb_node* rb_last(const rb_root* root) noexcept { return end_of(root->rb_node, true); }
rb_node* rb_next(const rb_node* node) noexcept { return step(node, true); }
rb_node* rb_prev(const rb_node* node) noexcept { return step(node, false); }
rb_node* rb_first_postorder(const rb_root* root) noexcept { return root->rb_node ? deepest(root->rb_node) : nullptr; }
rb_node* rb_next_postorder(const rb_node* node) noexcept {
  if (!node) return nullptr;
  rb_node* const parent = rb_parent(node);
  return parent && node == parent->rb_left && parent->rb_right ? deepest(parent->rb_right) : parent;
}
void rb_replace_node(rb_node* old, rb_node* node, rb_root* root) noexcept {
  *node = *old;
  if (old->rb_left) set_parent(old->rb_left, node);
  if (old->rb_right) set_parent(old->rb_right, node);
  Tree{root, &kPlain}.link_of(old) = node;
}
