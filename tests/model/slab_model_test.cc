// Caches against the simplest model there is: a list of what is held, and what was written into it.

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "steps.h"
#include "unit/slab/slab_world.h"

namespace kmem {
namespace {

using test::double_frees;
using test::Random;
using test::SlabTestWorld;
using test::TestCache;

/// Sizes and ids that meet every kind of slab: bits over several descriptors, large objects, a shared class.
struct Kind {
  uint32_t id, size, align;
};
constexpr Kind kKinds[] = {{1, 8, 8},    {2, 24, 8},     {3, 64, 64},    {4, 100, 8},  {5, 700, 8},
                           {6, 4096, 8}, {7, 20'000, 8}, {8, 65'536, 8}, {300, 48, 8}, {301, 3000, 8}};

struct Held {
  char* object;
  uint32_t cache;
  uint8_t mark;
};

class Walk {
 public:
  explicit Walk(uint64_t seed, uint32_t nr_sheaves = 4096)
      : random_(seed), world_({{4096, 128, 0}, {4224, 128, 1}}, nr_sheaves) {
    for (const Kind& kind : kKinds)
      caches_.push_back(std::make_unique<TestCache>(
          world_, kind.id, Cache::Setup{.name = "model", .object_size = kind.size, .align = kind.align}));
  }

