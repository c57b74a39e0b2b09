// Memory without addresses: given out to its last page, seen by kmap() and its relatives, preferred by vmalloc().

#include <gtest/gtest.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include <thread>
#include <vector>

#include "kernel.h"

namespace {

bool is_high(const struct page* page) { return page_to_phys(page) >= bare::firmware.low_end; }
struct page* high_page(gfp_t more = 0) {
  return alloc_page(GFP_HIGHUSER | more);
}

void write_at(struct page* page, unsigned long value) {
  auto* at = static_cast<unsigned long*>(kmap_local_page(page));
  at[0] = value;
  at[PAGE_SIZE / sizeof value - 1] = ~value;
  kunmap_local(at);
}
bool reads_at(struct page* page, unsigned long value) {
  auto* at = static_cast<unsigned long*>(kmap_local_page(page));
  const bool same = at[0] == value && at[PAGE_SIZE / sizeof value - 1] == ~value;
  kunmap_local(at);
  return same;
}

/// Blocks, chained by their first page's word for the owner.  Ordinary memory too: it is taken before the last of high memory.
struct Blocks {
  struct page* last = nullptr;
  unsigned long nr_pages = 0, nr_high = 0, wrong = 0;

  void take_all(unsigned order) {
    while (struct page* page = alloc_pages(GFP_HIGHUSER | __GFP_MEMALLOC | __GFP_NOWARN | __GFP_NORETRY, order)) {
      if (!bare::firmware.ram.contains(page_to_phys(page)) || !page_address(page) != is_high(page)) ++wrong;
      for (const unsigned long at : {0ul, (1ul << order) - 1}) write_at(page + at, page_to_pfn(page + at));
      set_page_private(page, reinterpret_cast<unsigned long>(last));
      page->index = order;
      last = page;
      nr_pages += 1ul << order;
      if (is_high(page)) nr_high += 1ul << order;
    }
  }
  void give_back() {
    while (struct page* page = last) {
      const auto order = static_cast<unsigned>(page->index);
      for (const unsigned long at : {0ul, (1ul << order) - 1})
        if (!reads_at(page + at, page_to_pfn(page + at))) ++wrong;
      last = reinterpret_cast<struct page*>(page_private(page));
      __free_pages(page, order);
    }
  }
};

}  // namespace

class HighMemory : public testing::Test {
 protected:
  bool there_is() const { return totalhigh_pages() != 0; }
};

TEST_F(HighMemory, is_given_out_to_its_last_page_and_comes_back) {
  if (!there_is()) GTEST_SKIP() << "all memory has addresses";
  unsigned long first = 0;
  for (int round = 0; round < 2; ++round) {
    Blocks blocks;
    for (unsigned order = MAX_ORDER + 1; order-- > 0;) blocks.take_all(order);
    EXPECT_EQ(nr_free_highpages(), 0u);
    if (!round) first = blocks.nr_high;
    EXPECT_EQ(blocks.nr_high, first) << "what came back is there again";
    blocks.give_back();
    EXPECT_EQ(blocks.wrong, 0u) << "two had the same page, or it is no memory, or it has an address";
  }
  EXPECT_GT(first + first / 16, totalhigh_pages());
}

TEST_F(HighMemory, has_an_address_while_it_is_mapped) {
  if (!there_is()) GTEST_SKIP() << "all memory has addresses";
  struct page* page = high_page();
  ASSERT_TRUE(page && is_high(page));
  EXPECT_EQ(page_address(page), nullptr);
  void* at = kmap(page);
  EXPECT_EQ(kmap(page), at);
  EXPECT_EQ(page_address(page), at);
  EXPECT_EQ(kmap_to_page(at), page);
  void* local = kmap_local_page(page);
  static_cast<char*>(local)[17] = 42;
  EXPECT_EQ(static_cast<char*>(at)[17], 42);
  kunmap_local(local);
  kunmap(page);
  EXPECT_EQ(page_address(page), at);
  kunmap(page);
  EXPECT_EQ(page_address(page), nullptr);
  __free_page(page);
}

TEST_F(HighMemory, comes_cleared_where_that_is_asked) {
  if (!there_is()) GTEST_SKIP() << "all memory has addresses";
  for (int round = 0; round < 100; ++round) {
    struct page* page = high_page(__GFP_ZERO);
    ASSERT_TRUE(page && is_high(page));
    auto* at = static_cast<char*>(kmap_atomic(page));
    ASSERT_EQ(at[0] | at[PAGE_SIZE - 1], 0);
    at[0] = at[PAGE_SIZE - 1] = 1;
    kunmap_atomic(at);
    __free_page(page);
  }
}

/// More pages than there are places, by tasks on all CPUs and by the timer's interrupts.
TEST_F(HighMemory, is_never_mistaken_for_another_page) {
  if (!there_is()) GTEST_SKIP() << "all memory has addresses";
  constexpr unsigned kPages = 1500, kTasks = 4;
  static struct page* pages[kPages];
  static unsigned long wrong, by_ticks;
  wrong = by_ticks = 0;
  for (auto& page : pages) {
    page = high_page();
    ASSERT_NE(page, nullptr);
    write_at(page, page_to_pfn(page));
  }
  const auto look = [](unsigned at) {
    struct page* page = pages[at % kPages];
    if (!reads_at(page, page_to_pfn(page))) __atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
  };
  static unsigned turn;
  static void (*const look_at)(unsigned) = look;
  bare::on_tick = [] {
    for (unsigned i = 0; i < 2; ++i) look_at(turn += 7);
    ++by_ticks;
  };
  std::vector<std::thread> tasks;
  for (unsigned task = 0; task < kTasks; ++task)
    tasks.emplace_back([task, look] {
      for (unsigned i = 0; i < kPages; ++i) look(task * 251 + i * 13);
    });
  for (std::thread& task : tasks) task.join();
  bare::on_tick = nullptr;
  EXPECT_EQ(wrong, 0u);
  EXPECT_GT(by_ticks, 0u);
  for (struct page* page : pages) __free_page(page);
}

TEST_F(HighMemory, is_what_vmalloc_takes_first) {
  if (!there_is()) GTEST_SKIP() << "all memory has addresses";
  constexpr size_t kPages = 600;
  auto* p = static_cast<char*>(vzalloc(kPages * PAGE_SIZE));
  ASSERT_NE(p, nullptr);
  size_t high = 0;
  for (size_t i = 0; i < kPages; ++i) {
    struct page* page = vmalloc_to_page(p + i * PAGE_SIZE);
    ASSERT_EQ(p[i * PAGE_SIZE], 0);
    high += is_high(page);
    p[i * PAGE_SIZE + 1] = static_cast<char>(i);
    auto* at = static_cast<char*>(kmap_local_page(page));
    EXPECT_EQ(at[1], static_cast<char>(i)) << "seen at both addresses";
    kunmap_local(at);
  }
  EXPECT_EQ(high, kPages);
  vfree(p);
}
