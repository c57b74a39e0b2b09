// What happens when there is no memory, and what is said of it.

#include <linux/bug.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/printk.h>
#include <linux/slab.h>

#include <vector>

#include "unit/kernel_face/log.h"

namespace {

using kmem::test::log_of;
using kmem::test::mentions;

/// All of the DMA zone, so that the next allocation from it fails.
class NoDmaMemory : public testing::Test {
 protected:
  void SetUp() override {
    for (int order = MAX_ORDER; order >= 0; --order)
      while (struct page* page = alloc_pages(GFP_DMA | __GFP_NOWARN | __GFP_MEMALLOC, static_cast<unsigned>(order)))
        taken_.push_back({page, static_cast<unsigned>(order)});
  }
  void TearDown() override {
    for (auto& [page, order] : taken_) __free_pages(page, order);
    EXPECT_TRUE(page_address(taken_.front().first));
  }
  std::vector<std::pair<struct page*, unsigned>> taken_;
};

TEST_F(NoDmaMemory, the_report_names_order_flags_zones_and_callers) {
  const std::string log = log_of([] { EXPECT_EQ(alloc_pages(GFP_ATOMIC | GFP_DMA, 3), nullptr); });
  EXPECT_TRUE(mentions(log, "allocation failure")) << log;
  EXPECT_TRUE(mentions(log, "order:3")) << log;
  EXPECT_TRUE(mentions(log, "GFP_ATOMIC|GFP_DMA")) << log;
  EXPECT_TRUE(mentions(log, "Call Trace")) << log;
  EXPECT_TRUE(mentions(log, "Node 0 DMA free:")) << log;
  EXPECT_TRUE(mentions(log, "Node 0 Normal free:")) << log;
}

TEST_F(NoDmaMemory, the_quiet_flags_are_quiet) {
  EXPECT_EQ(log_of([] { EXPECT_EQ(alloc_page(GFP_KERNEL | GFP_DMA | __GFP_NOWARN), nullptr); }), "");
  EXPECT_EQ(log_of([] { EXPECT_EQ(alloc_page(GFP_NOWAIT | GFP_DMA), nullptr); }), "");
}

TEST_F(NoDmaMemory, reports_are_rate_limited) {
  const std::string log = log_of([] {
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(alloc_page(GFP_ATOMIC | GFP_DMA), nullptr);
  });
  EXPECT_LT(log.size(), 40000u);
}

TEST_F(NoDmaMemory, every_way_to_ask_answers_NULL) {
  const gfp_t flags = GFP_ATOMIC | GFP_DMA | __GFP_NOWARN;
  EXPECT_EQ(kmalloc(3000000, flags), nullptr);
  EXPECT_EQ(kzalloc(100000, flags), nullptr);
  EXPECT_EQ(__get_free_page(flags), 0u);
  EXPECT_EQ(get_zeroed_page(flags), 0u);
  EXPECT_EQ(alloc_pages_exact(20000, flags), nullptr);
  struct page* pages[4] = {};
  EXPECT_EQ(alloc_pages_bulk(flags, 4, pages), 0u);
  kmem_cache_t* cache = kmem_cache_create("dma_none", 4000, 0, SLAB_CACHE_DMA | SLAB_NO_MERGE, NULL);
  ASSERT_TRUE(cache);
  EXPECT_EQ(kmem_cache_alloc(cache, GFP_ATOMIC | __GFP_NOWARN), nullptr);
  void* objects[10];
  EXPECT_EQ(kmem_cache_alloc_bulk(cache, GFP_ATOMIC | __GFP_NOWARN, 10, objects), 0);
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(NoDmaMemory, other_zones_still_serve) {
  struct page* page = alloc_page(GFP_KERNEL);
  EXPECT_TRUE(page);
  __free_page(page);
  void* p = kmalloc(100000, GFP_KERNEL);
  EXPECT_TRUE(p);
  kfree(p);
}

TEST(Reserve, atomic_goes_below_the_mark_at_which_nowait_stops) {
  std::vector<struct page*> all;
  while (struct page* page = alloc_page(GFP_NOWAIT | GFP_DMA)) all.push_back(page);
  const size_t without = all.size();
  while (struct page* page = alloc_page(GFP_ATOMIC | GFP_DMA | __GFP_NOWARN)) all.push_back(page);
  const size_t with_reserve = all.size();
  EXPECT_GT(with_reserve, without);
  while (struct page* page = alloc_page(GFP_ATOMIC | GFP_DMA | __GFP_NOWARN | __GFP_NOMEMALLOC)) all.push_back(page);
  while (struct page* page = alloc_page(GFP_DMA | __GFP_NOWARN | __GFP_MEMALLOC)) all.push_back(page);
  EXPECT_GT(all.size(), with_reserve) << "PF_MEMALLOC-like callers get the rest";
  for (struct page* page : all) __free_page(page);
}

TEST(FailureDeathTest, SLAB_PANIC_does_not_come_back) {
  EXPECT_DEATH(kmem_cache_create("hopeless", 1u << 30, 0, SLAB_PANIC, NULL), "hopeless");
}

TEST(FailureDeathTest, BUG_does_not_come_back) { EXPECT_DEATH(BUG_ON(true), "failure_test"); }

TEST(Printk, the_level_is_not_printed_and_the_line_is) {
  EXPECT_EQ(log_of([] { printk(KERN_INFO "eth%d: %s\n", 0, "up"); }), "eth0: up\n");
  EXPECT_EQ(log_of([] {
              printk("a");
              printk(KERN_CONT "b\n");
              pr_err("c %5.2s|\n", "xyz");
            }),
            "ab\nc    xy|\n");
}

TEST(Warn, it_says_where_and_why_and_answers_the_condition) {
  const std::string log = log_of([] {
    EXPECT_FALSE(WARN_ON(1 > 2));
    EXPECT_TRUE(WARN(2 > 1, "two is %d", 2));
  });
  EXPECT_TRUE(mentions(log, "failure_test.cc")) << log;
  EXPECT_TRUE(mentions(log, "two is 2")) << log;
  EXPECT_TRUE(mentions(log, "WARNING")) << log;
}

TEST(Warn, once_means_once) {
  const std::string log = log_of([] {
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(WARN_ON_ONCE(i >= 0));
  });
  EXPECT_EQ(log.find("WARNING"), log.rfind("WARNING"));
}

TEST(Err, the_last_4095_addresses_are_errors) {
  EXPECT_TRUE(IS_ERR(ERR_PTR(-ENOMEM)));
  EXPECT_EQ(PTR_ERR(ERR_PTR(-ENOMEM)), -ENOMEM);
  EXPECT_TRUE(IS_ERR(ERR_PTR(-4095)));
  EXPECT_FALSE(IS_ERR(ERR_PTR(-4096)));
  int i;
  EXPECT_FALSE(IS_ERR(&i));
  EXPECT_TRUE(IS_ERR_OR_NULL(nullptr));
  EXPECT_EQ(PTR_ERR_OR_ZERO(&i), 0);
}

TEST(Overflow, sizes_stick_at_their_maximum) {
  struct List {
    int n;
    long items[];
  }* list = nullptr;
  EXPECT_EQ(struct_size(list, items, 3), sizeof(*list) + 24);
  EXPECT_EQ(struct_size(list, items, SIZE_MAX / 4), SIZE_MAX);
  EXPECT_EQ(array_size(SIZE_MAX / 2, 3), SIZE_MAX);
  EXPECT_EQ(array3_size(2, 3, 4), 24u);
  EXPECT_EQ(size_sub(3, 4), SIZE_MAX);
  int sum;
  EXPECT_TRUE(check_add_overflow(0x7fffffff, 1, &sum));
}

}  // namespace
