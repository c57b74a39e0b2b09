// Ordered queues and arrays: <linux/plist.h>, <linux/timerqueue.h>, <linux/min_heap.h>, <linux/generic-radix-tree.h>,
// <linux/lockref.h>, <linux/errseq.h>.
#include "helpers.h"

#include <algorithm>
#include <random>
#include <vector>

#include <linux/errseq.h>
#include <linux/generic-radix-tree.h>
#include <linux/lockref.h>
#include <linux/min_heap.h>
#include <linux/plist.h>
#include <linux/timerqueue.h>

namespace {

struct Item {
  plist_node links;
  int number;
};

TEST(Plist, entries_are_in_the_order_of_priorities_and_then_of_time) {
  static Item items[64];
  PLIST_HEAD(head);
  EXPECT_TRUE(plist_head_empty(&head));
  std::vector<Item*> model;
  std::mt19937 random(11);
  int stamp = 0;
  for (Item& i : items) plist_node_init(&i.links, 0);
  for (int step = 0; step < 20000; ++step) {
    Item& i = items[random() % 64];
    const auto at = std::find(model.begin(), model.end(), &i);
    if (at == model.end()) {
      plist_node_init(&i.links, static_cast<int>(random() % 8) - 4);
      plist_add(&i.links, &head);
      i.number = stamp++;
      model.push_back(&i);
    } else if (random() & 1) {
      plist_requeue(&i.links, &head);
      i.number = stamp++;
    } else {
      plist_del(&i.links, &head);
      ASSERT_TRUE(plist_node_empty(&i.links));
      model.erase(at);
    }
    std::sort(model.begin(), model.end(), [](const Item* a, const Item* b) {
      return a->links.prio != b->links.prio ? a->links.prio < b->links.prio : a->number < b->number;
    });
    size_t n = 0, priorities = 0;
    Item* one;
    plist_for_each_entry(one, &head, links) {
      ASSERT_LT(n, model.size());
      ASSERT_EQ(one, model[n]);
      priorities += n == 0 || model[n - 1]->links.prio != one->links.prio;
      ASSERT_EQ(
          list_empty(&one->links.prio_list), n && model[n - 1]->links.prio == one->links.prio ? 1 : priorities == 1 && [&] {
            return model.back()->links.prio == one->links.prio;
          }());
      ++n;
    }
    ASSERT_EQ(n, model.size());
    if (n) {
      ASSERT_EQ(plist_first_entry(&head, Item, links), model.front());
      ASSERT_EQ(plist_last_entry(&head, Item, links), model.back());
    }
  }
}

TEST(Timerqueue, what_expires_first_is_first) {
  timerqueue_head head;
  timerqueue_init_head(&head);
  timerqueue_node nodes[4];
  const ktime_t at[] = {30, 10, 20, 10};
  for (int i = 0; i < 4; ++i) {
    timerqueue_init(&nodes[i]);
    nodes[i].expires = at[i];
    EXPECT_FALSE(timerqueue_node_queued(&nodes[i]));
  }
  EXPECT_TRUE(timerqueue_add(&head, &nodes[0]));
  EXPECT_TRUE(timerqueue_add(&head, &nodes[1]));
  EXPECT_FALSE(timerqueue_add(&head, &nodes[2]));
  EXPECT_FALSE(timerqueue_add(&head, &nodes[3]));  // behind its equal
  EXPECT_EQ(timerqueue_getnext(&head), &nodes[1]);
  EXPECT_EQ(timerqueue_iterate_next(&nodes[1]), &nodes[3]);
  EXPECT_EQ(timerqueue_iterate_next(&nodes[0]), nullptr);
  EXPECT_TRUE(timerqueue_del(&head, &nodes[1]));
  EXPECT_FALSE(timerqueue_node_queued(&nodes[1]));
  EXPECT_TRUE(timerqueue_del(&head, &nodes[3]));
  EXPECT_EQ(timerqueue_getnext(&head), &nodes[2]);
  EXPECT_TRUE(timerqueue_del(&head, &nodes[2]));
  EXPECT_FALSE(timerqueue_del(&head, &nodes[0]));
  EXPECT_EQ(timerqueue_getnext(&head), nullptr);
  const std::string said = test::said_by([&] {
    timerqueue_add(&head, &nodes[0]);
    timerqueue_add(&head, &nodes[0]);
  });
  EXPECT_TRUE(test::has(said, "WARNING"));
}

bool less(const void* a, const void* b) { return *static_cast<const int*>(a) < *static_cast<const int*>(b); }
void exchange(void* a, void* b) { std::swap(*static_cast<int*>(a), *static_cast<int*>(b)); }
const min_heap_callbacks by_number = {sizeof(int), less, exchange};

TEST(MinHeap, the_smallest_comes_out_first) {
  int room[32];
  std::mt19937 random(2);
  for (int& n : room) n = static_cast<int>(random() % 100);
  min_heap heap = {room, 32, 32};
  min_heapify_all(&heap, &by_number);
  for (int last = -1; heap.nr > 0; min_heap_pop(&heap, &by_number)) {
    EXPECT_LE(last, room[0]);
    last = room[0];
  }
  for (int n : {5, 3, 9, 1}) min_heap_push(&heap, &n, &by_number);
  EXPECT_EQ(room[0], 1);
  const int seven = 7;
  min_heap_pop_push(&heap, &seven, &by_number);
  EXPECT_EQ(room[0], 3);
  EXPECT_EQ(heap.nr, 4);
  heap.size = 4;
  EXPECT_TRUE(test::has(test::said_by([&] { min_heap_push(&heap, &seven, &by_number); }), "Pushing on a full heap"));
  heap.nr = 0;
  EXPECT_TRUE(test::has(test::said_by([&] { min_heap_pop(&heap, &by_number); }), "Popping an empty heap"));
}

struct Wide {
  unsigned long at;
  char rest[92];
};
DEFINE_GENRADIX(wide, Wide);

TEST(Genradix, elements_are_zero_and_stay_where_they_are) {
  EXPECT_EQ(genradix_ptr(&wide, 0), nullptr);
  Wide* first = genradix_ptr_alloc(&wide, 3, GFP_KERNEL);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->at, 0u);
  first->at = 33;
  for (const size_t index : {size_t{100}, size_t{50000}, size_t{1} << 30}) {
    EXPECT_EQ(genradix_ptr(&wide, index), nullptr);
    Wide* one = genradix_ptr_alloc(&wide, index, GFP_KERNEL);
    ASSERT_NE(one, nullptr);
    one->at = index;
  }
  EXPECT_EQ(genradix_ptr(&wide, 3), first);
  EXPECT_EQ(genradix_ptr(&wide, 4), first + 1);
  EXPECT_EQ(genradix_ptr(&wide, 50000)->at, 50000u);
  genradix_iter iter;
  Wide* one;
  std::vector<size_t> seen;
  genradix_for_each(&wide, iter, one) if (one->at) seen.push_back(iter.pos);
  EXPECT_EQ(seen, (std::vector<size_t>{3, 100, 50000, size_t{1} << 30}));
  genradix_free(&wide);
  EXPECT_EQ(genradix_ptr(&wide, 3), nullptr);
}

