#include "slab/cache.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <vector>

#include "slab/cache_node.h"
#include "unit/slab/slab_world.h"

namespace kmem {

class SlabTestPeer {
 public:
  static Atomic<uint64_t>& state(Slab& s) { return s.state_; }
  static Atomic<uint64_t>& word(Slab& s, unsigned w) { return s.word(w); }
  static uint32_t& cache_id(Slab& s) { return s.cache_id_; }
};

namespace {

using test::double_frees;
using test::SlabTestWorld;
using test::TestCache;

class CacheTest : public testing::Test {
 protected:
  ~CacheTest() override {
    if (broken_) return;
    EXPECT_FALSE(cache_.check()) << cache_.check().rule;
    EXPECT_FALSE(world_.pages.check()) << world_.pages.check().rule;
  }
  void* get() { return cache_.alloc(gfp::kKernel); }
  std::vector<void*> get(size_t n) {
    std::vector<void*> held;
    for (size_t i = 0; i < n; ++i) held.push_back(get());
    return held;
  }
  void put(const std::vector<void*>& held) {
    for (void* p : held) cache_.free(p);
  }

  bool broken_ = false;
  SlabTestWorld world_;
  TestCache cache_{world_, 7, {.name = "things", .object_size = 100, .align = 8}};
};

TEST_F(CacheTest, it_is_what_it_was_made_as) {
  ASSERT_TRUE(cache_.made);
  EXPECT_STREQ(cache_.name(), "things");
  EXPECT_EQ(cache_.id(), 7u);
  EXPECT_EQ(cache_.sheaves().slot(), Slot{7});
  EXPECT_EQ(cache_.fast().class_byte, 7u);
  EXPECT_EQ(cache_.object_size(), 100u);
  EXPECT_EQ(cache_.slabs().shape().size, 104u);
  EXPECT_TRUE(cache_.live());
  EXPECT_EQ(cache_.nr_slabs(), 0);
}

TEST_F(CacheTest, a_long_name_is_cut) {
  TestCache c(world_, 8, {.name = "a name that is far longer than any name ought to be", .object_size = 8});
  EXPECT_EQ(strlen(c.name()), 31u);
}

TEST_F(CacheTest, a_size_that_no_slab_holds_is_refused) {
  EXPECT_FALSE(TestCache(world_, 8, {.name = "large", .object_size = (4 << 20) + 1}).made);
  EXPECT_FALSE(TestCache(world_, 9, {.name = "large", .object_size = 3 << 20, .align = 8 << 20}).made);
  EXPECT_TRUE(TestCache(world_, 10, {.name = "largest", .object_size = 4 << 20}).made);
}

TEST_F(CacheTest, objects_beyond_256_KiB_lie_in_no_sheaf_and_go_back_when_they_are_freed) {
  for (const uint32_t size : {257u << 10, 1u << 20, 3u << 20, 4u << 20}) {
    TestCache large(world_, 8, {.name = "large", .object_size = size, .align = 4096});
    ASSERT_TRUE(large.made);
    void *p = large.alloc(gfp::kKernel), *q = large.alloc(gfp::kKernel);
    ASSERT_TRUE(p && q);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % 4096, 0u);
    memset(p, 1, size);
    EXPECT_TRUE(large.slabs().owns(p));
    EXPECT_FALSE(large.slabs().owns(static_cast<char*>(p) + 4096));
    large.free(p);
    large.free(q);
    EXPECT_EQ(large.nr_slabs(), 0) << size;
    EXPECT_EQ(large.nr_in_use(), 0);
    EXPECT_FALSE(large.check());
    large.free(q);
    EXPECT_FALSE(test::double_frees.empty()) << "a second free is reported";
    test::double_frees.clear();
  }
}

TEST_F(CacheTest, objects_are_disjoint_and_keep_what_is_written) {
  std::vector<void*> held = get(1000);
  for (size_t i = 0; i < held.size(); ++i) memset(held[i], static_cast<int>(i % 251), 100);
  EXPECT_EQ(std::set<void*>(held.begin(), held.end()).size(), 1000u);
  for (size_t i = 0; i < held.size(); ++i)
    for (size_t b = 0; b < 100; ++b) ASSERT_EQ(static_cast<unsigned char*>(held[i])[b], i % 251);
  EXPECT_EQ(cache_.nr_in_use(), 1000);
  put(held);
  EXPECT_EQ(cache_.nr_in_use(), 0);
}

TEST_F(CacheTest, the_last_freed_comes_first) {
  void* a = get();
  void* b = get();
  cache_.free(a);
  cache_.free(b);
  EXPECT_EQ(get(), b);
  EXPECT_EQ(get(), a);
  cache_.free(a);
  cache_.free(b);
}

TEST_F(CacheTest, it_owns_its_objects_and_nothing_else) {
  TestCache other(world_, 8, {.name = "others", .object_size = 100});
  void* mine = get();
  void* its = other.alloc(gfp::kKernel);
  EXPECT_TRUE(cache_.slabs().owns(mine));
  EXPECT_FALSE(cache_.slabs().owns(static_cast<char*>(mine) + 1));
  EXPECT_FALSE(cache_.slabs().owns(static_cast<char*>(mine) + 8));
  EXPECT_FALSE(cache_.slabs().owns(its));
  EXPECT_TRUE(other.slabs().owns(its));
  const char* start = static_cast<char*>(mine) - (reinterpret_cast<uintptr_t>(mine) % cache_.slabs().shape().bytes());
  EXPECT_TRUE(cache_.slabs().owns(start + cache_.slabs().shape().waste()));
  EXPECT_TRUE(cache_.slabs().owns(start + cache_.slabs().shape().bytes() - cache_.slabs().shape().size));
  EXPECT_FALSE(cache_.slabs().owns(start + cache_.slabs().shape().waste() - cache_.slabs().shape().size)) << "before the slab";
  EXPECT_FALSE(cache_.slabs().owns(start)) << "the rest of the slab";
  cache_.free(mine);
  other.free(its);
}

TEST_F(CacheTest, alignment_is_kept_for_every_object) {
  uint32_t id = 20;
  for (const uint32_t align : {8u, 16u, 64u, 256u, 1024u, 4096u}) {
    TestCache c(world_, id++, {.name = "aligned", .object_size = 24, .align = align});
    for (int i = 0; i < 300; ++i) ASSERT_EQ(reinterpret_cast<uintptr_t>(c.alloc(gfp::kKernel)) % align, 0u);
  }
}

TEST_F(CacheTest, shrinking_gives_every_frame_back_when_nothing_is_out) {
  put(get(5000));
  EXPECT_GT(cache_.nr_slabs(), 0);
  EXPECT_GT(cache_.shrink(kmem::OtherCpus::Interrupt), 0u);
  EXPECT_EQ(cache_.nr_slabs(), 0);
  EXPECT_EQ(cache_.sheaves().nr_objects(), 0u);
  EXPECT_EQ(world_.frames_in_use(), 0u);
}

TEST_F(CacheTest, shrinking_keeps_the_slabs_of_what_is_out) {
  std::vector<void*> held = get(500);
  void* one = held.back();
  held.pop_back();
  memset(one, 0x5c, 100);
  put(held);
  cache_.shrink(kmem::OtherCpus::Interrupt);
  EXPECT_EQ(cache_.nr_slabs(), 1);
  EXPECT_EQ(cache_.nr_in_use(), 1);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(static_cast<char*>(one)[i], 0x5c);
  cache_.free(one);
  cache_.shrink(kmem::OtherCpus::Interrupt);
  EXPECT_EQ(cache_.nr_slabs(), 0);
}

TEST_F(CacheTest, most_of_a_burst_goes_back_by_itself) {
  put(get(200'000));
  EXPECT_LT(cache_.nr_slabs() * cache_.slabs().shape().bytes(), 4 << 20);
}

TEST_F(CacheTest, n_objects_or_none) {
  void* objects[300];
  ASSERT_TRUE(cache_.alloc_bulk(gfp::kKernel, 300, objects));
  EXPECT_EQ(std::set<void*>(objects, objects + 300).size(), 300u);
  EXPECT_EQ(cache_.nr_in_use(), 300);
  for (void* p : objects) cache_.free(p);
  std::vector<void*> many(4 << 20);
  EXPECT_FALSE(cache_.alloc_bulk(gfp::kKernel, many.size(), many.data())) << "400 MB in 256";
  EXPECT_EQ(cache_.nr_in_use(), 0);
}

/// Each CPU has a sheaf and each part of a barn its counts: who is moved between two would see other numbers.
class HeldOnThisCpu {
 public:
  HeldOnThisCpu() {
    sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
  }
  ~HeldOnThisCpu() { sched_setaffinity(0, sizeof before_, &before_); }

 private:
  cpu_set_t before_;
};

// Wherever the sheaf stands, a few objects taken and given again and again soon exchange no more sheaves.
TEST_F(CacheTest, small_swings_do_not_exchange_sheaves_for_ever) {
  const HeldOnThisCpu held_here;
  std::vector<void*> held = get(1000);
  for (unsigned start = 0; start < 140; start += 7) {
    put(std::vector<void*>(held.end() - 7, held.end()));
    held.resize(held.size() - 7);
    for (int i = 0; i < 8; ++i) put(get(32));
    const uint64_t before = cache_.calls().read().refills + cache_.calls().read().drains;
    for (int i = 0; i < 100; ++i) put(get(32));
    EXPECT_LE(cache_.calls().read().refills + cache_.calls().read().drains, before + 2) << start;
  }
  put(held);
}

// Half a sheaf does not help where nearly a whole one swings: it is tried again after ever more turns.
TEST_F(CacheTest, large_swings_try_half_a_sheaf_ever_less_often) {
  const HeldOnThisCpu held_here;
  std::vector<void*> held = get(1000);
  const auto turns_needed = [this] {
    uint32_t most = 0;
    for (unsigned i = 0; i < 1u << TestCache::kLog2Parts; ++i)
      most = std::max(most, cache_.slabs().node(0).barn.part(i).turns_needed.peek());
    return most;
  };
  for (int i = 0; i < 2000; ++i) put(get(cache_.sheaves().capacity() - 2));
  EXPECT_GE(turns_needed(), 3u * 4 * 4) << "an attempt every three turns would have been dear";
  put(held);  // many brought, none fetched
  EXPECT_EQ(turns_needed(), 3u) << "another time, another pattern";
}

TEST_F(CacheTest, what_is_on_top_of_the_sheaf_and_freed_again_is_reported) {
  void* p = get();
  cache_.free(p);
  cache_.free(p);
  EXPECT_EQ(double_frees, std::vector<const void*>{p});
}

TEST_F(CacheTest, what_was_freed_twice_is_reported_when_it_reaches_its_slab) {
  void* p = get();
  void* q = get();
  cache_.free(p);
  cache_.free(q);
  cache_.free(p);
  EXPECT_TRUE(cache_.check());
  cache_.shrink(kmem::OtherCpus::Interrupt);
  EXPECT_EQ(double_frees, std::vector<const void*>{p});
  EXPECT_EQ(cache_.nr_in_use(), 0);
}

TEST_F(CacheTest, without_sheaves_objects_come_straight_from_the_slabs) {
  while (world_.sheaves.get()) {
  }
  std::vector<void*> held = get(500);
  EXPECT_EQ(std::set<void*>(held.begin(), held.end()).size(), 500u);
  put(held);
  EXPECT_EQ(cache_.nr_in_use(), 0);
  cache_.shrink(kmem::OtherCpus::Interrupt);
  EXPECT_EQ(world_.frames_in_use(), 0u);
}

TEST_F(CacheTest, the_fast_paths_divisor_is_there_as_long_as_the_cache_is) {
  EXPECT_EQ(world_.world.divisors[7].high, ~(cache_.slabs().shape().bytes() - 1));
  EXPECT_EQ(world_.world.class_sizes[7], 100u);
  cache_.retire();
  EXPECT_EQ(world_.world.divisors[7].high, ~0u);
  EXPECT_FALSE(cache_.live());
  EXPECT_TRUE(cache_.reclaim_place());
  EXPECT_FALSE(cache_.reclaim_place()) << "by one only";
}

// Small objects lay their free bits over the descriptors of further frames; those go back as nobody's.
TEST_F(CacheTest, descriptors_of_a_slab_that_is_gone_say_that_nobody_has_them) {
  for (const uint32_t id : {30u, 300u}) {
    TestCache tiny(world_, id, {.name = "tiny", .object_size = id == 30 ? 8u : 3000u});
    std::vector<void*> held;
    for (int i = 0; i < 20'000; ++i) held.push_back(tiny.alloc(gfp::kKernel));
    for (void* p : held) tiny.free(p);
    tiny.shrink(kmem::OtherCpus::Interrupt);
    world_.pages.drain();
    std::vector<Page*> pages;
    for (int i = 0; i < 2000; ++i) pages.push_back(world_.pages.alloc(gfp::kKernel, {0}, kNoNode));
    const Fault fault = world_.pages.check();
    EXPECT_FALSE(fault) << fault.rule;
    for (Page* page : pages) EXPECT_TRUE(world_.pages.free(page, {0}));
  }
}

// Constructors ----------------------------------------------------------------------------------------------------------

struct Hooked {
  static inline int made, gone;
  static void hook(void* object, Cache*, HookCall call) {
    const bool creating = call == HookCall::Construct;
    ++(creating ? made : gone);
    if (creating) memset(object, 0x11, 100);
  }
};

TEST_F(CacheTest, a_constructor_runs_once_for_each_object_and_not_for_each_allocation) {
  Hooked::made = Hooked::gone = 0;
  TestCache c(world_, 9, {.name = "made", .object_size = 100, .hook = Hooked::hook});
  auto* p = static_cast<char*>(c.alloc(gfp::kKernel));
  EXPECT_EQ(Hooked::made, static_cast<int>(c.slabs().shape().nr_objects));
  EXPECT_EQ(p[99], 0x11);
  p[99] = 0x22;
  c.free(p);
  EXPECT_EQ(c.alloc(gfp::kKernel), p);
  EXPECT_EQ(p[99], 0x22) << "it keeps its state";
  c.free(p);
  c.shrink(kmem::OtherCpus::Interrupt);
  EXPECT_EQ(Hooked::gone, Hooked::made);
}

// Many caches -----------------------------------------------------------------------------------------------------------

TEST_F(CacheTest, caches_that_came_too_late_for_a_class_share_one_and_are_told_apart) {
  TestCache a(world_, 400, {.name = "a", .object_size = 700}), b(world_, 401, {.name = "b", .object_size = 5000});
  EXPECT_EQ(a.fast().class_byte, kSharedClass);
  EXPECT_EQ(b.fast().class_byte, kSharedClass);
  EXPECT_FALSE(a.sheaves().slot() == b.sheaves().slot());
  std::vector<void*> as, bs;
  for (int i = 0; i < 300; ++i) {
    as.push_back(a.alloc(gfp::kKernel));
    bs.push_back(b.alloc(gfp::kKernel));
    memset(as.back(), 1, 700);
    memset(bs.back(), 2, 5000);
  }
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(a.slabs().owns(as[i]) && b.slabs().owns(bs[i]) && !a.slabs().owns(bs[i]) && !b.slabs().owns(as[i]));
    ASSERT_EQ(static_cast<char*>(as[i])[699], 1);
    a.free(as[i]);
    b.free(bs[i]);
  }
  EXPECT_FALSE(a.check()) << a.check().rule;
  EXPECT_FALSE(b.check()) << b.check().rule;
  a.shrink(kmem::OtherCpus::Interrupt);
  b.shrink(kmem::OtherCpus::Interrupt);
  EXPECT_EQ(world_.frames_in_use(), 0u);
}

TEST_F(CacheTest, a_cache_that_keeps_its_slabs_keeps_them_until_it_goes_for_good) {
  TestCache c(world_, 9, {.name = "kept", .object_size = 100, .keeps_slabs = true});
  c.free(c.alloc(gfp::kKernel));
  EXPECT_EQ(c.shrink(kmem::OtherCpus::Interrupt), 0u);
  EXPECT_GT(c.nr_slabs(), 0);
  EXPECT_GT(c.slabs().release_all_empty(), 0u);
  EXPECT_EQ(c.nr_slabs(), 0);
}

TEST(CacheNodesTest, an_object_comes_from_the_node_that_was_asked_for) {
  SlabTestWorld world({{4096, 64, 0}, {4160, 64, 1}});
  TestCache cache(world, 7, {.name = "things", .object_size = 100});
  for (int nid = 0; nid < 2; ++nid) {
    for (int i = 0; i < 100; ++i) {
      void* p = cache.alloc(gfp::kKernel, nid);
      ASSERT_TRUE(p);
      EXPECT_EQ(world.pages.zone_of(world.pages.pfn_of_address(p))->node().value, nid);
    }
  }
  EXPECT_EQ(cache.alloc(gfp::kKernel, 5), nullptr) << "there is no such node";
  EXPECT_FALSE(cache.check()) << cache.check().rule;
}

TEST(CacheNodesTest, a_cache_for_devices_has_its_slabs_below_16_MiB) {
  SlabTestWorld world({{0, 16}, {4096, 64}});
  TestCache cache(world, 7, {.name = "dma", .object_size = 100, .gfp = gfp::kDma});
  for (int i = 0; i < 1000; ++i) {
    void* p = cache.alloc(gfp::kKernel);
    ASSERT_TRUE(p);
    ASSERT_LT(world.pages.pfn_of_address(p).value, uint64_t{4096});
  }
}

// The walker ------------------------------------------------------------------------------------------------------------

class CacheWalkerTest : public CacheTest {
 protected:
  CacheWalkerTest() {
    broken_ = true;
    held_ = get(3);
    EXPECT_FALSE(cache_.check());
  }
  /// The slab of which three objects are out; it is on a partial list.
  Slab& slab() { return *cache_.slabs().frames().slab_of(held_[0]); }
  Sheaf& fill_barn(unsigned nr) {
    Barn& barn = cache_.slabs().node(0).barn;
    for (unsigned i = 0; i < nr; ++i) {
      Sheaf sheaf = Sheaf::empty(world_.sheaves.get(), 2);
      sheaf.put(held_[2 * i]);
      sheaf.put(held_[2 * i + 1]);
      EXPECT_TRUE(barn.put(world_.sheaves, 0, sheaf, Barn::kMost));
      last_ = sheaf;
    }
    return last_;
  }
  void expect(const char* rule) {
    const Fault fault = cache_.check();
    ASSERT_TRUE(fault);
    EXPECT_TRUE(fault.is(rule)) << fault.rule;
  }

  std::vector<void*> held_;
  Sheaf last_;
};

TEST_F(CacheWalkerTest, S1_a_count_that_is_not_the_bits) {
  SlabTestPeer::state(slab()).fetch_add(1);
  expect("S1");
}

TEST_F(CacheWalkerTest, S2_a_slab_on_a_list_that_does_not_know_it) {
  SlabTestPeer::state(slab()).fetch_and(0xffffffff);
  expect("S2");
}

TEST_F(CacheWalkerTest, S2_a_slab_with_free_objects_that_is_in_no_list) {
  ASSERT_EQ(cache_.slabs().node(0).slabs.pop(cache_.slabs().frames().links()), &slab());
  expect("S2");
  SlabTestPeer::state(slab()).fetch_and(0xffffffff);  // and does not say that it is
  expect("S2");
}

TEST_F(CacheWalkerTest, C5_a_slab_too_many_is_counted) {
  cache_.slabs().node(0).slabs.count_slab();
  expect("C5");
}

TEST_F(CacheWalkerTest, C6_an_object_too_many_is_counted) {
  cache_.slabs().node(0).slabs.count_out(1);
  expect("C6");
}

TEST_F(CacheWalkerTest, S3_a_bit_beyond_the_last_object) {
  const unsigned last = cache_.slabs().shape().nr_words() - 1;
  ASSERT_NE(cache_.slabs().shape().nr_objects % 64, 0u);
  SlabTestPeer::word(slab(), last).fetch_or(uint64_t{1} << 63);
  expect("S3");
}

TEST_F(CacheWalkerTest, S4_a_frame_of_another_class) {
  world_.world.frame_class[world_.pages.pfn_of_address(held_[0]).value] = 8;
  expect("S4");
}

TEST_F(CacheWalkerTest, C1_a_slab_of_another_cache) {
  SlabTestPeer::cache_id(slab()) = 8;
  expect("C1");
}

TEST_F(CacheWalkerTest, C2_a_sheaf_in_the_barn_with_a_stranger_in_it) {
  fill_barn(1);
  ASSERT_FALSE(cache_.check()) << cache_.check().rule;
  last_.words[last_.top] += 8;
  expect("C2");
}

TEST_F(CacheWalkerTest, C7_a_sheaf_in_the_barn_with_an_object_twice) {
  fill_barn(1);
  last_.words[last_.top] = last_.words[last_.top + 1];
  expect("C7");
}

TEST_F(CacheWalkerTest, C7_an_object_in_two_sheaves_of_the_barn) {
  held_ = get(4);
  fill_barn(2);
  ASSERT_FALSE(cache_.check()) << cache_.check().rule;
  last_.words[last_.top] = reinterpret_cast<uint64_t>(held_[0]);
  expect("C7");
}

TEST_F(CacheWalkerTest, C7_an_object_of_a_cpu_that_is_in_the_barn_too) {
  fill_barn(1);
  cache_.free(held_[0]);
  expect("C7");
}

TEST_F(CacheWalkerTest, C2_a_sheaf_in_the_barn_with_an_object_that_is_in_its_slab) {
  fill_barn(1);
  (void)slab().put(0, uint64_t{1} << 0);
  ASSERT_TRUE(slab().is_free(0));
  expect("C2");
}

TEST_F(CacheWalkerTest, C3_a_cpu_with_an_object_that_is_in_its_slab) {
  cache_.free(held_[0]);
  const uint32_t index = static_cast<uint32_t>(static_cast<char*>(held_[0]) -
                                               world_.pages.address({round_down(world_.pages.pfn_of_address(held_[0]).value,
                                                                                cache_.slabs().shape().order.pages())})) /
                         cache_.slabs().shape().size;
  (void)slab().put(index / 64, uint64_t{1} << (index % 64));
  expect("C3");
}

TEST_F(CacheWalkerTest, C4_a_barn_that_forgets_a_sheaf) {
  held_ = get(4);
  fill_barn(2);
  ASSERT_FALSE(cache_.check()) << cache_.check().rule;
  world_.sheaves.link(world_.sheaves.index(last_.words)).store(0);
  expect("C4");
}

}  // namespace
}  // namespace kmem