  void step() {
    switch (random_.below(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
      case 5: return take(random_.one_in(8) ? static_cast<int>(random_.below(2)) : kNoNode);
      case 6: return take_many();
      case 7: return random_.one_in(20) ? give_all() : give_one();
      case 8: return random_.one_in(100) ? shrink() : give_one();
      default: return give_one();
    }
  }
  void check() {
    for (const auto& cache : caches_) {
      const Fault fault = cache->check();
      ASSERT_FALSE(fault) << cache->object_size() << ": " << fault.rule;
      ASSERT_EQ(static_cast<size_t>(cache->nr_in_use()), nr_held(*cache));
    }
    const Fault fault = world_.pages.check();
    ASSERT_FALSE(fault) << fault.rule;
    ASSERT_TRUE(double_frees.empty());
  }
  void end() {
    while (!held_.empty()) give(held_.size() - 1);
    check();
    for (const auto& cache : caches_) {
      cache->shrink(kmem::OtherCpus::Interrupt);
      EXPECT_EQ(cache->nr_slabs(), 0) << cache->object_size();
    }
    EXPECT_EQ(world_.frames_in_use(), 0u);
  }

 private:
  size_t nr_held(const Cache& cache) const {
    size_t n = 0;
    for (const Held& h : held_) n += caches_[h.cache].get() == &cache;
    return n;
  }
  void hold(char* object, uint32_t cache) {
    ASSERT_EQ(reinterpret_cast<uintptr_t>(object) % kKinds[cache].align, 0u);
    ASSERT_TRUE(caches_[cache]->slabs().owns(object));
    const auto mark = static_cast<uint8_t>(random_.next());
    memset(object, mark, kKinds[cache].size);
    held_.push_back({object, cache, mark});
  }
  void take(int nid) {
    if (held_.size() > 4000) return give_one();
    const auto cache = static_cast<uint32_t>(random_.below(std::size(kKinds)));
    auto* object = static_cast<char*>(caches_[cache]->alloc(gfp::kKernel, nid));
    if (object) hold(object, cache);
  }
  void take_many() {
    if (held_.size() > 4000) return;
    const auto cache = static_cast<uint32_t>(random_.below(5));
    void* objects[200];
    const size_t n = 1 + random_.below(200);
    if (!caches_[cache]->alloc_bulk(gfp::kKernel, n, objects)) return;
    for (size_t i = 0; i < n; ++i) hold(static_cast<char*>(objects[i]), cache);
  }
  void give(size_t at) {
    const Held h = held_[at];
    held_[at] = held_.back();
    held_.pop_back();
    const uint32_t size = kKinds[h.cache].size;
    for (uint32_t i = 0; i < size; i += size < 256 ? 1 : 61) ASSERT_EQ(static_cast<uint8_t>(h.object[i]), h.mark);
    ASSERT_EQ(static_cast<uint8_t>(h.object[size - 1]), h.mark);
    caches_[h.cache]->free(h.object);
  }
  void give_one() {
    if (!held_.empty()) give(random_.below(held_.size()));
  }
  void give_all() {
    const size_t keep = random_.below(held_.size() + 1);
    while (held_.size() > keep) give_one();
  }
  void shrink() {
    caches_[random_.below(caches_.size())]->shrink(random_.one_in(2) ? kmem::OtherCpus::Interrupt : kmem::OtherCpus::Ask);
  }

  Random random_;
  SlabTestWorld world_;
  std::vector<std::unique_ptr<TestCache>> caches_;
  std::vector<Held> held_;
};

class SlabModelTest : public testing::TestWithParam<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(seed, SlabModelTest, testing::Range(uint64_t{1}, uint64_t{4}));

TEST_P(SlabModelTest, a_random_walk_over_ten_caches_and_two_nodes_loses_and_doubles_nothing) {
  Walk walk(GetParam());
  for (int i = 0; i < test::steps(300'000) && !HasFailure(); ++i) {
    walk.step();
    if (i % 8192 == 0) walk.check();
  }
  walk.end();
}

TEST_P(SlabModelTest, nor_does_one_with_hardly_a_sheaf) {
  Walk walk(GetParam() + 100, 6);
  for (int i = 0; i < test::steps(30'000) && !HasFailure(); ++i) walk.step();
  walk.end();
}

// Threads ---------------------------------------------------------------------------------------------------------------

/// Objects pass from thread to thread through common places; each carries its size and a pattern.
class SlabThreadsTest : public testing::Test {
 protected:
  SlabThreadsTest() {
    for (const Kind& kind : kKinds)
      caches_.push_back(std::make_unique<TestCache>(
          world_, kind.id, Cache::Setup{.name = "threads", .object_size = kind.size, .align = kind.align}));
  }
  void put_in(uint64_t& place, uint32_t cache, char* object, unsigned mark) {
    memset(object, static_cast<int>(mark), kKinds[cache].size);
    object[0] = static_cast<char>(mark ^ 0x5a);
    place = reinterpret_cast<uint64_t>(object) << 4 | cache;  // addresses have 48 bits
  }
  void take_out(uint64_t place) {
    auto* object = reinterpret_cast<char*>(place >> 4);
    const auto cache = static_cast<uint32_t>(place & 15);
    const char mark = static_cast<char>(object[0] ^ 0x5a);
    for (uint32_t i = 1; i < kKinds[cache].size; i += 1 + kKinds[cache].size / 64)
      if (object[i] != mark) wrong_.fetch_add(1);
    caches_[cache]->free(object);
  }
  void run(unsigned id) {
    Random random(id);
    for (int i = 0; i < test::steps(150'000); ++i) {
      const auto cache = static_cast<uint32_t>(random.below(std::size(kKinds)));
      auto* object = static_cast<char*>(caches_[cache]->alloc(gfp::kKernel));
      uint64_t parcel = 0;
      object ? put_in(parcel, cache, object, static_cast<unsigned>(random.next())) : void(refused_.fetch_add(1));
      if (const uint64_t old = places_[random.below(kPlaces)].exchange(parcel)) take_out(old);
      if (random.one_in(1000))
        caches_[random.below(caches_.size())]->shrink(random.one_in(2) ? kmem::OtherCpus::Interrupt : kmem::OtherCpus::Ask);
    }
  }

  static constexpr unsigned kPlaces = 1000;
  SlabTestWorld world_;
  std::vector<std::unique_ptr<TestCache>> caches_;
  Atomic<uint64_t> places_[kPlaces];
  Atomic<uint64_t> wrong_, refused_;
};

TEST_F(SlabThreadsTest, what_one_thread_filled_another_finds_and_frees) {
  std::vector<std::thread> threads;
  for (unsigned id = 1; id <= 4; ++id) threads.emplace_back([this, id] { run(id); });
  for (std::thread& t : threads) t.join();
  for (auto& place : places_)
    if (const uint64_t old = place.exchange(0)) take_out(old);
  EXPECT_EQ(wrong_.load(), 0u);
  EXPECT_EQ(refused_.load(), 0u);
  EXPECT_TRUE(double_frees.empty());
  for (const auto& cache : caches_) {
    const Fault fault = cache->check();
    EXPECT_FALSE(fault) << cache->object_size() << ": " << fault.rule;
    EXPECT_EQ(cache->nr_in_use(), 0) << cache->object_size();
    cache->shrink(kmem::OtherCpus::Interrupt);
    EXPECT_EQ(cache->nr_slabs(), 0) << cache->object_size();
  }
  EXPECT_EQ(world_.frames_in_use(), 0u);
  EXPECT_FALSE(world_.pages.check());
}

}  // namespace
}  // namespace kmem
