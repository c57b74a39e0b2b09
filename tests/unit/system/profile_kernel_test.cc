// Profiles of memory that the kernel's names give: caches, pools, pages, vmalloc and per-CPU memory.

#include <gtest/gtest.h>
#include <linux/gfp.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <kmem/cache.hpp>

#include <cmath>
#include <string>
#include <vector>

#include "page/fast_path.h"
#include "slab/cache_handle.h"
#include "slab/profiled_path.h"
#include "unit/system/profiling.h"

namespace kmem {
namespace {

constexpr uint64_t kPeriod = 16 << 10;
/// A guarded object is no sample, and comes when its time has come.
constexpr slab_flags_t kFlags = SLAB_NO_MERGE | SLAB_SKIP_KFENCE;

/// How many blocks of so many bytes are sampled and out.
uint64_t live_of(size_t size) {
  uint64_t n = 0;
  for (uint32_t i = 0; kmem_profile.world.blocks.peek() && i < ProfileWorld::kNrBlocks; ++i) {
    const ProfileBlock& block = kmem_profile.world.blocks.peek()[i];
    n += block.key.peek() > 2 && block.size == size;
  }
  return n;
}

/// The estimate of what `allocate` allocates, `count` times `size` bytes; all of it is freed by `release`.
template <typename Allocate, typename Release>
void expect_estimated(size_t size, size_t count, Allocate allocate, Release release) {
  const uint64_t live = live_of(size);
  const Totals before = totals(size, size);
  std::vector<decltype(allocate())> kept;
  {
    const Sampling sampling(kPeriod);
    for (size_t i = 0; i < count; ++i) {
      auto p = allocate();
      ASSERT_TRUE(p) << i;
      if (i % 50 == 0) kept.push_back(p);
      else release(p);
    }
    EXPECT_GT(live_of(size), live) << "a sample in " << kPeriod << " bytes, of " << kept.size() * size;
  }
  // Frees are seen after the end, too.
  for (auto p : kept) release(p);
  const Totals found = totals(size, size) - before;
  const double truth = static_cast<double>(size * count);
  EXPECT_NEAR(found.bytes, truth, 6 * found.error + truth / 1000);
  EXPECT_LT(found.error, truth / 5);
  EXPECT_EQ(found.frees, found.allocs);
  EXPECT_EQ(live_of(size), live);
  EXPECT_FALSE(check_system());
}

TEST(ProfileOfTheKernelsNames, SeesObjectsOfCaches) {
  for (const unsigned size : {24u, 248u, 3000u, 40'000u, 300'000u}) {
    kmem_cache* cache = kmem_cache_create("profiled", size, 0, kFlags, nullptr);
    ASSERT_NE(cache, nullptr);
    expect_estimated(
        size, 40'000'000 / size, [&] { return kmem_cache_alloc(cache, GFP_KERNEL); },
        [&](void* p) { kmem_cache_free(cache, p); });
    EXPECT_EQ(kmem_cache_destroy(cache), 0) << size;
  }
}

TEST(ProfileOfTheKernelsNames, SeesObjectsThatKfreeFrees) {
  kmem_cache* cache = kmem_cache_create("profiled", 328, 0, kFlags, nullptr);
  expect_estimated(
      328, 100'000, [&] { return kmem_cache_zalloc(cache, GFP_KERNEL); }, [](void* p) { kfree(p); });
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST(ProfileOfTheKernelsNames, SeesWhatIsAllocatedInBulk) {
  kmem_cache* cache = kmem_cache_create("profiled", 456, 0, kFlags, nullptr);
  const uint64_t live = live_of(456);
  const Totals before = totals(456, 456);
  {
    const Sampling sampling(kPeriod);
    void* objects[40];
    for (int i = 0; i < 3000; ++i) {
      ASSERT_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL, 40, objects), 40);
      kmem_cache_free_bulk(cache, 40, objects);
    }
  }
  const Totals found = totals(456, 456) - before;
  EXPECT_NEAR(found.bytes, 3000. * 40 * 456, 6 * found.error);
  EXPECT_EQ(found.frees, found.allocs);
  EXPECT_EQ(live_of(456), live);
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST(ProfileOfTheKernelsNames, SeesElementsOfPools) {
  kmem_cache* cache = kmem_cache_create("profiled", 584, 0, kFlags, nullptr);
  mempool_t* pool = mempool_create_slab_pool(4, cache);
  ASSERT_NE(pool, nullptr);
  expect_estimated(
      584, 60'000, [&] { return mempool_alloc(pool, GFP_KERNEL); }, [&](void* p) { mempool_free(p, pool); });
  mempool_destroy(pool);
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

struct Request {
  explicit Request(int n) : number(n) {}
  int number;
  char text[660];
};

TEST(ProfileOfTheKernelsNames, SeesObjectsOfTypedCaches) {
  kmem::cache<Request> requests("profiled");
  expect_estimated(
      sizeof(Request), 60'000, [&] { return requests.make(7).release(); },
      [&](Request* p) { kmem::cache<Request>::deleter(requests.native())(p); });
}

// A sample is an object like any other: constructed, in no other cache, and the cache ends when it is freed.
TEST(ProfileOfTheKernelsNames, SamplesAreObjectsOfTheirCache) {
  for (const slab_flags_t flags : {slab_flags_t{0}, SLAB_TYPESAFE_BY_RCU, SLAB_HWCACHE_ALIGN}) {
    kmem_cache* cache = kmem_cache_create(
        "constructed", 776, 0, flags | kFlags, +[](void* p) { *static_cast<uint64_t*>(p) = 0x5eed; });
    ASSERT_NE(cache, nullptr);
    const Sampling sampling(1);
    std::vector<uint64_t*> objects;
    for (int i = 0; i < 100; ++i) {
      objects.push_back(static_cast<uint64_t*>(kmem_cache_alloc(cache, GFP_KERNEL)));
      ASSERT_NE(objects.back(), nullptr);
      EXPECT_EQ(*objects.back(), 0x5eedu);
      EXPECT_EQ(system().heap.classify(objects.back()).cache, &cache_of(cache));
    }
    EXPECT_GT(live_of(776), 90u) << "all but those of a thread that moved to another CPU";
    EXPECT_EQ(cache_of(cache).nr_in_use(), 100);
    EXPECT_FALSE(check_system());
    for (uint64_t* p : objects) kmem_cache_free(cache, p);
    EXPECT_EQ(live_of(776), 0u);
    EXPECT_EQ(cache_of(cache).nr_in_use(), 0);
    EXPECT_EQ(kmem_cache_destroy(cache), 0);
  }
}

// Their free bits do not fit where those of a slab for samples lie.
TEST(ProfileOfTheKernelsNames, TheSmallestObjectsAreNotSampled) {
  kmem_cache* cache = kmem_cache_create("smallest", 8, 8, kFlags, nullptr);
  const Sampling sampling(1);
  const uint64_t live = kmem_profile.world.live.value();
  std::vector<void*> objects;
  for (int i = 0; i < 3000; ++i) objects.push_back(kmem_cache_alloc(cache, GFP_KERNEL));
  EXPECT_EQ(live_of(8), 0u);
  for (void* p : objects) kmem_cache_free(cache, p);
  EXPECT_GE(kmem_profile.world.live.value(), live);
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST(ProfileOfTheKernelsNames, SeesPages) {
  for (const unsigned order : {0u, 3u}) {
    expect_estimated(
        PAGE_SIZE << order, 4000 >> order, [&] { return alloc_pages(GFP_KERNEL, order); },
        [&](struct page* page) { __free_pages(page, order); });
  }
  expect_estimated(
      PAGE_SIZE, 4000, [] { return __get_free_page(GFP_KERNEL); }, [](unsigned long page) { free_page(page); });
  expect_estimated(
      PAGE_SIZE, 4000, [] { return alloc_page(GFP_KERNEL); },
      [](struct page* page) {
        get_page(page);
        put_page(page);
        put_page(page);
      });
}

// A block that is split: the profile knows it until its first page is freed.
TEST(ProfileOfTheKernelsNames, SeesTheEndOfASplitBlock) {
  const Sampling sampling(1);
  const uint64_t live = live_of(4 * PAGE_SIZE);
  struct page* page = nullptr;
  for (int tries = 0; tries < 10 && live_of(4 * PAGE_SIZE) == live; ++tries) {
    if (page) __free_pages(page, 2);
    page = alloc_pages(GFP_KERNEL, 2);
  }
  EXPECT_EQ(live_of(4 * PAGE_SIZE), live + 1);
  split_page(page, 2);
  for (int i = 3; i >= 0; --i) {
    EXPECT_EQ(live_of(4 * PAGE_SIZE), live + 1) << i;
    __free_page(page + i);
  }
  EXPECT_EQ(live_of(4 * PAGE_SIZE), live);
  EXPECT_FALSE(check_system());
}

TEST(ProfileOfTheKernelsNames, SeesVmallocAndPerCpuMemory) {
  expect_estimated(
      50'000, 400, [] { return vmalloc(50'000); }, [](void* p) { vfree(p); });
  expect_estimated(
      nr_cpu_ids * 1024, 2000, [] { return __alloc_percpu(1024, 8); }, [](void* p) { free_percpu(p); });
}

TEST(ProfileOfTheKernelsNames, FollowsVmallocThatChangesItsSize) {
  const Sampling sampling(1);
  const uint64_t live = kmem_profile.world.live.value();
  void* p = vmalloc(100'000);
  for (const size_t size : {120'000, 10'000, 1'000'000, 999'000}) {
    p = vrealloc(p, size, GFP_KERNEL);
    ASSERT_NE(p, nullptr);
    EXPECT_EQ(kmem_profile.world.live.value(), live + 1) << size;
  }
  vfree(p);
  EXPECT_EQ(kmem_profile.world.live.value(), live);
}

// A reader in another process closes the fast paths and then does not wait for the next call.
TEST(ProfileOfTheKernelsNames, PathsThatWereClosedFromOutsideAreOpenedAgain) {
  kmem_cache* cache = kmem_cache_create("profiled", 904, 0, kFlags, nullptr);
  ASSERT_TRUE(boot());
  const Slot slot = cache_of(cache).fast().slot;
  const uint64_t head = kmem_listed_head;
  const ProfileWorld& world = kmem_profile.world;
  const auto slot_of = [&](uint32_t i) {
    return reinterpret_cast<Slot*>(reinterpret_cast<uintptr_t>(world.first_cache_slot) + i * world.cache_stride);
  };
  bool found = false;
  for (uint32_t i = 0; i < world.nr_caches->load(); ++i) {
    found = found || *slot_of(i) == slot;
    *slot_of(i) = {};
  }
  EXPECT_TRUE(found);
  *world.malloc_limit = *world.kmalloc_limit = *world.listed_head = 0;
  kmem_profile.world.in_force.store(ProfileWorld::kAgain);
  kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
  EXPECT_EQ(cache_of(cache).fast().slot, slot);
  EXPECT_EQ(kmem_listed_head, head);
  EXPECT_EQ(kmem_malloc_limit, MallocClasses::kMost);
  EXPECT_EQ(kmem_kmalloc_limit, KmallocClasses::kMost);
  EXPECT_FALSE(kmem_profile.is_on() || kmem_profile.is_stale());
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

}  // namespace
}  // namespace kmem
