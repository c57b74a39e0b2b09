// Pages by order, by address and by descriptor.

#include <linux/highmem.h>
#include <linux/mm.h>

#include <cstring>
#include <set>
#include <vector>

#include "dma_limit.h"
#include "unit/kernel_face/log.h"

namespace {

using kmem::test::log_of;
using kmem::test::mentions;

TEST(GetOrder, it_is_the_logarithm_of_the_pages_that_are_needed) {
  const struct {
    unsigned long size;
    int order;
  } cases[] = {{1, 0},    {4095, 0},    {4096, 0},          {4097, 1},     {8192, 1},
               {8193, 2}, {1 << 20, 8}, {(1 << 20) + 1, 9}, {4 << 20, 10}, {(4 << 20) + 1, 11}};
  for (const auto& c : cases) EXPECT_EQ(get_order(c.size), c.order) << c.size;
  EXPECT_EQ(get_order(0), static_cast<int>(8 * sizeof(long) - PAGE_SHIFT));
  EXPECT_EQ(get_order(~0UL), static_cast<int>(8 * sizeof(long) - PAGE_SHIFT));
}

TEST(Pages, every_order_gives_an_aligned_block_that_can_be_written) {
  for (unsigned order = 0; order <= MAX_ORDER; ++order) {
    struct page* page = alloc_pages(GFP_KERNEL, order);
    ASSERT_TRUE(page) << order;
    EXPECT_EQ(page_to_pfn(page) % (1UL << order), 0u) << order;
    EXPECT_EQ(page_count(page), 1);
    memset(page_address(page), static_cast<int>(order), PAGE_SIZE << order);
    __free_pages(page, order);
    EXPECT_EQ(page_count(page), 0);
  }
}

TEST(Pages, an_order_that_is_too_large_gives_nothing) {
  EXPECT_EQ(alloc_pages(GFP_KERNEL | __GFP_NOWARN, MAX_ORDER + 1), nullptr);
  EXPECT_EQ(alloc_pages(GFP_KERNEL | __GFP_NOWARN, ~0u), nullptr);
  EXPECT_EQ(__get_free_pages(GFP_KERNEL | __GFP_NOWARN, MAX_ORDER + 1), 0u);
}

TEST(Pages, no_page_is_given_out_twice) {
  std::set<unsigned long> seen;
  for (int i = 0; i < 3000; ++i) {
    const unsigned long address = __get_free_page(GFP_KERNEL);
    ASSERT_NE(address, 0u);
    ASSERT_EQ(offset_in_page(address), 0u);
    ASSERT_TRUE(seen.insert(address).second);
  }
  for (const unsigned long address : seen) free_page(address);
}

TEST(Pages, zeroed_pages_are_zero_however_they_were_used) {
  for (int round = 0; round < 200; ++round) {
    const unsigned long address = get_zeroed_page(GFP_KERNEL);
    auto* bytes = reinterpret_cast<unsigned char*>(address);
    for (size_t i = 0; i < PAGE_SIZE; ++i) ASSERT_EQ(bytes[i], 0);
    memset(bytes, 0xff, PAGE_SIZE);
    free_page(address);
  }
}

TEST(Pages, zeroed_blocks_are_zero) {
  for (int round = 0; round < 3; ++round) {
    const unsigned long address = __get_free_pages(GFP_KERNEL | __GFP_ZERO, 4);
    auto* bytes = reinterpret_cast<unsigned char*>(address);
    for (size_t i = 0; i < PAGE_SIZE << 4; ++i) ASSERT_EQ(bytes[i], 0);
    memset(bytes, 0xff, PAGE_SIZE << 4);
    free_pages(address, 4);
  }
}

TEST(Pages, descriptors_frames_and_addresses_lead_to_each_other) {
  struct page* page = alloc_pages(GFP_KERNEL, 2);
  for (unsigned i = 0; i < 4; ++i) {
    struct page* one = page + i;
    EXPECT_EQ(pfn_to_page(page_to_pfn(one)), one);
    EXPECT_EQ(page_to_pfn(one), page_to_pfn(page) + i);
    EXPECT_EQ(page_address(one), static_cast<char*>(page_address(page)) + i * PAGE_SIZE);
    EXPECT_EQ(virt_to_page(page_address(one)), one);
    EXPECT_EQ(virt_to_page(static_cast<char*>(page_address(one)) + 4095), one);
    EXPECT_EQ(page_to_phys(one), virt_to_phys(page_address(one)));
    EXPECT_TRUE(pfn_valid(page_to_pfn(one)));
    EXPECT_TRUE(virt_addr_valid(page_address(one)));
  }
  __free_pages(page, 2);
  int local;
  EXPECT_FALSE(virt_addr_valid(&local));
  EXPECT_EQ(virt_to_page(&local), nullptr);
  EXPECT_FALSE(pfn_valid(~0UL >> PAGE_SHIFT));
}

TEST(Pages, zones_are_where_their_names_say) {
  struct page* dma = alloc_pages(GFP_KERNEL | GFP_DMA, 3);
  ASSERT_TRUE(dma);
  EXPECT_LE(page_to_phys(dma) + (PAGE_SIZE << 3), kmem::test::dma_end());
  EXPECT_EQ(page_zonenum(dma), ZONE_DMA);
  __free_pages(dma, 3);
  struct page* dma32 = alloc_page(GFP_KERNEL | GFP_DMA32);
  ASSERT_TRUE(dma32);
  EXPECT_LT(page_to_phys(dma32), uint64_t{4} << 30);
  __free_page(dma32);
  struct page* high = alloc_page(GFP_HIGHUSER);
  ASSERT_TRUE(high);
  void* at = kmap(high);
  ASSERT_TRUE(at);
  memset(at, 1, PAGE_SIZE);
  kunmap(high);
  __free_page(high);
}

TEST(Pages, the_dma_zone_can_be_used_up_and_comes_back) {
  std::vector<struct page*> all;
  while (struct page* page = alloc_pages(GFP_DMA | __GFP_NOWARN | __GFP_NORETRY, 5)) {
    ASSERT_LT(page_to_phys(page), kmem::test::dma_end());
    all.push_back(page);
    ASSERT_LE(all.size(), kmem::test::dma_end() / (PAGE_SIZE << 5)) << "the zone holds no more blocks of 128 KiB";
  }
  EXPECT_GE(all.size(), 48u) << "16 MiB less what was there before: a bare kernel's image takes up to 9";
  for (struct page* page : all) __free_pages(page, 5);
  struct page* page = alloc_pages(GFP_DMA, 5);
  EXPECT_TRUE(page);
  __free_pages(page, 5);
}

TEST(Pages, a_node_that_is_named_serves) {
  struct page* page = alloc_pages_node(0, GFP_KERNEL | __GFP_THISNODE, 1);
  ASSERT_TRUE(page);
  EXPECT_EQ(page_to_nid(page), 0);
  __free_pages(page, 1);
}

TEST(Exact, only_the_pages_that_are_needed_stay_allocated) {
  void* p = alloc_pages_exact(5 * PAGE_SIZE + 1, GFP_KERNEL | __GFP_ZERO);
  ASSERT_TRUE(p);
  for (unsigned i = 0; i < 6; ++i) EXPECT_EQ(page_count(virt_to_page(p) + i), 1) << i;
  for (unsigned i = 6; i < 8; ++i) EXPECT_EQ(page_count(virt_to_page(p) + i), 0) << i;
  memset(p, 1, 6 * PAGE_SIZE);
  EXPECT_EQ(log_of([&] { free_pages_exact(p, 5 * PAGE_SIZE + 1); }), "");
  for (unsigned i = 0; i < 8; ++i) EXPECT_EQ(page_count(virt_to_page(p) + i), 0) << i;
  EXPECT_EQ(alloc_pages_exact(0, GFP_KERNEL | __GFP_NOWARN), nullptr);
  EXPECT_EQ(alloc_pages_exact((PAGE_SIZE << MAX_ORDER) + 1, GFP_KERNEL | __GFP_NOWARN), nullptr);
}

TEST(Bulk, it_fills_what_is_empty_and_leaves_what_is_there) {
  struct page* pages[50] = {};
  struct page* mine = alloc_page(GFP_KERNEL);
  pages[7] = mine;
  EXPECT_EQ(alloc_pages_bulk(GFP_KERNEL, 50, pages), 50u);
  EXPECT_EQ(pages[7], mine);
  EXPECT_EQ(std::set<struct page*>(pages, pages + 50).size(), 50u);
  for (struct page* page : pages) __free_page(page);
}

TEST(Split, the_pages_of_a_split_block_are_freed_one_by_one) {
  struct page* page = alloc_pages(GFP_KERNEL, 3);
  split_page(page, 3);
  EXPECT_EQ(log_of([&] {
              for (unsigned i = 0; i < 8; ++i) __free_page(page + i);
            }),
            "");
}

TEST(Split, a_wrong_order_is_reported_and_changes_nothing) {
  struct page* page = alloc_pages(GFP_KERNEL, 3);
  EXPECT_TRUE(mentions(log_of([&] { split_page(page, 2); }), "BUG"));
  EXPECT_EQ(log_of([&] { __free_pages(page, 3); }), "");
}

TEST(Sharing, the_last_holder_frees) {
  struct page* page = alloc_pages(GFP_KERNEL, 1);
  get_page(page);
  get_page(page);
  EXPECT_EQ(page_count(page), 3);
  put_page(page);
  put_page(page);
  EXPECT_EQ(page_count(page), 1);
  put_page(page);
  EXPECT_EQ(page_count(page), 0);
}

TEST(Sharing, free_pages_of_a_shared_block_leaves_it_to_the_other_holder) {
  struct page* page = alloc_page(GFP_KERNEL);
  get_page(page);
  EXPECT_EQ(log_of([&] { __free_page(page); }), "");
  EXPECT_EQ(page_count(page), 1);
  put_page(page);
  EXPECT_EQ(page_count(page), 0);
}

TEST(HotAndCold, a_page_freed_cold_is_not_the_next_one_and_one_freed_hot_is) {
  struct page* hot = alloc_page(GFP_KERNEL);
  struct page* cold = alloc_page(GFP_KERNEL);
  free_hot_page(hot);
  free_cold_page(cold);
  struct page* next = alloc_page(GFP_KERNEL);
  EXPECT_EQ(next, hot) << "though the other was freed later";
  __free_page(next);
}

TEST(HotAndCold, who_asks_for_a_cold_page_gets_it_though_a_hot_one_was_freed_later) {
  struct page* hot = alloc_page(GFP_KERNEL);
  struct page* cold = alloc_page(GFP_KERNEL);
  free_cold_page(cold);
  free_hot_page(hot);
  struct page* next = alloc_page(GFP_KERNEL | __GFP_COLD);
  EXPECT_EQ(next, cold);
  __free_page(next);
}

TEST(HotAndCold, the_hot_page_comes_back_first_and_the_cold_one_when_asked_for) {
  struct page* hot = alloc_page(GFP_KERNEL);
  struct page* cold = alloc_page(GFP_KERNEL);
  free_cold_page(cold);
  free_hot_page(hot);
  struct page* next = alloc_page(GFP_KERNEL);
  EXPECT_EQ(next, hot);
  struct page* colder = alloc_page(GFP_KERNEL | __GFP_COLD);
  EXPECT_EQ(colder, cold);
  __free_page(next);
  __free_page(colder);
}

TEST(BadInput, a_wrong_order_is_reported_and_the_block_stays) {
  const unsigned long address = __get_free_pages(GFP_KERNEL, 2);
  memset(reinterpret_cast<void*>(address), 5, PAGE_SIZE << 2);
  EXPECT_TRUE(mentions(log_of([&] { free_pages(address, 1); }), "BUG"));
  EXPECT_TRUE(mentions(log_of([&] { free_pages(address, 3); }), "BUG"));
  EXPECT_EQ(page_count(virt_to_page(address)), 1);
  EXPECT_EQ(log_of([&] { free_pages(address, 2); }), "");
}

TEST(BadInput, a_second_free_is_reported_and_the_page_given_out_once) {
  struct page* page = alloc_page(GFP_KERNEL);
  __free_page(page);
  EXPECT_TRUE(mentions(log_of([&] { __free_page(page); }), "BUG"));
  EXPECT_TRUE(mentions(log_of([&] { put_page(page); }), "BUG"));
  struct page* a = alloc_page(GFP_KERNEL);
  struct page* b = alloc_page(GFP_KERNEL);
  EXPECT_NE(a, b);
  __free_page(a);
  __free_page(b);
}

TEST(BadInput, an_address_that_was_never_given_out_is_reported) {
  static char mine[PAGE_SIZE] __attribute__((aligned(4096)));
  EXPECT_TRUE(mentions(log_of([] { free_page(reinterpret_cast<unsigned long>(mine)); }), "BUG"));
  const unsigned long address = __get_free_pages(GFP_KERNEL, 1);
  EXPECT_TRUE(mentions(log_of([&] { free_page(address + 64); }), "BUG"));
  EXPECT_TRUE(mentions(log_of([&] { free_page(address + PAGE_SIZE); }), "BUG"));
  EXPECT_EQ(log_of([&] { free_pages(address, 1); }), "");
  EXPECT_EQ(log_of([] { free_pages(0, 0); }), "");
}

TEST(BadInput, a_page_of_an_object_cache_is_not_freed_as_a_page) {
  const unsigned long address = __get_free_page(GFP_KERNEL);
  free_page(address);
  EXPECT_TRUE(mentions(log_of([&] { get_page(virt_to_page(address)); }), "BUG"));
}

}  // namespace
