// <linux/rbtree.h>, <linux/rbtree_augmented.h>, <linux/interval_tree.h>, against models; random steps from fixed seeds.
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include <linux/interval_tree.h>
#include <linux/rbtree.h>
#include <linux/rbtree_augmented.h>

namespace {

struct Item {
  rb_node links;
  int key;
  int largest;  // of the subtree
  bool in = false;
};
int key_of(Item* item) { return item->key; }
RB_DECLARE_CALLBACKS_MAX(static, by_largest, Item, links, int, largest, key_of);

/// Black nodes on the way down; the rules are checked on it.
int check(const rb_node* node) {
  if (!node) return 1;
  const Item* const item = rb_entry(node, Item, links);
  const bool black = node->__rb_parent_color & 1;
  int largest = item->key;
  for (const rb_node* child : {node->rb_left, node->rb_right}) {
    if (!child) continue;
    EXPECT_EQ(rb_parent(child), node);
    if (!black) {
      EXPECT_TRUE(child->__rb_parent_color & 1) << "a red child of a red node";
    }
    largest = std::max(largest, rb_entry(child, Item, links)->largest);
  }
  EXPECT_EQ(item->largest, largest);
  const int left = check(node->rb_left), right = check(node->rb_right);
  EXPECT_EQ(left, right) << "black nodes";
  return left + black;
}

void insert(Item* item, rb_root* root) {
  rb_node **link = &root->rb_node, *parent = nullptr;
  while (*link) {
    parent = *link;
    Item* const at = rb_entry(parent, Item, links);
    at->largest = std::max(at->largest, item->key);
    link = item->key < at->key ? &parent->rb_left : &parent->rb_right;
  }
  item->largest = item->key;
  rb_link_node(&item->links, parent, link);
  rb_insert_augmented(&item->links, root, &by_largest);
}

TEST(Rbtree, random_insertions_and_erasures_keep_the_rules) {
  std::mt19937 random(3);
  std::vector<Item> items(200);
  rb_root root = RB_ROOT;
  std::multiset<int> model;
  for (int step = 0; step < 4000; ++step) {
    Item& item = items[random() % items.size()];
    if (item.in) {
      rb_erase_augmented(&item.links, &root, &by_largest);
      model.erase(model.find(item.key));
    } else {
      item.key = static_cast<int>(random() % 1000);
      insert(&item, &root);
      model.insert(item.key);
    }
    item.in = !item.in;
    check(root.rb_node);
    if (step % 50) continue;
    std::multiset<int> seen;
    int last = -1;
    for (rb_node* node = rb_first(&root); node; node = rb_next(node)) {
      EXPECT_LE(last, rb_entry(node, Item, links)->key);
      seen.insert(last = rb_entry(node, Item, links)->key);
    }
    EXPECT_EQ(seen, model);
    size_t backwards = 0;
    for (rb_node* node = rb_last(&root); node; node = rb_prev(node)) ++backwards;
    EXPECT_EQ(backwards, model.size());
  }
}

bool less(rb_node* a, const rb_node* b) { return rb_entry(a, Item, links)->key < rb_entry(b, Item, links)->key; }
int compare(const void* key, const rb_node* at) { return *static_cast<const int*>(key) - rb_entry(at, Item, links)->key; }
int compare_nodes(rb_node* node, const rb_node* at) { return compare(&rb_entry(node, Item, links)->key, at); }

TEST(Rbtree, the_smallest_is_at_hand) {
  rb_root_cached tree = RB_ROOT_CACHED;
  Item item[6];
  const int order[6] = {5, 3, 9, 1, 3, 7};
  for (int i = 0; i < 6; ++i) {
    item[i].key = order[i];
    const bool smallest = rb_add_cached(&item[i].links, &tree, less) != nullptr;
    EXPECT_EQ(smallest, i == 0 || i == 1 || i == 3);
  }
  EXPECT_EQ(rb_first_cached(&tree), &item[3].links);
  EXPECT_EQ(rb_erase_cached(&item[3].links, &tree), &item[1].links);
  EXPECT_EQ(rb_erase_cached(&item[2].links, &tree), nullptr);
  const int three = 3;
  rb_node* node;
  int equal = 0;
  rb_for_each(node, &three, &tree.rb_root, compare)++ equal;
  EXPECT_EQ(equal, 2);
  const int none = 4;
  EXPECT_EQ(rb_find(&none, &tree.rb_root, compare), nullptr);
  Item more;
  more.key = 7;
  EXPECT_EQ(rb_find_add(&more.links, &tree.rb_root, compare_nodes), &item[5].links);
  rb_replace_node(&item[5].links, &more.links, &tree.rb_root);
  EXPECT_EQ(rb_find(&more.key, &tree.rb_root, compare), &more.links);
  RB_CLEAR_NODE(&item[5].links);
  EXPECT_TRUE(RB_EMPTY_NODE(&item[5].links));
}
TEST(Rbtree, children_come_before_their_parents) {
  rb_root root = RB_ROOT;
  std::vector<Item> items(30);
  for (int i = 0; i < 30; ++i) {
    items[static_cast<size_t>(i)].key = i;
    rb_add(&items[static_cast<size_t>(i)].links, &root, less);
  }
  std::set<const rb_node*> seen;
  Item *at, *following;
  rbtree_postorder_for_each_entry_safe(at, following, &root, links) {
    for (const rb_node* child : {at->links.rb_left, at->links.rb_right})
      if (child) {
        EXPECT_TRUE(seen.count(child));
      }
    seen.insert(&at->links);
  }
  EXPECT_EQ(seen.size(), 30u);
}

TEST(IntervalTree, finds_what_overlaps) {
  std::mt19937 random(4);
  rb_root_cached tree = RB_ROOT_CACHED;
  std::vector<interval_tree_node> all(100);
  std::set<interval_tree_node*> in;
  for (int step = 0; step < 2000; ++step) {
    interval_tree_node* const node = &all[random() % all.size()];
    if (in.count(node)) {
      interval_tree_remove(node, &tree);
      in.erase(node);
    } else {
      node->start = random() % 1000;
      node->last = node->start + random() % 50;
      interval_tree_insert(node, &tree);
      in.insert(node);
    }
    const unsigned long start = random() % 1000, last = start + random() % 100;
    std::set<interval_tree_node*> wanted, found;
    for (auto* n : in)
      if (n->start <= last && n->last >= start) wanted.insert(n);
    unsigned long before = 0;
    for (auto* n = interval_tree_iter_first(&tree, start, last); n; n = interval_tree_iter_next(n, start, last)) {
      EXPECT_LE(before, n->start);
      before = n->start;
      found.insert(n);
    }
    EXPECT_EQ(found, wanted);
  }
}

}  // namespace
