#include "slab/heap.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "unit/slab/slab_world.h"

namespace kmem {
namespace {

using test::kMiB;
using test::SlabTestWorld;

class HeapTest : public testing::Test {
 protected:
  HeapTest() {
    char* at = reinterpret_cast<char*>(round_up(reinterpret_cast<uint64_t>(world_.metadata_left), kPageSize));
    EXPECT_LE(at + Heap::metadata_bytes(world_.machine.nr_nodes, world_.machine.nr_cpus),
              world_.machine.metadata + world_.machine.metadata_bytes);
    heap_.init(world_.world, world_.machine.base, at);
  }
  ~HeapTest() override {
    for (uint32_t id = 1; id <= heap_.nr_caches(); ++id) {
      if (!heap_.cache(id).live()) continue;
      const Fault fault = heap_.cache(id).check();
      EXPECT_FALSE(fault) << heap_.cache(id).name() << ": " << fault.rule;
    }
    const Fault fault = world_.pages.check();
    EXPECT_FALSE(fault) << fault.rule;
    EXPECT_FALSE(heap_.mapped().check());
  }
  void* kmalloc(size_t size, Gfp gfp = gfp::kKernel) { return heap_.kmalloc(size, gfp, kNoNode); }
  BlockKind kind(const void* p) { return heap_.classify(p).kind; }
  std::string cache_of(const void* p) {
    const Block block = heap_.classify(p);
    return block.cache ? block.cache->name() : "";
  }

