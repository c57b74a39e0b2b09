// Memory that a device reaches: who sees what when, and what is wrong about its use.

#include "helpers.h"

#include <functional>
#include <vector>

#include <kmem/simulated.h>
#include <linux/dma-mapping.h>
#include <linux/dmapool.h>
#include <linux/highmem.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

namespace {

using test::has;
using test::said_by;

struct Dma : testing::Test {
  Dma() {
    dev.init_name = "disk";
    dev.dma_mask = &dev.coherent_dma_mask;
    dev.coherent_dma_mask = DMA_BIT_MASK(32);
    buffer = static_cast<char*>(kzalloc(kSize, GFP_KERNEL));
    strcpy(buffer, "driver");
  }
  ~Dma() override {
    kfree(buffer);
    EXPECT_EQ(kmem_dma_count(&dev), 0u);
    devres_release_all(&dev);
  }
  dma_addr_t map(dma_data_direction direction) {
    const dma_addr_t at = dma_map_single(&dev, buffer, kSize, direction);
    EXPECT_EQ(dma_mapping_error(&dev, at), 0);
    return at;
  }
  void unmap(dma_addr_t at, dma_data_direction direction) { dma_unmap_single(&dev, at, kSize, direction); }
  std::string device_reads(dma_addr_t at) {
    char text[16] = {};
    return kmem_dma_read(&dev, at, text, sizeof(text) - 1) ? "nothing" : text;
  }
  int device_writes(dma_addr_t at, const char* text) { return kmem_dma_write(&dev, at, text, strlen(text) + 1); }

