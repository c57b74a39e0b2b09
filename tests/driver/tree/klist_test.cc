// <linux/klist.h>: entries come and go while the list is walked.
#include "helpers.h"

#include <vector>

#include <linux/klist.h>

namespace {

struct Item {
  klist_node links;
  int value, gets = 0, puts = 0;
};
Item* item_of(klist_node* n) { return container_of(n, Item, links); }
void get(klist_node* n) { ++item_of(n)->gets; }
void put(klist_node* n) { __atomic_add_fetch(&item_of(n)->puts, 1, __ATOMIC_SEQ_CST); }
DEFINE_KLIST(list, get, put);

struct Klist : testing::Test {
  Klist() {
    kmem_driver_log_clear();
    klist_init(&list, get, put);
    for (int i = 0; i < 4; ++i) item[i].value = i;
  }
  void fill() {
    for (Item& i : item) klist_add_tail(&i.links, &list);
  }
  std::vector<int> values() {
    std::vector<int> all;
    klist_iter walk;
    klist_iter_init(&list, &walk);
    while (klist_node* n = klist_next(&walk)) all.push_back(item_of(n)->value);
    klist_iter_exit(&walk);
    return all;
  }
  Item item[4];
};
using Values = std::vector<int>;

TEST_F(Klist, entries_go_to_either_end_and_beside_others) {
  klist_add_tail(&item[1].links, &list);
  klist_add_head(&item[0].links, &list);
  klist_add_behind(&item[3].links, &item[1].links);
  klist_add_before(&item[2].links, &item[3].links);
  EXPECT_EQ(values(), (Values{0, 1, 2, 3}));
  EXPECT_EQ(item[2].gets, 1);
  EXPECT_TRUE(klist_node_attached(&item[2].links));
  klist_remove(&item[2].links);
  EXPECT_FALSE(klist_node_attached(&item[2].links));
  EXPECT_EQ(item[2].puts, 1);
  EXPECT_EQ(values(), (Values{0, 1, 3}));
}

TEST_F(Klist, it_is_walked_backwards_and_from_an_entry) {
  fill();
  klist_iter walk;
  klist_iter_init_node(&list, &walk, &item[2].links);
  EXPECT_EQ(item_of(klist_prev(&walk))->value, 1);
  EXPECT_EQ(item_of(klist_prev(&walk))->value, 0);
  EXPECT_EQ(klist_prev(&walk), nullptr);
  EXPECT_EQ(item_of(klist_next(&walk))->value, 0);
  klist_iter_exit(&walk);
  klist_iter_exit(&walk);
  klist_iter_init(&list, &walk);
  EXPECT_EQ(item_of(klist_prev(&walk))->value, 3);
  klist_iter_exit(&walk);
  for (Item& i : item) klist_del(&i.links);
  for (Item& i : item) EXPECT_EQ(i.puts, 1);
}

TEST_F(Klist, a_deleted_entry_stays_until_its_walker_goes_on_and_is_passed_over_by_others) {
  fill();
  klist_iter walk;
  klist_iter_init(&list, &walk);
  klist_next(&walk);
  ASSERT_EQ(item_of(klist_next(&walk))->value, 1);
  klist_del(&item[1].links);
  klist_del(&item[2].links);
  EXPECT_EQ(item[1].puts, 0);
  EXPECT_EQ(item[2].puts, 1);
  EXPECT_TRUE(klist_node_attached(&item[1].links));
  EXPECT_EQ(values(), (Values{0, 3}));
  EXPECT_EQ(item_of(klist_next(&walk))->value, 3);
  EXPECT_EQ(item[1].puts, 1);
  EXPECT_FALSE(klist_node_attached(&item[1].links));
  klist_iter_exit(&walk);
}

TEST_F(Klist, a_walk_from_an_entry_that_has_left_begins_at_the_end) {
  fill();
  klist_del(&item[2].links);
  klist_iter walk;
  klist_iter_init_node(&list, &walk, &item[2].links);
  EXPECT_EQ(item_of(klist_next(&walk))->value, 0);
  klist_iter_exit(&walk);
}

TEST_F(Klist, removing_waits_for_the_walker) {
  fill();
  klist_iter walk;
  klist_iter_init(&list, &walk);
  ASSERT_EQ(item_of(klist_next(&walk))->value, 0);
  std::atomic<bool> removed{false};
  test::Thread remover([&] {
    klist_remove(&item[0].links);
    removed = true;
  });
  remover.wait_until_it_sleeps(TASK_UNINTERRUPTIBLE);
  EXPECT_FALSE(removed);
  EXPECT_EQ(item[0].puts, 0);
  klist_iter_exit(&walk);
  remover.join();
  EXPECT_TRUE(removed);
  EXPECT_EQ(item[0].puts, 1);
}

TEST_F(Klist, a_second_deletion_is_reported) {
  fill();
  klist_iter walk;
  klist_iter_init_node(&list, &walk, &item[0].links);
  klist_iter second;
  klist_iter_init_node(&list, &second, &item[0].links);
  klist_del(&item[0].links);
  const std::string said = test::said_by([&] { klist_del(&item[0].links); });
  EXPECT_TRUE(test::has(said, "an entry of a klist is deleted twice")) << said;
  klist_iter_exit(&walk);
}

TEST_F(Klist, tasks_add_walk_and_remove_at_once) {
  fill();
  std::atomic<bool> ends{false};
  test::Thread walker([&] {
    while (!ends) values();
  });
  for (int i = 0; i < 2000; ++i) {
    Item& at = item[i % 4];
    klist_remove(&at.links);
    klist_add_tail(&at.links, &list);
  }
  ends = true;
  walker.join();
  EXPECT_EQ(values().size(), 4u);
  for (const Item& i : item) EXPECT_EQ(i.puts, 500);
}

}  // namespace