  SlabTestWorld world_{{{0, 16}, {16, 64}, {4096, 256}}};
  Heap heap_;
};

// kmalloc ---------------------------------------------------------------------------------------------------------------

TEST_F(HeapTest, kmalloc_takes_the_next_size_that_fits) {
  const std::pair<size_t, const char*> cases[] = {
      {1, "kmalloc-8"},     {8, "kmalloc-8"},     {9, "kmalloc-16"},    {33, "kmalloc-64"},   {65, "kmalloc-96"},
      {96, "kmalloc-96"},   {97, "kmalloc-128"},  {129, "kmalloc-192"}, {193, "kmalloc-256"}, {257, "kmalloc-512"},
      {1000, "kmalloc-1k"}, {1025, "kmalloc-2k"}, {4096, "kmalloc-4k"}, {4097, "kmalloc-8k"}, {8192, "kmalloc-8k"}};
  for (const auto& [size, name] : cases) {
    void* p = kmalloc(size);
    ASSERT_TRUE(p);
    EXPECT_EQ(cache_of(p), name) << size;
    EXPECT_GE(heap_.usable(p), size);
    EXPECT_EQ(heap_.usable(p), heap_.sizes().kmalloc_size(size));
    EXPECT_TRUE(heap_.free(p));
  }
}

TEST_F(HeapTest, powers_of_two_have_their_natural_alignment) {
  for (size_t size = 8; size <= 4 * kMiB; size *= 2) {
    for (int i = 0; i < 5; ++i) {
      void* p = kmalloc(size);
      ASSERT_TRUE(p) << size;
      EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % size, 0u) << size;
    }
  }
}

TEST_F(HeapTest, large_sizes_are_whole_pages_up_to_the_limit_and_nothing_beyond) {
  for (const size_t size : {size_t{8193}, size_t{100'000}, size_t{kMiB + 1}, kKmallocLimit}) {
    auto* p = static_cast<char*>(kmalloc(size));
    ASSERT_TRUE(p) << size;
    EXPECT_EQ(kind(p), BlockKind::Run);
    EXPECT_EQ(heap_.usable(p), round_up(size, kPageSize));
    EXPECT_EQ(heap_.sizes().kmalloc_size(size), round_up(size, kPageSize));
    memset(p, 1, size);
    EXPECT_TRUE(heap_.free(p));
  }
  EXPECT_EQ(kmalloc(kKmallocLimit + 1), nullptr);
  EXPECT_EQ(kmalloc(~size_t{0}), nullptr);
}

TEST_F(HeapTest, zeroed_memory_is_zero_whatever_lay_there) {
  for (const size_t size : {size_t{100}, size_t{8192}, size_t{50'000}}) {
    void* p = kmalloc(size);
    memset(p, 0xff, heap_.usable(p));
    EXPECT_TRUE(heap_.free(p));
    auto* q = static_cast<char*>(kmalloc(size, gfp::kKernel | gfp::kZero));
    for (size_t i = 0; i < size; ++i) ASSERT_EQ(q[i], 0) << size;
    EXPECT_TRUE(heap_.free(q));
  }
}

TEST_F(HeapTest, memory_for_devices_has_caches_of_its_own_in_its_zone) {
  for (const size_t size : {size_t{8}, size_t{100}, size_t{8192}, size_t{20'000}}) {
    void* dma = kmalloc(size, gfp::kKernel | gfp::kDma);
    void* dma32 = kmalloc(size, gfp::kKernel | gfp::kDma32);
    ASSERT_TRUE(dma && dma32);
    EXPECT_LT(world_.pages.pfn_of_address(dma).value, uint64_t{4096});
    EXPECT_LT(world_.pages.pfn_of_address(dma32).value, uint64_t{1} << 20);
    if (size == 100) {
      EXPECT_EQ(cache_of(dma), "dma-kmalloc-128");
      EXPECT_EQ(cache_of(dma32), "dma32-kmalloc-128");
    }
    EXPECT_TRUE(heap_.free(dma));
    EXPECT_TRUE(heap_.free(dma32));
  }
}

// malloc ----------------------------------------------------------------------------------------------------------------

TEST_F(HeapTest, malloc_loses_at_most_an_eighth_or_what_alignment_takes) {
  for (size_t size = 1; size <= MallocClasses::kMost; size += size < 600 ? 1 : 37) {
    void* p = heap_.malloc(size, Contents::Any);
    ASSERT_TRUE(p);
    const size_t usable = heap_.usable(p), lost = usable - size;
    ASSERT_GE(usable, size);
    ASSERT_TRUE(lost < 16 || lost * 8 <= usable) << size << " got " << usable;
    ASSERT_EQ(reinterpret_cast<uintptr_t>(p) % 16, 0u);
    ASSERT_TRUE(heap_.free(p));
  }
}

TEST_F(HeapTest, malloc_of_nothing_is_something) {
  void* a = heap_.malloc(0, Contents::Any);
  void* b = heap_.malloc(0, Contents::Any);
  EXPECT_TRUE(a && b && a != b);
  EXPECT_TRUE(heap_.free(a));
  EXPECT_TRUE(heap_.free(b));
}

TEST_F(HeapTest, malloc_beyond_the_classes_is_a_run_and_beyond_that_a_mapping) {
  const std::pair<size_t, BlockKind> cases[] = {{MallocClasses::kMost, BlockKind::Object},
                                                {MallocClasses::kMost + 1, BlockKind::Run},
                                                {kMappedFrom - 1, BlockKind::Run},
                                                {kMappedFrom, BlockKind::Mapped}};
  for (const auto& [size, want] : cases) {
    auto* p = static_cast<char*>(heap_.malloc(size, Contents::Any));
    ASSERT_TRUE(p);
    EXPECT_EQ(kind(p), want) << size;
    memset(p, 1, size);
    EXPECT_TRUE(heap_.free(p));
    p = static_cast<char*>(heap_.malloc(size, Contents::Zero));
    for (size_t i = 0; i < size; i += 13) ASSERT_EQ(p[i], 0) << size;
    EXPECT_TRUE(heap_.free(p));
  }
}

TEST_F(HeapTest, sizes_that_cannot_be_get_nothing) {
  for (const size_t size : {~size_t{0}, ~size_t{0} - 4096, ~size_t{0} >> 1, (~size_t{0} >> 1) + 1}) {
    EXPECT_EQ(heap_.malloc(size, Contents::Any), nullptr);
    EXPECT_EQ(heap_.malloc_aligned(size, 64), nullptr);
    const size_t align = size & ~(size >> 1);
    if (sizeof(void*) == 4 && align == 1 << 30) continue;  // there is such an address
    EXPECT_EQ(heap_.malloc_aligned(64, align), nullptr);
  }
}

TEST_F(HeapTest, aligned_blocks_are_aligned) {
  for (size_t align = 1; align <= 16 * kMiB; align *= 2) {
    for (const size_t size : {size_t{0}, size_t{1}, size_t{100}, size_t{5000}, size_t{40'000}, size_t{5 * kMiB}}) {
      auto* p = static_cast<char*>(heap_.malloc_aligned(size, align));
      ASSERT_TRUE(p) << size << " at " << align;
      ASSERT_EQ(reinterpret_cast<uintptr_t>(p) % align, 0u) << size << " at " << align;
      ASSERT_GE(heap_.usable(p), size);
      memset(p, 1, size);
      ASSERT_TRUE(heap_.free(p));
    }
  }
}

// What an address is ----------------------------------------------------------------------------------------------------

TEST_F(HeapTest, every_kind_of_pointer_is_told_from_the_others) {
  auto* object = static_cast<char*>(heap_.malloc(100, Contents::Any));
  auto* run = static_cast<char*>(heap_.malloc(100'000, Contents::Any));
  auto* mapped = static_cast<char*>(heap_.malloc(8 * kMiB, Contents::Any));
  Page* block = world_.pages.alloc(gfp::kKernel, {2}, kNoNode);
  char* page = world_.pages.address(world_.pages.pfn_of(block));
  int local = 0;

  EXPECT_EQ(kind(object), BlockKind::Object);
  EXPECT_EQ(kind(object + 1), BlockKind::Inside);
  EXPECT_EQ(kind(object + 16), BlockKind::Inside);
  EXPECT_EQ(kind(run), BlockKind::Run);
  EXPECT_EQ(kind(run + 16), BlockKind::Inside);
  EXPECT_EQ(kind(run + kPageSize), BlockKind::Inside);
  EXPECT_EQ(kind(page), BlockKind::Pages);
  EXPECT_EQ(kind(page + 8), BlockKind::Inside);
  EXPECT_EQ(kind(page + kPageSize), BlockKind::Inside);
  EXPECT_EQ(kind(mapped), BlockKind::Mapped);
  EXPECT_EQ(kind(mapped + kPageSize), BlockKind::Foreign);
  EXPECT_EQ(kind(&local), BlockKind::Foreign);
  EXPECT_EQ(kind(nullptr), BlockKind::Foreign);
  EXPECT_EQ(kind(reinterpret_cast<void*>(1)), BlockKind::Foreign);
  EXPECT_EQ(kind(reinterpret_cast<void*>(~uintptr_t{0})), BlockKind::Foreign);

  EXPECT_EQ(heap_.usable(run), 100'000u);
  EXPECT_EQ(heap_.usable(mapped), 8 * kMiB);
  EXPECT_EQ(heap_.usable(object + 1), 0u);
  for (char* p : {object + 1, object + 16, run + 16, run + kPageSize, page, page + 8, mapped + kPageSize})
    EXPECT_FALSE(heap_.free(p)) << "only the start of a block can be freed";
  EXPECT_TRUE(heap_.free(object));
  EXPECT_TRUE(heap_.free(run));
  EXPECT_TRUE(heap_.free(mapped));
  EXPECT_TRUE(world_.pages.free(block, {2}));
  EXPECT_EQ(kind(run), BlockKind::Free);
  EXPECT_EQ(kind(mapped), BlockKind::Foreign);
  EXPECT_FALSE(heap_.free(run));
}

TEST_F(HeapTest, a_mapping_where_a_block_was_is_not_taken_for_it) {
  void* p = heap_.malloc(8 * kMiB, Contents::Any);
  EXPECT_EQ(heap_.mapped().nr(), 1u);
  EXPECT_TRUE(heap_.free(p));
  EXPECT_FALSE(heap_.free(p));
  EXPECT_EQ(heap_.mapped().nr(), 0u);
}

// realloc ---------------------------------------------------------------------------------------------------------------

TEST_F(HeapTest, realloc_keeps_contents_through_every_kind_of_block) {
  const size_t sizes[] = {10, 100, 2000, 32768, 40'000, 300'000, 3 * kMiB, 6 * kMiB, 20 * kMiB, 5 * kMiB, 70'000, 500, 1};
  auto* p = static_cast<char*>(heap_.malloc(1, Contents::Any));
  size_t old = 1;
  p[0] = 0;
  for (const size_t size : sizes) {
    p = static_cast<char*>(heap_.realloc(p, size));
    ASSERT_TRUE(p) << size;
    for (size_t i = 0; i < (old < size ? old : size); i += 7)
      ASSERT_EQ(p[i], static_cast<char>(i % 101)) << old << " to " << size;
    for (size_t i = 0; i < size; ++i) p[i] = static_cast<char>(i % 101);
    EXPECT_GE(heap_.usable(p), size);
    old = size;
  }
  EXPECT_TRUE(heap_.free(p));
}

TEST_F(HeapTest, realloc_within_a_class_stays_where_it_is) {
  void* p = heap_.malloc(100, Contents::Any);
  EXPECT_EQ(heap_.realloc(p, 112), p);
  EXPECT_EQ(heap_.realloc(p, 97), p);
  EXPECT_NE(heap_.realloc(p, 113), p);
}

TEST_F(HeapTest, a_block_that_keeps_half_of_its_room_stays_and_one_that_keeps_less_moves) {
  EXPECT_TRUE(keeps_place(16, 16) && keeps_place(16, 8) && !keeps_place(16, 7) && !keeps_place(16, 17));
  EXPECT_TRUE(keeps_place(7, 4) && !keeps_place(7, 3));
  for (const size_t size : {size_t{4096}, size_t{20000}, size_t{40000}, size_t{1} << 20, size_t{5} << 20}) {
    char* p = static_cast<char*>(heap_.malloc(size, Contents::Any));
    ASSERT_NE(p, nullptr) << size;
    const size_t room = heap_.usable(p);
    memset(p, 'a', room);
    EXPECT_EQ(heap_.realloc(p, room), p) << size;
    EXPECT_EQ(heap_.realloc(p, room - room / 2), p) << size;
    EXPECT_GE(heap_.usable(p), room - room / 2) << size;
    char* q = static_cast<char*>(heap_.realloc(p, room / 8));
    ASSERT_NE(q, nullptr);
    EXPECT_LT(heap_.usable(q), room / 2) << size;
    EXPECT_TRUE(q[0] == 'a' && q[room / 8 - 1] == 'a') << size;
    EXPECT_TRUE(heap_.free(q));
  }
}

TEST_F(HeapTest, realloc_to_what_cannot_be_leaves_the_block) {
  auto* p = static_cast<char*>(heap_.malloc(100, Contents::Any));
  p[99] = 5;
  EXPECT_EQ(heap_.realloc(p, ~size_t{0}), nullptr);
  EXPECT_EQ(heap_.realloc(p, SIZE_MAX / 4), nullptr);
  EXPECT_EQ(p[99], 5);
  EXPECT_EQ(heap_.realloc(p + 8, 200), nullptr) << "no block begins there";
  EXPECT_TRUE(heap_.free(p));
}

// Caches ----------------------------------------------------------------------------------------------------------------

TEST_F(HeapTest, a_cache_can_be_made_and_destroyed_again_and_again) {
  const uint32_t before = heap_.nr_caches();
  for (int i = 0; i < 5000; ++i) {
    Cache* cache = heap_.caches().create({.name = "coming and going", .object_size = 48});
    ASSERT_TRUE(cache) << i;
    cache->free(cache->alloc(gfp::kKernel));
    ASSERT_TRUE(heap_.caches().destroy(cache)) << i;
  }
  EXPECT_LE(heap_.nr_caches(), before + 2);
}

TEST_F(HeapTest, a_cache_with_objects_out_is_not_destroyed) {
  Cache* cache = heap_.caches().create({.name = "held", .object_size = 48});
  void* p = cache->alloc(gfp::kKernel);
  EXPECT_FALSE(heap_.caches().destroy(cache));
  EXPECT_TRUE(cache->live());
  cache->free(p);
  EXPECT_TRUE(heap_.caches().destroy(cache));
  EXPECT_FALSE(cache->live());
}

TEST_F(HeapTest, there_is_an_end_to_caches_and_it_is_said) {
  std::vector<Cache*> caches;
  while (Cache* cache = heap_.caches().create({.name = "many", .object_size = 64})) caches.push_back(cache);
  EXPECT_GT(caches.size(), 1900u);
  void* p = caches.back()->alloc(gfp::kKernel);
  ASSERT_TRUE(p);
  EXPECT_EQ(heap_.classify(p).cache, caches.back());
  EXPECT_TRUE(heap_.free(p));
  EXPECT_TRUE(heap_.caches().destroy(caches.back()));
  EXPECT_TRUE(heap_.caches().create({.name = "one more", .object_size = 64}));
}

TEST_F(HeapTest, a_size_that_has_no_slab_has_no_cache) {
  EXPECT_EQ(heap_.caches().create({.name = "huge", .object_size = 5 << 20}), nullptr);
}

TEST_F(HeapTest, objects_of_any_cache_can_be_freed_by_address_alone) {
  for (uint32_t size = 8; size <= 200'000; size = size * 3 / 2 + 8) {
    Cache* cache = heap_.caches().create({.name = "any", .object_size = size});
    ASSERT_TRUE(cache) << size;
    std::vector<void*> held;
    for (int i = 0; i < 30; ++i) held.push_back(cache->alloc(gfp::kKernel));
    for (void* p : held) ASSERT_TRUE(p && heap_.free(p)) << size;
    EXPECT_EQ(cache->nr_in_use(), 0) << size;
    EXPECT_TRUE(heap_.caches().destroy(cache)) << size;
  }
}

TEST_F(HeapTest, shrinking_all_gives_every_frame_back) {
  std::vector<void*> held;
  for (size_t size = 1; size < 100'000; size = size * 5 / 4 + 1)
    for (int i = 0; i < 20; ++i) held.push_back(heap_.malloc(size, Contents::Any));
  for (void* p : held) ASSERT_TRUE(heap_.free(p));
  EXPECT_GT(heap_.caches().shrink_all(kmem::OtherCpus::Interrupt), 0u);
  let_go_kept(heap_);
  EXPECT_EQ(world_.frames_in_use(), 0u);
}

}  // namespace
}  // namespace kmem