TEST(Genradix, many_tasks_allocate_the_same_elements) {
  static DEFINE_GENRADIX(counts, unsigned);
  std::vector<std::thread> tasks;
  for (int t = 0; t < 4; ++t)
    tasks.emplace_back([] {
      for (size_t i = 0; i < 4000; ++i)
        __atomic_add_fetch(genradix_ptr_alloc(&counts, i * 37, GFP_KERNEL), 1, __ATOMIC_RELAXED);
    });
  for (std::thread& t : tasks) t.join();
  for (size_t i = 0; i < 4000; ++i) ASSERT_EQ(*genradix_ptr(&counts, i * 37), 4u);
  EXPECT_EQ(genradix_prealloc(&counts, 300000, GFP_KERNEL), 0);
  EXPECT_NE(genradix_ptr(&counts, 299999), nullptr);
  genradix_free(&counts);
}

TEST(Lockref, a_count_and_its_lock) {
  lockref ref = {};
  spin_lock_init(&ref.lock);
  EXPECT_EQ(lockref_get_not_zero(&ref), 0);
  lockref_get(&ref);
  EXPECT_EQ(lockref_get_not_zero(&ref), 1);
  EXPECT_EQ(ref.count, 2);
  EXPECT_EQ(lockref_put_not_zero(&ref), 1);
  EXPECT_EQ(lockref_put_not_zero(&ref), 0);
  EXPECT_EQ(ref.count, 1);
  EXPECT_EQ(lockref_put_or_lock(&ref), 0);
  EXPECT_TRUE(spin_is_locked(&ref.lock));
  EXPECT_EQ(lockref_put_return(&ref), -1);  // it is locked
  spin_unlock(&ref.lock);
  EXPECT_EQ(lockref_put_return(&ref), 0);
  EXPECT_EQ(lockref_put_return(&ref), -1);
  EXPECT_EQ(lockref_get_not_dead(&ref), 1);
  spin_lock(&ref.lock);
  lockref_mark_dead(&ref);
  spin_unlock(&ref.lock);
  EXPECT_TRUE(__lockref_is_dead(&ref));
  EXPECT_EQ(lockref_get_not_dead(&ref), 0);
  EXPECT_EQ(lockref_get_not_zero(&ref), 0);
}

TEST(Errseq, everybody_is_told_once) {
  errseq_t word = 0;
  errseq_t one = errseq_sample(&word), another = one;
  EXPECT_EQ(errseq_check(&word, one), 0);
  errseq_set(&word, -EIO);
  errseq_set(&word, -EIO);
  errseq_t late = errseq_sample(&word);
  EXPECT_EQ(late, 0u);  // nobody was told: whoever comes now is
  EXPECT_EQ(errseq_check(&word, one), -EIO);
  EXPECT_EQ(errseq_check_and_advance(&word, &one), -EIO);
  EXPECT_EQ(errseq_check_and_advance(&word, &one), 0);
  EXPECT_EQ(errseq_check_and_advance(&word, &another), -EIO);
  EXPECT_EQ(errseq_check_and_advance(&word, &late), -EIO);
  errseq_t after = errseq_sample(&word);
  EXPECT_EQ(errseq_check(&word, after), 0);
  errseq_set(&word, -EIO);  // the same again, and a new one
  EXPECT_EQ(errseq_check_and_advance(&word, &one), -EIO);
  EXPECT_EQ(errseq_check_and_advance(&word, &after), -EIO);
  errseq_set(&word, -ENOSPC);
  EXPECT_EQ(errseq_check_and_advance(&word, &one), -ENOSPC);
  EXPECT_TRUE(test::has(test::said_by([&] { errseq_set(&word, 5); }), "err = 5"));
}

}  // namespace
