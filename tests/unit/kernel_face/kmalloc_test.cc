// kmalloc, kfree and what is asked of them: sizes, alignment, contents, zones, bad input.

#include <linux/mm.h>
#include <linux/slab.h>

#include <cstring>
#include <set>
#include <vector>

#include "dma_limit.h"
#include "unit/kernel_face/log.h"

namespace {

using kmem::test::dma_end;
using kmem::test::log_of;
using kmem::test::mentions;

bool all_bytes_are(const void* memory, unsigned char value, size_t n) {
  const auto* bytes = static_cast<const unsigned char*>(memory);
  for (size_t i = 0; i < n; ++i)
    if (bytes[i] != value) return false;
  return true;
}

uintptr_t number(const void* p) { return reinterpret_cast<uintptr_t>(p); }

TEST(Kmalloc, every_block_can_be_written_in_full_and_overlaps_no_other) {
  std::vector<std::pair<unsigned char*, size_t>> blocks;
  for (size_t size = 1; size <= 200000; size += size / 7 + 1) {
    auto* block = static_cast<unsigned char*>(kmalloc(size, GFP_KERNEL));
    ASSERT_TRUE(block) << size;
    memset(block, static_cast<int>(blocks.size() & 0xff), size);
    blocks.push_back({block, size});
  }
  for (size_t i = 0; i < blocks.size(); ++i) {
    EXPECT_TRUE(all_bytes_are(blocks[i].first, static_cast<unsigned char>(i), blocks[i].second)) << blocks[i].second;
    kfree(blocks[i].first);
  }
}

TEST(Kmalloc, powers_of_two_are_aligned_to_themselves) {
  for (size_t size = 8; size <= KMALLOC_MAX_SIZE; size *= 2) {
    std::vector<void*> some;
    for (int i = 0; i < 3; ++i) {
      some.push_back(kmalloc(size, GFP_KERNEL));
      ASSERT_TRUE(some.back()) << size;
      EXPECT_EQ(number(some.back()) % size, 0u) << size;
    }
    for (void* p : some) kfree(p);
  }
}

TEST(Kmalloc, every_other_size_has_the_least_alignment) {
  for (size_t size = 1; size < 9000; size += 3) {
    void* p = kmalloc(size, GFP_KERNEL);
    EXPECT_EQ(number(p) % ARCH_KMALLOC_MINALIGN, 0u) << size;
    kfree(p);
  }
}

TEST(Kmalloc, the_classes_are_the_kernels) {
  const struct {
    size_t size, room;
  } cases[] = {{1, 8},      {8, 8},       {9, 16},      {17, 32},     {33, 64},    {65, 96},
               {96, 96},    {97, 128},    {129, 192},   {192, 192},   {193, 256},  {257, 512},
               {513, 1024}, {1025, 2048}, {2049, 4096}, {4097, 8192}, {8192, 8192}};
  for (const auto& c : cases) {
    EXPECT_EQ(kmalloc_size_roundup(c.size), c.room) << c.size;
    void* p = kmalloc(c.size, GFP_KERNEL);
    EXPECT_EQ(ksize(p), c.room) << c.size;
    kfree(p);
  }
}

TEST(Kmalloc, what_ksize_promises_belongs_to_the_caller) {
  for (const size_t size : {1u, 50u, 100u, 190u, 1000u, 5000u, 8193u, 100000u}) {
    const size_t room = kmalloc_size_roundup(size);
    void* p = kmalloc(room, GFP_KERNEL);
    EXPECT_GE(ksize(p), size);
    memset(p, 0x5a, ksize(p));
    kfree(p);
  }
}

TEST(Kmalloc, nothing_is_asked_for_and_nothing_may_be_touched) {
  void* p = kmalloc(0, GFP_KERNEL);
  EXPECT_EQ(p, ZERO_SIZE_PTR);
  EXPECT_TRUE(ZERO_OR_NULL_PTR(p));
  EXPECT_EQ(ksize(p), 0u);
  EXPECT_EQ(ksize(nullptr), 0u);
  EXPECT_EQ(kmalloc_size_roundup(0), 0u);
  EXPECT_EQ(log_of([&] { kfree(p); }), "");
}

TEST(Kmalloc, freeing_NULL_does_nothing) {
  EXPECT_EQ(log_of([] { kfree(nullptr); }), "");
}

TEST(Kmalloc, it_serves_up_to_its_maximum_and_nothing_beyond) {
  void* largest = kmalloc(KMALLOC_MAX_SIZE, GFP_KERNEL);
  ASSERT_TRUE(largest);
  memset(largest, 1, KMALLOC_MAX_SIZE);
  kfree(largest);
  for (const size_t size : {size_t{KMALLOC_MAX_SIZE} + 1, SIZE_MAX / 256, SIZE_MAX / 2, SIZE_MAX - 4095, SIZE_MAX})
    EXPECT_EQ(kmalloc(size, GFP_KERNEL | __GFP_NOWARN), nullptr) << size;
  EXPECT_EQ(kmalloc_size_roundup(SIZE_MAX), SIZE_MAX);
}

TEST(Kmalloc, a_freed_block_is_used_again) {
  std::set<void*> seen;
  for (int i = 0; i < 1000; ++i) {
    void* p = kmalloc(64, GFP_KERNEL);
    seen.insert(p);
    kfree(p);
  }
  EXPECT_LE(seen.size(), 4u);
}

TEST(Kmalloc, memory_is_contiguous_in_page_frames) {
  auto* p = static_cast<char*>(kmalloc(1 << 20, GFP_KERNEL));
  ASSERT_TRUE(p);
  for (size_t at = 0; at < 1 << 20; at += PAGE_SIZE) EXPECT_EQ(virt_to_phys(p + at), virt_to_phys(p) + at);
  EXPECT_EQ(phys_to_virt(virt_to_phys(p)), p);
  kfree(p);
}

TEST(Kzalloc, every_byte_is_zero_also_in_used_memory) {
  for (const size_t size : {8u, 100u, 192u, 4096u, 8192u, 20000u, 300000u}) {
    for (int round = 0; round < 20; ++round) {
      void* p = kzalloc(size, GFP_KERNEL);
      ASSERT_TRUE(p);
      ASSERT_TRUE(all_bytes_are(p, 0, size)) << size;
      memset(p, 0xff, size);
      kfree(p);
    }
  }
}

// krealloc() with __GFP_ZERO relies on it: nobody remembers how much of a block was asked for.
TEST(Kzalloc, the_room_behind_what_was_asked_for_is_zero_too) {
  for (const size_t size : {1u, 65u, 129u, 1025u}) {
    void* dirty = kmalloc(size, GFP_KERNEL);
    memset(dirty, 0xff, ksize(dirty));
    kfree(dirty);
    void* p = kzalloc(size, GFP_KERNEL);
    EXPECT_TRUE(all_bytes_are(p, 0, ksize(p))) << size;
    kfree(p);
  }
}

TEST(Arrays, a_product_that_overflows_gives_nothing) {
  volatile size_t many = SIZE_MAX / 8 + 2;
  EXPECT_EQ(kmalloc_array(many, 8, GFP_KERNEL), nullptr);
  EXPECT_EQ(kcalloc(many, 8, GFP_KERNEL), nullptr);
  EXPECT_EQ(kmalloc_array_node(many, 8, GFP_KERNEL, 0), nullptr);
  EXPECT_EQ(kcalloc_node(many, 8, GFP_KERNEL, 0), nullptr);
  EXPECT_EQ(krealloc_array(nullptr, many, 8, GFP_KERNEL), nullptr);
}

TEST(Arrays, elements_have_room_and_kcalloc_clears_them) {
  auto* a = static_cast<uint64_t*>(kcalloc(1000, sizeof(uint64_t), GFP_KERNEL));
  ASSERT_TRUE(a);
  EXPECT_TRUE(all_bytes_are(a, 0, 8000));
  EXPECT_GE(ksize(a), 8000u);
  kfree(a);
  EXPECT_EQ(kmalloc_array(0, 8, GFP_KERNEL), ZERO_SIZE_PTR);
  EXPECT_EQ(kcalloc(8, 0, GFP_KERNEL), ZERO_SIZE_PTR);
}

TEST(Zones, dma_memory_lies_where_devices_with_few_address_bits_reach) {
  for (const size_t size : {16u, 100u, 4096u, 65536u}) {
    void* p = kmalloc(size, GFP_KERNEL | GFP_DMA);
    ASSERT_TRUE(p) << size;
    EXPECT_LE(virt_to_phys(p) + size, dma_end()) << size;
    EXPECT_EQ(page_zonenum(virt_to_page(p)), ZONE_DMA);
    kfree(p);
  }
}

TEST(Zones, dma32_memory_lies_below_4_GiB) {
  void* p = kmalloc(4096, GFP_KERNEL | GFP_DMA32);
  ASSERT_TRUE(p);
  EXPECT_LE(virt_to_phys(p) + 4096, uint64_t{4} << 30);
  kfree(p);
}

TEST(Zones, dma_memory_and_plain_memory_do_not_mix_in_a_cpus_reach) {
  std::vector<void*> plain;
  for (int i = 0; i < 500; ++i) {
    void* dma = kmalloc(128, GFP_ATOMIC | GFP_DMA);
    ASSERT_TRUE(dma);
    kfree(dma);
    plain.push_back(kmalloc(128, GFP_KERNEL));
    dma = kmalloc(128, GFP_ATOMIC | GFP_DMA);
    ASSERT_LT(virt_to_phys(dma), dma_end());
    kfree(dma);
  }
  for (void* p : plain) kfree(p);
}

TEST(Nodes, a_node_that_is_named_serves_and_one_that_is_not_there_does_no_harm) {
  void* p = kmalloc_node(100, GFP_KERNEL, 0);
  ASSERT_TRUE(p);
  EXPECT_EQ(page_to_nid(virt_to_page(p)), 0);
  kfree(p);
  p = kzalloc_node(100, GFP_KERNEL | __GFP_THISNODE, 0);
  ASSERT_TRUE(p);
  EXPECT_TRUE(all_bytes_are(p, 0, 100));
  kfree(p);
  p = kmalloc_node(100, GFP_KERNEL, NUMA_NO_NODE);
  EXPECT_TRUE(p);
  kfree(p);
}

TEST(BadInput, a_second_free_is_reported_and_nobody_gets_the_block_twice) {
  void* p = kmalloc(100, GFP_KERNEL);
  kfree(p);
  EXPECT_TRUE(mentions(log_of([&] { kfree(p); }), "BUG"));
  std::set<void*> out;
  for (int i = 0; i < 200; ++i) {
    void* q = kmalloc(100, GFP_KERNEL);
    EXPECT_TRUE(out.insert(q).second);
  }
  for (void* q : out) kfree(q);
}

TEST(BadInput, a_second_free_of_a_large_block_is_reported) {
  void* p = kmalloc(100000, GFP_KERNEL);
  kfree(p);
  EXPECT_TRUE(mentions(log_of([&] { kfree(p); }), "BUG"));
}

TEST(BadInput, a_pointer_into_the_middle_is_reported_and_the_block_stays) {
  auto* p = static_cast<char*>(kmalloc(256, GFP_KERNEL));
  memset(p, 7, 256);
  EXPECT_TRUE(mentions(log_of([&] { kfree(p + 24); }), "BUG"));
  EXPECT_TRUE(all_bytes_are(p, 7, 256));
  EXPECT_EQ(log_of([&] { kfree(p); }), "");
}

TEST(BadInput, a_pointer_that_was_never_allocated_is_reported) {
  static char mine[64];
  EXPECT_TRUE(mentions(log_of([] { kfree(mine); }), "BUG"));
  char local[64];
  EXPECT_TRUE(mentions(log_of([&] { kfree(local); }), "BUG"));
  EXPECT_NE(log_of([] { kfree(reinterpret_cast<void*>(uintptr_t{0xdead0000})); }), "");
}

TEST(BadInput, a_failure_is_reported_unless_the_caller_wants_it_quiet) {
  EXPECT_NE(log_of([] { EXPECT_EQ(alloc_pages(GFP_KERNEL, MAX_ORDER + 1), nullptr); }), "");
  EXPECT_EQ(log_of([] { EXPECT_EQ(alloc_pages(GFP_KERNEL | __GFP_NOWARN, MAX_ORDER + 1), nullptr); }), "");
}

}  // namespace
