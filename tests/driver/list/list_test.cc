// Lists: <linux/list.h> with its checks, <linux/rculist.h>, <linux/list_bl.h>, <linux/llist.h>, <linux/hashtable.h>.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <linux/circ_buf.h>
#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/list_bl.h>
#include <linux/llist.h>
#include <linux/rculist.h>

namespace {

struct Entry {
  list_head links{};
  int key = 0;
};
std::vector<int> keys(list_head* head) {
  std::vector<int> seen;
  Entry* entry;
  list_for_each_entry(entry, head, links) seen.push_back(entry->key);
  return seen;
}
using Keys = std::vector<int>;

struct Five {
  Entry entry[5];
  LIST_HEAD(head);
  Five() {
    for (int i = 0; i < 5; ++i) {
      entry[i].key = i;
      list_add_tail(&entry[i].links, &head);
    }
  }
};

TEST(List, parts_are_cut_moved_and_exchanged) {
  Five five;
  LIST_HEAD(cut);
  list_cut_position(&cut, &five.head, &five.entry[1].links);
  EXPECT_EQ(keys(&cut), (Keys{0, 1}));
  EXPECT_EQ(keys(&five.head), (Keys{2, 3, 4}));
  list_bulk_move_tail(&cut, &five.entry[2].links, &five.entry[3].links);
  EXPECT_EQ(keys(&cut), (Keys{0, 1, 2, 3}));
  list_swap(&five.entry[0].links, &five.entry[1].links);
  EXPECT_EQ(keys(&cut), (Keys{1, 0, 2, 3}));
  list_swap(&five.entry[1].links, &five.entry[3].links);
  EXPECT_EQ(keys(&cut), (Keys{3, 0, 2, 1}));
  list_rotate_to_front(&five.entry[2].links, &cut);
  EXPECT_EQ(keys(&cut), (Keys{2, 1, 3, 0}));
  list_cut_before(&five.head, &cut, &five.entry[2].links);
  EXPECT_TRUE(list_empty_careful(&five.head));
}
TEST(List, loops_go_on_from_an_entry) {
  Five five;
  Keys seen;
  Entry *at = &five.entry[3], *following;
  list_for_each_entry_continue_reverse(at, &five.head, links) seen.push_back(at->key);
  EXPECT_EQ(seen, (Keys{2, 1, 0}));
  at = &five.entry[2];
  list_for_each_entry_safe_from(at, following, &five.head, links) list_del(&at->links);
  EXPECT_EQ(keys(&five.head), (Keys{0, 1}));
}

std::string report_of(void (*step)()) {
  testing::internal::CaptureStderr();
  step();
  return testing::internal::GetCapturedStderr();
}
TEST(List, what_is_taken_out_twice_is_reported_and_nothing_changes) {
  const std::string said = report_of([] {
    Five five;
    list_del(&five.entry[2].links);
    list_del(&five.entry[2].links);
    EXPECT_EQ(keys(&five.head), (Keys{0, 1, 3, 4}));
  });
  EXPECT_NE(said.find("list_del corruption"), std::string::npos) << said;
  EXPECT_NE(said.find("LIST_POISON1"), std::string::npos) << said;
}
TEST(List, what_is_put_in_twice_is_reported) {
  const std::string said = report_of([] {
    Five five;
    list_add_tail(&five.entry[4].links, &five.head);
    EXPECT_EQ(keys(&five.head), (Keys{0, 1, 2, 3, 4}));
  });
  EXPECT_NE(said.find("list_add double add"), std::string::npos) << said;
}
TEST(List, a_neighbour_that_does_not_point_back_is_reported) {
  const std::string said = report_of([] {
    Five five;
    Entry more;
    list_head* const right = five.entry[0].links.prev;
    five.entry[0].links.prev = &five.entry[3].links;
    list_add(&more.links, &five.head);
    five.entry[0].links.prev = right;
    EXPECT_EQ(keys(&five.head), (Keys{0, 1, 2, 3, 4}));
  });
  EXPECT_NE(said.find("list_add corruption. next->prev should be prev"), std::string::npos) << said;
}

struct Node {
  hlist_node links{};
  rcu_head rcu{};
  int key = 0;
};
TEST(Hlist, nodes_go_before_and_behind_others) {
  HLIST_HEAD(head);
  Node node[3];
  hlist_add_head(&node[0].links, &head);
  EXPECT_TRUE(hlist_is_singular_node(&node[0].links, &head));
  hlist_add_before(&node[1].links, &node[0].links);
  hlist_add_behind(&node[2].links, &node[0].links);
  EXPECT_EQ(head.first, &node[1].links);
  EXPECT_EQ(node[0].links.next, &node[2].links);
  EXPECT_EQ(hlist_count_nodes(&head), 3u);
  HLIST_HEAD(other);
  hlist_move_list(&head, &other);
  EXPECT_TRUE(hlist_empty(&head));
  hlist_del(&node[1].links);
  EXPECT_EQ(other.first, &node[0].links);
  Node fake;
  hlist_add_fake(&fake.links);
  EXPECT_TRUE(hlist_fake(&fake.links) && !hlist_unhashed(&fake.links));
  hlist_del_init(&fake.links);
}

TEST(Hashtable, a_key_is_found_among_its_chain) {
  DEFINE_HASHTABLE(table, 4);
  Node node[50];
  for (int i = 0; i < 50; ++i) {
    node[i].key = i;
    hash_add(table, &node[i].links, node[i].key);
  }
  EXPECT_FALSE(hash_empty(table));
  Node* at;
  int found = 0;
  hash_for_each_possible(table, at, links, 17) found += at->key == 17;
  EXPECT_EQ(found, 1);
  int bucket, all = 0;
  hash_for_each(table, bucket, at, links)++ all;
  EXPECT_EQ(all, 50);
  hlist_node* following;
  hash_for_each_safe(table, bucket, following, at, links) hash_del(&at->links);
  EXPECT_TRUE(hash_empty(table));
  EXPECT_FALSE(hash_hashed(&node[0].links));
}

/// A writer replaces and removes while readers walk: none meets a node that was freed.
TEST(Rculist, ReadersWalkWhileAWriterChangesThreads) {
  struct Item {
    list_head links;
    rcu_head rcu;
    std::atomic<int> alive;
  };
  LIST_HEAD(head);
  std::atomic<bool> done{false};
  std::atomic<long> walks{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 2; ++t)
    readers.emplace_back([&] {
      while (!done) {
        rcu_read_lock();
        Item* item;
        list_for_each_entry_rcu(item, &head, links) EXPECT_EQ(item->alive.load(), 1);
        rcu_read_unlock();
        ++walks;
      }
    });
  const auto bury = [](rcu_head* rcu) {
    Item* const item = container_of(rcu, Item, rcu);
    item->alive = 0;
    delete item;
  };
  for (int i = 0; i < 2000 || walks < 10; ++i) {
    Item* const item = new Item;
    item->alive = 1;
    list_add_tail_rcu(&item->links, &head);
    if (i % 3 == 2) {
      Item* const first = list_first_entry(&head, Item, links);
      list_del_rcu(&first->links);
      call_rcu(&first->rcu, bury);
    }
    if (i % 7 == 6) {
      Item *const first = list_first_entry(&head, Item, links), *const now = new Item;
      now->alive = 1;
      list_replace_rcu(&first->links, &now->links);
      call_rcu(&first->rcu, bury);
    }
  }
  done = true;
  for (auto& reader : readers) reader.join();
  Item *item, *following;
  list_for_each_entry_safe(item, following, &head, links) delete item;
  rcu_barrier();
}
TEST(Rculist, hash_chains_keep_their_order) {
  HLIST_HEAD(head);
  Node node[4];
  for (int i = 0; i < 4; ++i) node[i].key = i;
  hlist_add_head_rcu(&node[1].links, &head);
  hlist_add_tail_rcu(&node[2].links, &head);
  hlist_add_before_rcu(&node[0].links, &node[1].links);
  hlist_replace_rcu(&node[2].links, &node[3].links);
  std::vector<int> seen;
  Node* at;
  rcu_read_lock();
  hlist_for_each_entry_rcu(at, &head, links) seen.push_back(at->key);
  rcu_read_unlock();
  EXPECT_EQ(seen, (Keys{0, 1, 3}));
  hlist_del_init_rcu(&node[1].links);
  EXPECT_TRUE(hlist_unhashed(&node[1].links));
}

struct Locked {
  hlist_bl_node links{};
  int key = 0;
};
TEST(ListBl, the_lock_is_in_the_head_and_stays_there) {
  hlist_bl_head head{};
  Locked node[3];
  hlist_bl_lock(&head);
  EXPECT_TRUE(hlist_bl_is_locked(&head));
  for (auto& n : node) hlist_bl_add_head(&n.links, &head);
  hlist_bl_del_init(&node[2].links);
  EXPECT_TRUE(hlist_bl_is_locked(&head));
  hlist_bl_add_before(&node[2].links, &node[0].links);
  hlist_bl_unlock(&head);
  EXPECT_FALSE(hlist_bl_is_locked(&head));
  Locked* at;
  hlist_bl_node* walk;
  std::vector<Locked*> seen;
  hlist_bl_for_each_entry(at, walk, &head, links) seen.push_back(at);
  EXPECT_EQ(seen, (std::vector<Locked*>{&node[1], &node[2], &node[0]}));
}
TEST(ListBl, ThreadsExcludeEachOther) {
  hlist_bl_head head{};
  long count = 0;
  const auto add = [&] {
    for (int i = 0; i < 5000; ++i) {
      hlist_bl_lock(&head);
      ++count;
      hlist_bl_unlock(&head);
    }
  };
  std::thread one(add), two(add);
  one.join();
  two.join();
  EXPECT_EQ(count, 10000);
}

struct Free {
  llist_node links{};
  int key = 0;
};
TEST(Llist, all_come_out_the_youngest_first) {
  LLIST_HEAD(list);
  Free node[3];
  EXPECT_TRUE(llist_add(&node[0].links, &list));
  EXPECT_FALSE(llist_add(&node[1].links, &list));
  EXPECT_FALSE(llist_add(&node[2].links, &list));
  EXPECT_EQ(llist_del_first(&list), &node[2].links);
  llist_node* const rest = llist_reverse_order(llist_del_all(&list));
  EXPECT_EQ(rest, &node[0].links);
  EXPECT_EQ(rest->next, &node[1].links);
  EXPECT_TRUE(llist_empty(&list));
  init_llist_node(&node[0].links);
  EXPECT_FALSE(llist_on_list(&node[0].links));
}
TEST(Llist, ThreadsLoseNoEntry) {
  LLIST_HEAD(list);
  std::vector<Free> nodes(4000);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 1000; ++i) llist_add(&nodes[static_cast<size_t>(t * 1000 + i)].links, &list);
    });
  size_t got = 0;
  while (got < nodes.size()) {
    Free *at, *following;
    llist_for_each_entry_safe(at, following, llist_del_all(&list), links)++ got;
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(got, nodes.size());
}

TEST(CircBuf, one_byte_stays_free) {
  EXPECT_EQ(CIRC_CNT(3, 0, 8), 3);
  EXPECT_EQ(CIRC_SPACE(3, 0, 8), 4);
  EXPECT_EQ(CIRC_CNT(1, 6, 8), 3);
  EXPECT_EQ(CIRC_CNT_TO_END(1, 6, 8), 2);
  EXPECT_EQ(CIRC_SPACE_TO_END(6, 3, 8), 2);
  EXPECT_EQ(CIRC_SPACE_TO_END(6, 0, 8), 1);
}

}  // namespace