  static constexpr size_t kSize = 3000;
  device dev = {};
  char* buffer;
};

TEST_F(Dma, the_device_sees_what_was_there_when_it_was_mapped_or_synced) {
  const std::string said = said_by([&] {
    const dma_addr_t at = map(DMA_BIDIRECTIONAL);
    EXPECT_EQ(device_reads(at), "driver");
    EXPECT_EQ(device_writes(at + 100, "device"), 0);
    EXPECT_STREQ(buffer + 100, "") << "not yet";
    dma_sync_single_for_cpu(&dev, at, kSize, DMA_BIDIRECTIONAL);
    EXPECT_STREQ(buffer + 100, "device");
    strcpy(buffer, "again");
    dma_sync_single_for_device(&dev, at, kSize, DMA_BIDIRECTIONAL);
    EXPECT_EQ(device_reads(at), "again");
    EXPECT_EQ(device_writes(at + 100, "twice"), 0);
    unmap(at, DMA_BIDIRECTIONAL);
    EXPECT_STREQ(buffer + 100, "twice");
  });
  EXPECT_FALSE(has(said, "DMA-API")) << said;
}

TEST_F(Dma, addresses_are_below_the_mask_and_keep_their_place_in_a_page) {
  EXPECT_EQ(dma_set_mask(&dev, DMA_BIT_MASK(20)), -EIO);
  ASSERT_EQ(dma_set_mask_and_coherent(&dev, DMA_BIT_MASK(24)), 0);
  std::vector<dma_addr_t> all;
  for (;;) {
    const dma_addr_t at = dma_map_single(&dev, buffer + 8, 64, DMA_TO_DEVICE);
    if (dma_mapping_error(&dev, at)) break;
    ASSERT_LT(at, 1u << 24);
    ASSERT_EQ(offset_in_page(at), offset_in_page(buffer + 8));
    all.push_back(at);
  }
  EXPECT_GT(all.size(), 1000u);
  dma_unmap_single(&dev, all[500], 64, DMA_TO_DEVICE);
  all[500] = dma_map_single(&dev, buffer + 8, 64, DMA_TO_DEVICE);
  EXPECT_EQ(dma_mapping_error(&dev, all[500]), 0);
  for (const dma_addr_t at : all) dma_unmap_single(&dev, at, 64, DMA_TO_DEVICE);
}

TEST_F(Dma, coherent_memory_is_seen_by_both_at_once) {
  dma_addr_t at;
  auto* ring = static_cast<char*>(dma_alloc_coherent(&dev, 5000, &at, GFP_KERNEL));
  ASSERT_TRUE(ring);
  EXPECT_EQ(at % PAGE_SIZE, 0u);
  EXPECT_NE(at, virt_to_phys(ring)) << "they are no physical addresses";
  strcpy(ring, "ring");
  EXPECT_EQ(device_reads(at), "ring");
  EXPECT_EQ(device_writes(at + 4990, "end"), 0);
  EXPECT_STREQ(ring + 4990, "end");
  dma_free_coherent(&dev, 5000, ring, at);
}

TEST_F(Dma, the_device_reaches_only_what_is_mapped_for_it) {
  const dma_addr_t to = map(DMA_TO_DEVICE), from = map(DMA_FROM_DEVICE);
  EXPECT_TRUE(has(said_by([&] { EXPECT_EQ(device_writes(to, "x"), -EFAULT); }), "what is mapped with DMA_TO_DEVICE"));
  EXPECT_TRUE(has(said_by([&] { EXPECT_EQ(device_reads(from), "nothing"); }), "what is mapped with DMA_FROM_DEVICE"));
  EXPECT_TRUE(has(said_by([&] { EXPECT_EQ(device_reads(to + kSize - 3), "nothing"); }), "beyond the end"));
  EXPECT_TRUE(has(said_by([&] { EXPECT_EQ(device_reads(virt_to_phys(buffer)), "nothing"); }), "where nothing is mapped"));
  unmap(from, DMA_FROM_DEVICE);
  EXPECT_TRUE(has(said_by([&] { EXPECT_EQ(device_writes(from, "late"), -EFAULT); }), "where nothing is mapped"));
  unmap(to, DMA_TO_DEVICE);
}

TEST_F(Dma, unmapping_otherwise_than_mapping_is_reported) {
  const auto said_by_unmap = [&](size_t size, dma_data_direction direction, dma_data_direction mapped) {
    const dma_addr_t at = map(mapped);
    return said_by([&] { dma_unmap_single(&dev, at, size, direction); });
  };
  EXPECT_TRUE(has(said_by_unmap(100, DMA_TO_DEVICE, DMA_TO_DEVICE), "with different size"));
  EXPECT_TRUE(has(said_by_unmap(kSize, DMA_FROM_DEVICE, DMA_TO_DEVICE), "with different direction [device address=0x"));
  EXPECT_TRUE(has(said_by([&] { dma_unmap_single(&dev, 0x1234000, 10, DMA_TO_DEVICE); }), "it has not allocated"));
  const dma_addr_t unchecked = dma_map_single(&dev, buffer, kSize, DMA_TO_DEVICE);
  EXPECT_TRUE(has(said_by([&] { unmap(unchecked, DMA_TO_DEVICE); }), "failed to check map error"));
  const dma_addr_t twice = map(DMA_TO_DEVICE);
  unmap(twice, DMA_TO_DEVICE);
  EXPECT_TRUE(has(said_by([&] { unmap(twice, DMA_TO_DEVICE); }), "it has not allocated"));
  dma_addr_t at;
  void* ring = dma_alloc_coherent(&dev, 100, &at, GFP_KERNEL);
  EXPECT_TRUE(has(said_by([&] { dma_unmap_single(&dev, at, PAGE_SIZE, DMA_BIDIRECTIONAL); }), "with wrong function"));
  free_page(reinterpret_cast<unsigned long>(ring));
}

TEST_F(Dma, writing_to_memory_that_the_device_has_is_reported) {
  dma_addr_t at = map(DMA_TO_DEVICE);
  buffer[50] = 'x';
  EXPECT_EQ(device_reads(at + 50), "") << "the device does not see it";
  EXPECT_TRUE(has(said_by([&] { unmap(at, DMA_TO_DEVICE); }), "wrote to memory that the device had"));
  at = map(DMA_BIDIRECTIONAL);
  dma_sync_single_for_cpu(&dev, at, kSize, DMA_BIDIRECTIONAL);
  buffer[50] = 'y';
  EXPECT_TRUE(has(said_by([&] { device_reads(at); }), "dma_sync_single_for_device() is missing"));
  EXPECT_FALSE(has(said_by([&] { unmap(at, DMA_BIDIRECTIONAL); }), "DMA-API"));
}

TEST_F(Dma, memory_that_is_freed_while_it_is_mapped_is_reported_at_the_free) {
  struct Way {
    std::function<void*()> alloc;
    std::function<void(void*)> free;
  };
  kmem_cache* cache = kmem_cache_create("packets", kSize, 0, 0, nullptr);
  const auto page = [](void* p) { return reinterpret_cast<unsigned long>(p); };
  const Way ways[] = {
      {[] { return kmalloc(kSize, GFP_KERNEL); }, [](void* p) { kfree(p); }},
      {[] { return kmalloc(200000, GFP_KERNEL); }, [](void* p) { kvfree(p); }},
      {[&] { return kmem_cache_alloc(cache, GFP_KERNEL); }, [&](void* p) { kmem_cache_free(cache, p); }},
      {[&] { return kmem_cache_alloc(cache, GFP_KERNEL); }, [&](void* p) { kmem_cache_free_bulk(cache, 1, &p); }},
      {[] { return reinterpret_cast<void*>(__get_free_page(GFP_KERNEL)); }, [&](void* p) { free_page(page(p)); }},
      {[] { return reinterpret_cast<void*>(__get_free_pages(GFP_KERNEL, 2)); }, [&](void* p) { free_pages(page(p), 2); }},
      {[] { return reinterpret_cast<void*>(__get_free_page(GFP_KERNEL)); }, [](void* p) { put_page(virt_to_page(p)); }}};
  for (const Way& way : ways) {
    void* memory = way.alloc();
    const dma_addr_t at = dma_map_single(&dev, memory, kSize, DMA_FROM_DEVICE);
    ASSERT_EQ(dma_mapping_error(&dev, at), 0);
    const std::string said = said_by([&] { way.free(memory); });
    EXPECT_TRUE(has(said, "device driver frees memory that is mapped for the device [device address=0x")) << &way - ways;
    EXPECT_EQ(said.find("DMA-API"), said.rfind("DMA-API")) << "once";
    memory = way.alloc();  // probably the same
    EXPECT_TRUE(has(said_by([&] { EXPECT_EQ(device_writes(at, "late"), -EFAULT); }), "what the driver has freed"));
    memset(memory, 7, kSize);
    EXPECT_FALSE(has(said_by([&] { unmap(at, DMA_FROM_DEVICE); }), "DMA-API"));
    EXPECT_EQ(*static_cast<char*>(memory), 7) << "the next owner's memory is left alone";
    EXPECT_FALSE(has(said_by([&] { way.free(memory); }), "DMA-API"));
  }
  kmem_cache_destroy(cache);
}

TEST_F(Dma, coherent_memory_that_is_freed_as_pages_is_reported) {
  dma_addr_t at;
  void* ring = dma_alloc_coherent(&dev, 100, &at, GFP_KERNEL);
  const auto page = reinterpret_cast<unsigned long>(ring);
  EXPECT_TRUE(has(said_by([&] { free_page(page); }), "frees memory that is mapped for the device"));
  EXPECT_FALSE(has(said_by([&] { dma_free_coherent(&dev, 100, ring, at); }), "BUG"));
}

TEST_F(Dma, syncs_that_cannot_be_right_are_reported) {
  const dma_addr_t at = map(DMA_FROM_DEVICE);
  EXPECT_TRUE(has(said_by([&] { dma_sync_single_for_cpu(&dev, at, kSize + 1, DMA_FROM_DEVICE); }), "outside allocated range"));
  EXPECT_TRUE(has(said_by([&] { dma_sync_single_for_cpu(&dev, at, 10, DMA_TO_DEVICE); }), "with different direction"));
  EXPECT_TRUE(has(said_by([&] { dma_sync_single_for_cpu(&dev, 64, 10, DMA_TO_DEVICE); }), "it has not allocated"));
  unmap(at, DMA_FROM_DEVICE);
}

TEST_F(Dma, memory_that_no_device_can_have_is_reported) {
  char on_stack[16] = {};
  static char is_static[16];
  dma_addr_t at = 0;
  EXPECT_TRUE(has(said_by([&] { at = dma_map_single(&dev, on_stack, 16, DMA_TO_DEVICE); }), "maps memory from stack"));
  EXPECT_EQ(dma_mapping_error(&dev, at), 0);
  dma_unmap_single(&dev, at, 16, DMA_TO_DEVICE);
  EXPECT_TRUE(has(said_by([&] { at = dma_map_single(&dev, is_static, 16, DMA_TO_DEVICE); }), "a static variable?"));
  EXPECT_EQ(dma_mapping_error(&dev, at), 0);
  dma_unmap_single(&dev, at, 16, DMA_TO_DEVICE);
  void* area = vmalloc(100);
  EXPECT_TRUE(has(said_by([&] { at = dma_map_single(&dev, area, 16, DMA_TO_DEVICE); }), "rejecting DMA map of vmalloc memory"));
  EXPECT_EQ(dma_mapping_error(&dev, at), -ENOMEM);
  vfree(area);
  device bare = {};
  EXPECT_TRUE(has(said_by([&] { at = dma_map_single(&bare, buffer, 16, DMA_TO_DEVICE); }), "has no DMA mask"));
  EXPECT_EQ(dma_mapping_error(&bare, at), -ENOMEM);
}

TEST_F(Dma, pages_of_high_memory_are_mapped_too) {
  page* p = alloc_pages(GFP_HIGHUSER, 1);
  ASSERT_TRUE(p);
  const dma_addr_t at = dma_map_page(&dev, p, 4000, 200, DMA_FROM_DEVICE);
  ASSERT_EQ(dma_mapping_error(&dev, at), 0);
  EXPECT_EQ(device_writes(at + 90, "over the border"), 0);
  dma_unmap_page(&dev, at, 200, DMA_FROM_DEVICE);
  auto* mapped = static_cast<char*>(kmap_local_page(p));
  EXPECT_EQ(memcmp(mapped + 4090, "over t", 6), 0);
  kunmap_local(mapped);
  __free_pages(p, 1);
}

TEST_F(Dma, a_list_is_mapped_piece_by_piece) {
  page* pages[3];
  for (page*& p : pages) p = alloc_page(GFP_KERNEL | __GFP_ZERO);
  sg_table table;
  ASSERT_EQ(sg_alloc_table(&table, 3, GFP_KERNEL), 0);
  scatterlist* sg;
  unsigned i;
  for_each_sgtable_sg(&table, sg, i) sg_set_page(sg, pages[i], 1000 + i, 10 * i);
  EXPECT_EQ(sg_nents_for_len(table.sgl, 2001), 2);
  EXPECT_EQ(sg_copy_from_buffer(table.sgl, 3, buffer, kSize), kSize);
  ASSERT_EQ(dma_map_sgtable(&dev, &table, DMA_BIDIRECTIONAL, 0), 0);
  EXPECT_EQ(device_reads(sg_dma_address(table.sgl)), "driver");
  EXPECT_EQ(device_writes(sg_dma_address(sg_last(table.sgl, 3)), "last"), 0);
  dma_sync_sgtable_for_cpu(&dev, &table, DMA_BIDIRECTIONAL);
  char out[8] = {};
  EXPECT_EQ(sg_pcopy_to_buffer(table.sgl, 3, out, 5, 2001), 5u);
  EXPECT_STREQ(out, "last");
  EXPECT_TRUE(has(said_by([&] { dma_unmap_sg(&dev, table.sgl, 2, DMA_BIDIRECTIONAL); }), "different entry count"));
  EXPECT_FALSE(has(said_by([&] { dma_unmap_sg(&dev, sg_next(sg_next(table.sgl)), 1, DMA_BIDIRECTIONAL); }), "DMA-API"));
  sg_free_table(&table);
  for (page* p : pages) __free_page(p);
}

TEST_F(Dma, a_list_of_pages_joins_neighbours) {
  page* run = alloc_pages(GFP_KERNEL, 2);
  page* pages[] = {run, run + 1, run + 3, run + 2};
  sg_table table;
  ASSERT_EQ(sg_alloc_table_from_pages(&table, pages, 4, 100, 4 * PAGE_SIZE - 200, GFP_KERNEL), 0);
  EXPECT_EQ(table.nents, 3u);
  EXPECT_EQ(table.sgl[0].length, 2 * PAGE_SIZE - 100);
  EXPECT_EQ(table.sgl[0].offset, 100u);
  EXPECT_EQ(table.sgl[2].length, PAGE_SIZE - 100);
  EXPECT_TRUE(sg_is_last(&table.sgl[2]));
  sg_free_table(&table);
  __free_pages(run, 2);
}

TEST_F(Dma, a_pool_gives_aligned_blocks_that_cross_no_boundary) {
  dma_pool* pool = dma_pool_create("descriptors", &dev, 40, 16, 256);
  ASSERT_TRUE(pool);
  struct Block {
    void* memory;
    dma_addr_t address;
  };
  std::vector<Block> all(200);
  for (Block& b : all) {
    b.memory = dma_pool_zalloc(pool, GFP_KERNEL, &b.address);
    ASSERT_TRUE(b.memory);
    EXPECT_EQ(b.address % 16, 0u);
    EXPECT_EQ(b.address / 256, (b.address + 39) / 256);
    EXPECT_EQ(device_writes(b.address, "block"), 0);
    EXPECT_STREQ(static_cast<char*>(b.memory), "block");
  }
  EXPECT_TRUE(has(said_by([&] { dma_pool_free(pool, all[0].memory, all[1].address); }), "bad dma"));
  EXPECT_TRUE(has(said_by([&] { dma_pool_free(pool, buffer, all[1].address); }), "bad vaddr"));
  for (Block& b : all) dma_pool_free(pool, b.memory, b.address);
  EXPECT_TRUE(has(said_by([&] { dma_pool_free(pool, all[7].memory, all[7].address); }), "already free"));
  dma_pool_destroy(pool);
  EXPECT_EQ(dma_pool_create("odd", &dev, 40, 24, 0), nullptr);
  EXPECT_EQ(dma_pool_create("narrow", &dev, 40, 8, 32), nullptr);
}

TEST_F(Dma, what_is_noted_with_the_device_goes_with_it) {
  dma_addr_t at, block;
  ASSERT_TRUE(dmam_alloc_coherent(&dev, 100, &at, GFP_KERNEL));
  dma_pool* pool = dmam_pool_create("noted", &dev, 64, 0, 0);
  ASSERT_TRUE(pool);
  void* memory = dma_pool_alloc(pool, GFP_KERNEL, &block);
  dma_pool_free(pool, memory, block);
  EXPECT_EQ(kmem_dma_count(&dev), 2u);
  EXPECT_EQ(devres_release_all(&dev), 2);
  EXPECT_EQ(kmem_dma_count(&dev), 0u);
}

bus_type platform_like = {};
device_driver forgetful = {};

TEST_F(Dma, what_a_driver_leaves_mapped_is_reported_when_it_is_removed) {
  platform_like.name = "forgets";
  ASSERT_EQ(bus_register(&platform_like), 0);
  forgetful.name = "forgetful";
  forgetful.bus = &platform_like;
  static char* block;
  block = buffer;
  forgetful.probe = [](device* d) { return dma_mapping_error(d, dma_map_single(d, block, 77, DMA_TO_DEVICE)); };
  dev.bus = &platform_like;
  dev.release = [](device*) {};
  ASSERT_EQ(driver_register(&forgetful), 0);
  ASSERT_EQ(device_register(&dev), 0);
  EXPECT_EQ(kmem_dma_count(&dev), 1u);
  const std::string said = said_by([&] { driver_unregister(&forgetful); });
  EXPECT_TRUE(has(said, "has pending DMA allocations while released from device [count=1]")) << said;
  EXPECT_TRUE(has(said, "[size=77 bytes] [mapped with DMA_TO_DEVICE] [mapped as single]")) << said;
  wait_for_device_probe();
  device_unregister(&dev);
  bus_unregister(&platform_like);
}

}  // namespace
