#include "boot/bootmem.h"

#include <gtest/gtest.h>

#include "boot/free_walk.h"

namespace kmem {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

/// 64 MiB from address 0, of which the upper half counts as high memory.
//
//   0          16          32                      64 MiB
//   |== DMA ===|= normal ==|======== high =========|
class BootmemTest : public testing::Test {
 protected:
  BootmemTest() { EXPECT_TRUE(memblock_.add({0}, 64 * kMiB, 0)); }
  ~BootmemTest() override { EXPECT_FALSE(memblock_.check()); }

  MemRegion memory_table_[4], reserved_table_[16];
  Memblock memblock_{memory_table_, reserved_table_};
  Bootmem bootmem_{memblock_, {32 * kMiB}};
};

TEST_F(BootmemTest, a_plain_block_begins_at_a_cache_line_and_has_the_size_asked_for) {
  const auto block = bootmem_.alloc(100);
  ASSERT_TRUE(block);
  EXPECT_EQ(block->value % kCacheLine, 0u);
  EXPECT_EQ(memblock_.reserved_bytes(), 100u);
}

TEST_F(BootmemTest, two_small_blocks_share_a_page) {
  const auto a = bootmem_.alloc(100), b = bootmem_.alloc(100);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->value / kPageSize, b->value / kPageSize);
  EXPECT_NE(a->value, b->value);
}

TEST_F(BootmemTest, the_pages_forms_give_whole_pages_at_page_borders) {
  (void)bootmem_.alloc(100);
  for (const auto block : {bootmem_.alloc_pages(100), bootmem_.alloc_low_pages(kPageSize + 1)}) {
    ASSERT_TRUE(block);
    EXPECT_EQ(block->value % kPageSize, 0u);
  }
  EXPECT_EQ(memblock_.reserved_bytes(), 100 + 3 * kPageSize);
}

TEST_F(BootmemTest, the_low_forms_never_give_high_memory) {
  memblock_.set_bottom_up(false);
  EXPECT_GE(bootmem_.alloc(100)->value, 32 * kMiB) << "the others may";
  EXPECT_GE(bootmem_.alloc_pages(100)->value, 32 * kMiB);
  EXPECT_LT(bootmem_.alloc_low(100)->value, 32 * kMiB);
  EXPECT_LT(bootmem_.alloc_low_pages(100)->value, 32 * kMiB);
  EXPECT_FALSE(bootmem_.alloc_low(33 * kMiB)) << "rather nothing";
  EXPECT_FALSE(bootmem_.alloc_low_pages(32 * kMiB)) << "the page at address 0 is never given";
}

TEST_F(BootmemTest, the_dma_zone_is_taken_last) {
  memblock_.set_bottom_up(true);
  EXPECT_GE(bootmem_.alloc_pages(48 * kMiB)->value, 16 * kMiB);
  const auto block = bootmem_.alloc(100);
  ASSERT_TRUE(block) << "but it is taken when nothing else is left";
  EXPECT_LT(block->value, 16 * kMiB);
}

TEST_F(BootmemTest, blocks_can_be_larger_than_any_order_of_pages) {
  EXPECT_TRUE(bootmem_.alloc(48 * kMiB));
  EXPECT_TRUE(bootmem_.alloc_low(12345));
}

TEST_F(BootmemTest, sizes_that_make_no_sense_get_nothing) {
  EXPECT_FALSE(bootmem_.alloc(0));
  EXPECT_FALSE(bootmem_.alloc_pages(0));
  EXPECT_FALSE(bootmem_.alloc_pages(~uint64_t{0})) << "rounding up must not wrap";
  EXPECT_FALSE(bootmem_.alloc_low(~uint64_t{0}));
  EXPECT_EQ(memblock_.reserved_bytes(), 0u);
}

TEST_F(BootmemTest, what_is_freed_can_be_given_again) {
  const auto block = bootmem_.alloc_pages(100);
  ASSERT_TRUE(block);
  EXPECT_TRUE(bootmem_.free(*block, kPageSize));
  EXPECT_EQ(memblock_.reserved_bytes(), 0u);
  EXPECT_EQ(bootmem_.alloc_pages(100)->value, block->value);
}

//  |########|   a block of two pages
//   |----|      freed but for its first and last byte: neither page is whole
TEST_F(BootmemTest, only_whole_pages_go_on_to_the_page_allocator) {
  const auto block = bootmem_.alloc_pages(2 * kPageSize);
  ASSERT_TRUE(block);
  EXPECT_TRUE(bootmem_.free({block->value + 1}, 2 * kPageSize - 2));
  uint64_t frames = 0;
  for_each_free_pfn_range(memblock_, kNoNode, [&](PfnRange r) { frames += r.frames(); });
  EXPECT_EQ(frames, 64 * kMiB / kPageSize - 2);
}

TEST_F(BootmemTest, the_wish_is_a_wish_and_the_limit_a_limit) {
  const auto wished = bootmem_alloc(memblock_, 64, 64, {20 * kMiB}, {24 * kMiB});
  ASSERT_TRUE(wished);
  EXPECT_GE(wished->value, 20 * kMiB);
  const auto elsewhere = bootmem_alloc(memblock_, 8 * kMiB, 64, {20 * kMiB}, {24 * kMiB});
  ASSERT_TRUE(elsewhere);
  EXPECT_LT(elsewhere->value, 20 * kMiB);
  EXPECT_FALSE(bootmem_alloc(memblock_, 30 * kMiB, 64, {0}, {24 * kMiB}));
}

}  // namespace
}  // namespace kmem
