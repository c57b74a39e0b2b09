// alloc_bootmem() and memblock by the kernel's names.

#include <linux/bootmem.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <cstring>

#include "unit/kernel_face/log.h"

namespace {

using kmem::test::log_of;
using kmem::test::mentions;

bool is_zero(const char* p, size_t n) {
  for (size_t i = 0; i < n; ++i)
    if (p[i]) return false;
  return true;
}

TEST(Bootmem, any_size_is_served_cleared_and_in_one_piece) {
  for (const unsigned long size : {100UL, 5000UL, 1UL << 20, (4UL << 20) + 1, 20UL << 20}) {
    auto* p = static_cast<char*>(alloc_bootmem(size));
    ASSERT_TRUE(p) << size;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % 64, 0u);
    EXPECT_TRUE(is_zero(p, size));
    EXPECT_EQ(virt_to_phys(p + size - 1), virt_to_phys(p) + size - 1);
    memset(p, 0xff, size);
    free_bootmem(__pa(p), PAGE_ALIGN(size));
  }
}

TEST(Bootmem, the_pages_forms_begin_at_a_page) {
  for (void* p : {alloc_bootmem_pages(100), alloc_bootmem_low_pages(4096)}) {
    ASSERT_TRUE(p);
    EXPECT_EQ(offset_in_page(p), 0u);
    free_bootmem(__pa(p), PAGE_SIZE);
  }
}

TEST(Bootmem, low_memory_is_below_4_GiB) {
  void* p = alloc_bootmem_low(10000);
  ASSERT_TRUE(p);
  EXPECT_LT(virt_to_phys(p), uint64_t{4} << 30);
  free_bootmem(__pa(p), 3 * PAGE_SIZE);
}

TEST(Bootmem, it_is_not_handed_to_the_page_allocator_before_it_is_freed) {
  auto* p = static_cast<char*>(alloc_bootmem_pages(8 * PAGE_SIZE));
  EXPECT_TRUE(mentions(log_of([&] { kfree(p); }), "BUG"));
  EXPECT_TRUE(mentions(log_of([&] { free_page(reinterpret_cast<unsigned long>(p)); }), "BUG"));
  EXPECT_EQ(log_of([&] { free_bootmem(__pa(p), 8 * PAGE_SIZE); }), "");
  EXPECT_TRUE(mentions(log_of([&] { free_bootmem(__pa(p), 8 * PAGE_SIZE); }), "BUG"));
}

TEST(Memblock, it_serves_alignments_and_fails_with_NULL) {
  for (const phys_addr_t align : {phys_addr_t{0}, phys_addr_t{64}, phys_addr_t{4096}, phys_addr_t{8} << 20}) {
    void* p = memblock_alloc(10000, align);
    ASSERT_TRUE(p) << align;
    EXPECT_EQ(virt_to_phys(p) % (align ? align : 64), 0u);
    EXPECT_TRUE(is_zero(static_cast<char*>(p), 10000));
    memblock_free(p, 10000);
  }
  EXPECT_EQ(memblock_alloc(uint64_t{1} << 60, 0), nullptr);
  EXPECT_EQ(memblock_alloc(100, 48), nullptr);
  const phys_addr_t physical = memblock_phys_alloc(100, 0);
  EXPECT_NE(physical, 0u);
  EXPECT_EQ(memblock_phys_free(physical, 100), 0);
}

TEST(Memblock, the_ranges_add_up_and_hold_what_was_allocated) {
  uint64_t at;
  phys_addr_t start, end, sum = 0, last = 0;
  void* p = kmalloc(100, GFP_KERNEL);
  bool found = false;
  for_each_mem_range(at, &start, &end) {
    EXPECT_GE(start, last);
    EXPECT_GT(end, start);
    last = end;
    sum += end - start;
    found |= start <= virt_to_phys(p) && virt_to_phys(p) < end;
  }
  EXPECT_TRUE(found);
  EXPECT_EQ(memblock_phys_mem_size(), sum);
  EXPECT_EQ(memblock_end_of_DRAM(), last);
  EXPECT_LE(memblock_start_of_DRAM(), virt_to_phys(p));
  EXPECT_TRUE(memblock_is_memory(virt_to_phys(p)));
  EXPECT_FALSE(memblock_is_memory(memblock_end_of_DRAM()));
  EXPECT_TRUE(memblock_is_region_memory(virt_to_phys(p), 100));
  EXPECT_FALSE(memblock_is_region_memory(last - 4096, 8192));
  kfree(p);
}

}  // namespace
