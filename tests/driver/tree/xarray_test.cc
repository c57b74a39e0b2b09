// <linux/xarray.h>, <linux/idr.h>, <linux/radix-tree.h>, against models; random steps from fixed seeds.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>

#include <kmem/fault.h>
#include <linux/err.h>
#include <linux/idr.h>
#include <linux/radix-tree.h>
#include <linux/xarray.h>

namespace {

std::string report_of(void (*step)()) {
  testing::internal::CaptureStderr();
  step();
  return testing::internal::GetCapturedStderr();
}

/// Indices that are near, far, and at the borders of nodes.
unsigned long some_index(std::mt19937& random) {
  const unsigned long near = random() % 130;
  switch (random() % 4) {
    case 0: return near;
    case 1: return near + 4090;
    case 2: return (1ul << (random() % 64)) + near % 3 - 1;
    default: return ~0ul - near;
  }
}

TEST(Xarray, agrees_with_a_map) {
  std::mt19937 random(5);
  DEFINE_XARRAY(array);
  std::map<unsigned long, void*> model;
  std::set<unsigned long> marked;
  for (int step = 0; step < 20000; ++step) {
    const unsigned long index = some_index(random);
    void* const entry = xa_mk_value(random() % 1000);
    const auto there = model.find(index);
    void* const was = there == model.end() ? nullptr : there->second;
    switch (random() % 6) {
      case 0:
      case 1:
        EXPECT_EQ(xa_store(&array, index, entry, GFP_KERNEL), was);
        model[index] = entry;
        break;
      case 2:
        EXPECT_EQ(xa_erase(&array, index), was);
        model.erase(index), marked.erase(index);
        break;
      case 3:
        EXPECT_EQ(xa_load(&array, index), was);
        xa_set_mark(&array, index, XA_MARK_1);
        if (was) marked.insert(index);
        break;
      case 4: {
        unsigned long at = index;
        void* const found = xa_find(&array, &at, ~0ul, XA_PRESENT);
        const auto next = model.lower_bound(index);
        EXPECT_EQ(found, next == model.end() ? nullptr : next->second);
        if (found) {
          EXPECT_EQ(at, next->first);
        }
        break;
      }
      default: {
        unsigned long at = index;
        void* const found = xa_find_after(&array, &at, ~0ul, XA_MARK_1);
        const auto next = marked.upper_bound(index);
        EXPECT_EQ(found != nullptr, next != marked.end());
        if (found) {
          EXPECT_EQ(at, *next);
        }
        EXPECT_EQ(xa_get_mark(&array, index, XA_MARK_1), marked.count(index) != 0);
      }
    }
  }
  unsigned long index;
  void* entry;
  auto next = model.begin();
  xa_for_each(&array, index, entry) {
    EXPECT_EQ(index, next->first);
    EXPECT_EQ(entry, (next++)->second);
  }
  EXPECT_EQ(next, model.end());
  EXPECT_EQ(xa_marked(&array, XA_MARK_1), !marked.empty());
  for (const auto& [at, was] : model) EXPECT_EQ(xa_erase(&array, at), was);
  EXPECT_TRUE(xa_empty(&array));
}

TEST(Xarray, an_index_that_is_reserved_reads_as_nothing_and_is_busy) {
  DEFINE_XARRAY(array);
  EXPECT_EQ(xa_reserve(&array, 7, GFP_KERNEL), 0);
  EXPECT_EQ(xa_load(&array, 7), nullptr);
  EXPECT_FALSE(xa_empty(&array));
  EXPECT_EQ(xa_insert(&array, 7, xa_mk_value(1), GFP_KERNEL), -16);
  unsigned long at = 0;
  EXPECT_EQ(xa_find(&array, &at, ~0ul, XA_PRESENT), nullptr);
  EXPECT_EQ(xa_store(&array, 7, xa_mk_value(2), GFP_NOWAIT), nullptr);
  xa_release(&array, 7);  // it holds an entry now: nothing happens
  EXPECT_EQ(xa_to_value(xa_load(&array, 7)), 2u);
  EXPECT_EQ(xa_erase(&array, 7), xa_mk_value(2));
  EXPECT_EQ(xa_reserve(&array, 9, GFP_KERNEL), 0);
  xa_release(&array, 9);
  EXPECT_TRUE(xa_empty(&array));
}
TEST(Xarray, compares_before_it_exchanges) {
  DEFINE_XARRAY(array);
  EXPECT_EQ(xa_cmpxchg(&array, 3, nullptr, xa_mk_value(1), GFP_KERNEL), nullptr);
  EXPECT_EQ(xa_cmpxchg(&array, 3, nullptr, xa_mk_value(2), GFP_KERNEL), xa_mk_value(1));
  EXPECT_EQ(xa_load(&array, 3), xa_mk_value(1));
  EXPECT_EQ(xa_cmpxchg(&array, 3, xa_mk_value(1), nullptr, GFP_KERNEL), xa_mk_value(1));
  EXPECT_TRUE(xa_empty(&array));
  EXPECT_EQ(xa_err(xa_store(&array, 0, reinterpret_cast<void*>(6), GFP_KERNEL)), -22);
}
TEST(Xarray, gives_the_lowest_free_index) {
  DEFINE_XARRAY_ALLOC1(array);
  u32 id;
  for (u32 i = 1; i <= 200; ++i) {
    ASSERT_EQ(xa_alloc(&array, &id, xa_mk_value(i), xa_limit_32b, GFP_KERNEL), 0);
    EXPECT_EQ(id, i);
  }
  xa_erase(&array, 65);
  xa_erase(&array, 130);
  EXPECT_EQ(xa_alloc(&array, &id, nullptr, XA_LIMIT(70, 200), GFP_KERNEL), 0);
  EXPECT_EQ(id, 130u);
  EXPECT_EQ(xa_load(&array, 130), nullptr);  // taken by nothing
  EXPECT_EQ(xa_alloc(&array, &id, xa_mk_value(0), XA_LIMIT(70, 200), GFP_KERNEL), -16);
  EXPECT_EQ(xa_alloc(&array, &id, xa_mk_value(0), xa_limit_32b, GFP_KERNEL), 0);
  EXPECT_EQ(id, 65u);
  xa_store(&array, 65, nullptr, GFP_KERNEL);  // an allocating array keeps the index
  EXPECT_EQ(xa_insert(&array, 65, xa_mk_value(0), GFP_KERNEL), -16);
  xa_destroy(&array);
}
TEST(Xarray, goes_round) {
  DEFINE_XARRAY_ALLOC(array);
  u32 id, next = 0;
  const struct xa_limit limit = XA_LIMIT(10, 12);
  for (u32 want : {10u, 11u, 12u}) {
    EXPECT_EQ(xa_alloc_cyclic(&array, &id, xa_mk_value(0), limit, &next, GFP_KERNEL), 0);
    EXPECT_EQ(id, want);
  }
  xa_erase(&array, 11);
  EXPECT_EQ(xa_alloc_cyclic(&array, &id, xa_mk_value(0), limit, &next, GFP_KERNEL), 1);
  EXPECT_EQ(id, 11u);
  EXPECT_EQ(xa_alloc_cyclic(&array, &id, xa_mk_value(0), limit, &next, GFP_KERNEL), -16);
  xa_destroy(&array);
}
TEST(Xarray, extracts_and_stores_ranges) {
  DEFINE_XARRAY(array);
  EXPECT_EQ(xa_store_range(&array, 60, 70, xa_mk_value(1), GFP_KERNEL), nullptr);
  void* got[5];
  EXPECT_EQ(xa_extract(&array, got, 66, ~0ul, 5, XA_PRESENT), 5u);
  EXPECT_EQ(xa_extract(&array, got, 68, 69, 5, XA_PRESENT), 2u);
  EXPECT_EQ(xa_err(xa_store_range(&array, 5, 4, xa_mk_value(1), GFP_KERNEL)), -22);
  xa_destroy(&array);
  EXPECT_TRUE(xa_empty(&array));
}
TEST(Xarray, without_memory_nothing_is_lost) {
  DEFINE_XARRAY(array);
  xa_store(&array, 1, xa_mk_value(1), GFP_KERNEL);
  ASSERT_EQ(kmem_fault_set("failslab=1,100,0,-1,cache=xarray_node"), 0);
  EXPECT_EQ(xa_err(xa_store(&array, 1ul << 40, xa_mk_value(2), GFP_KERNEL | __GFP_NOWARN)), -12);
  kmem_fault_reset();
  EXPECT_EQ(xa_load(&array, 1), xa_mk_value(1));
  EXPECT_EQ(xa_load(&array, 1ul << 40), nullptr);
  EXPECT_EQ(xa_store(&array, 1ul << 40, xa_mk_value(2), GFP_KERNEL), nullptr);
  xa_destroy(&array);
}
TEST(Xarray, ReadersMeetWholeEntriesThreads) {
  DEFINE_XARRAY(array);
  std::atomic<bool> done{false};
  std::thread reader([&] {
    while (!done)
      for (unsigned long i = 0; i < 300; i += 7) {
        void* const entry = xa_load(&array, i);
        if (entry) {
          EXPECT_EQ(xa_to_value(entry), i);
        }
      }
  });
  for (int round = 0; round < 200; ++round) {
    for (unsigned long i = 0; i < 300; i += 7) xa_store(&array, i, xa_mk_value(i), GFP_KERNEL);
    for (unsigned long i = 0; i < 300; i += 7) xa_erase(&array, i);
  }
  done = true;
  reader.join();
  EXPECT_TRUE(xa_empty(&array));
}

TEST(Idr, numbers_lead_to_pointers_and_null_is_one) {
  DEFINE_IDR(idr);
  int a, b;
  EXPECT_EQ(idr_alloc(&idr, &a, 0, 0, GFP_KERNEL), 0);
  EXPECT_EQ(idr_alloc(&idr, nullptr, 0, 0, GFP_KERNEL), 1);
  EXPECT_EQ(idr_alloc(&idr, &b, 5, 6, GFP_KERNEL), 5);
  EXPECT_EQ(idr_alloc(&idr, &b, 5, 6, GFP_KERNEL), -28);
  EXPECT_EQ(idr_find(&idr, 5), &b);
  EXPECT_EQ(idr_find(&idr, 1), nullptr);
  EXPECT_EQ(idr_replace(&idr, &a, 1), nullptr);
  EXPECT_EQ(idr_replace(&idr, &a, 2), ERR_PTR(-2));
  int id = 2;
  EXPECT_EQ(idr_get_next(&idr, &id), &b);
  EXPECT_EQ(id, 5);
  int sum = 0;
  idr_for_each(
      &idr, [](int at, void*, void* total) { return *static_cast<int*>(total) += at, 0; }, &sum);
  EXPECT_EQ(sum, 6);
  EXPECT_EQ(idr_remove(&idr, 0), &a);
  EXPECT_EQ(idr_remove(&idr, 0), nullptr);
  EXPECT_EQ(idr_alloc(&idr, &b, 0, 0, GFP_ATOMIC), 0);
  idr_destroy(&idr);
  EXPECT_TRUE(idr_is_empty(&idr));
}
TEST(Idr, cyclic_numbers_are_not_reused_at_once) {
  DEFINE_IDR(idr);
  int a;
  EXPECT_EQ(idr_alloc_cyclic(&idr, &a, 1, 4, GFP_KERNEL), 1);
  idr_remove(&idr, 1);
  EXPECT_EQ(idr_alloc_cyclic(&idr, &a, 1, 4, GFP_KERNEL), 2);
  EXPECT_EQ(idr_alloc_cyclic(&idr, &a, 1, 4, GFP_KERNEL), 3);
  EXPECT_EQ(idr_alloc_cyclic(&idr, &a, 1, 4, GFP_KERNEL), 1);
  EXPECT_EQ(idr_alloc_cyclic(&idr, &a, 1, 4, GFP_KERNEL), -28);
  idr_destroy(&idr);
}
TEST(Idr, an_interrupt_state_is_left_as_it_was) {
  DEFINE_IDR(idr);
  int a;
  local_irq_disable();
  EXPECT_EQ(idr_alloc(&idr, &a, 0, 0, GFP_ATOMIC), 0);
  EXPECT_TRUE(irqs_disabled());
  EXPECT_EQ(idr_remove(&idr, 0), &a);
  EXPECT_TRUE(irqs_disabled());
  local_irq_enable();
  idr_destroy(&idr);
}
TEST(Ida, numbers_come_back) {
  DEFINE_IDA(ida);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(ida_alloc(&ida, GFP_KERNEL), i);
  ida_free(&ida, 40);
  EXPECT_EQ(ida_alloc_min(&ida, 50, GFP_KERNEL), 100);
  EXPECT_EQ(ida_alloc(&ida, GFP_KERNEL), 40);
  EXPECT_EQ(ida_alloc_max(&ida, 99, GFP_KERNEL), -28);
  EXPECT_EQ(ida_simple_get(&ida, 0x80000000, 0, GFP_KERNEL), -28);
  ida_destroy(&ida);
  EXPECT_TRUE(ida_is_empty(&ida));
}
TEST(Ida, a_free_of_what_is_free_is_reported) {
  const std::string said = report_of([] {
    DEFINE_IDA(ida);
    ida_free(&ida, 3);
    EXPECT_TRUE(ida_is_empty(&ida));
  });
  EXPECT_NE(said.find("ida_free called for id=3 which is not allocated."), std::string::npos) << said;
}

TEST(RadixTree, items_have_tags) {
  RADIX_TREE(tree, GFP_ATOMIC);
  int item[3];
  EXPECT_EQ(radix_tree_insert(&tree, 5, &item[0]), 0);
  EXPECT_EQ(radix_tree_insert(&tree, 5, &item[1]), -17);
  EXPECT_EQ(radix_tree_insert(&tree, 500, &item[1]), 0);
  EXPECT_EQ(radix_tree_insert(&tree, 500000, &item[2]), 0);
  EXPECT_EQ(radix_tree_tag_set(&tree, 500, 2), &item[1]);
  EXPECT_TRUE(radix_tree_tag_get(&tree, 500, 2));
  EXPECT_TRUE(radix_tree_tagged(&tree, 2));
  void* found[3];
  EXPECT_EQ(radix_tree_gang_lookup(&tree, found, 6, 3), 2u);
  EXPECT_EQ(radix_tree_gang_lookup_tag(&tree, found, 0, 3, 2), 1u);
  EXPECT_EQ(found[0], &item[1]);
  EXPECT_EQ(radix_tree_delete_item(&tree, 500, &item[0]), nullptr);
  EXPECT_EQ(radix_tree_delete(&tree, 500), &item[1]);
  EXPECT_FALSE(radix_tree_tagged(&tree, 2));
  EXPECT_EQ(radix_tree_delete(&tree, 5), &item[0]);
  EXPECT_EQ(radix_tree_delete(&tree, 500000), &item[2]);
  EXPECT_TRUE(radix_tree_empty(&tree));
}

}  // namespace
