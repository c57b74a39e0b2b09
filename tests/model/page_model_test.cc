// The page allocator against the simplest model there is: a map of what is held, and a byte for each frame.

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "steps.h"
#include "unit/page/small_machine.h"

namespace kmem {
namespace {

using test::kMiB;
using test::PageWorld;
using test::Random;

constexpr uint64_t kMiBFrames = kMiB >> kPageShift;

/// A block or run that the model holds.
struct Held {
  Page* page;
  uint64_t nr;
  uint8_t order;
  bool run;
  uint32_t mark;
};

class Walk {
 public:
  explicit Walk(uint64_t seed)
      : random_(seed), world_({{0, 16}, {16, 112}, {4096, 128}}), pages_(world_.pages), owned_(4224 * kMiBFrames) {}
  ~Walk() {
    while (!held_.empty()) release(held_.size() - 1);
    pages_.drain();
    for (unsigned i = 0; i < pages_.nr_zones(); ++i) {
      EXPECT_EQ(pages_.zone(i).nr_in_use(), pages_.zone(i).first().value == 0 && pages_.zone(i).counts().nr_online() ? 1u : 0u);
      uint64_t whole = pages_.zone(i).frames().count_whole_blocks();
      if (pages_.zone(i).first().value == 0) ++whole;  // frame 0 is nobody's
      EXPECT_GE(whole * kBlockFrames, pages_.zone(i).counts().nr_online()) << "every block is whole again";
    }
    check();
  }

  void step() {
    switch (random_.below(16)) {
      case 0:
      case 1:
      case 2:
      case 3: return take_block(0);
      case 4:
      case 5: return take_block(static_cast<unsigned>(random_.below(kMaxOrder + 1)));
      case 6:
      case 7: return take_run();
      case 8: return resize();
      case 9: return misuse();
      case 10: return random_.one_in(50) ? give_back() : take_block(0);
      default: return held_.empty() ? void() : release(random_.below(held_.size()));
    }
  }
  void check() {
    const Fault fault = pages_.check();
    ASSERT_FALSE(fault) << fault.rule << " at " << fault.where;
  }

 private:
  uint32_t* words(const Held& h, uint64_t frame) {
    return reinterpret_cast<uint32_t*>(pages_.address(pages_.pfn_of(h.page) + frame));
  }
  /// Takes the frames in the model, and marks the first and last word of each.
  void mark(const Held& h, uint64_t from) {
    for (uint64_t i = from; i < h.nr; ++i) {
      ASSERT_FALSE(owned_[pages_.pfn_of(h.page).value + i]) << "handed out twice";
      owned_[pages_.pfn_of(h.page).value + i] = true;
      words(h, i)[0] = words(h, i)[1023] = h.mark;
    }
  }
  void unmark(const Held& h, uint64_t from) {
    for (uint64_t i = from; i < h.nr; ++i) {
      ASSERT_EQ(words(h, i)[0], h.mark);
      ASSERT_EQ(words(h, i)[1023], h.mark);
      owned_[pages_.pfn_of(h.page).value + i] = false;
    }
  }
  void hold(Held h, bool zeroed) {
    for (uint64_t i = 0; zeroed && i < h.nr; ++i) ASSERT_EQ(words(h, i)[0] | words(h, i)[500] | words(h, i)[1023], 0u);
    h.mark = ++marks_;
    mark(h, 0);
    held_.push_back(h);
  }
  Gfp some_gfp() {
    constexpr Gfp kChoices[] = {gfp::kKernel, gfp::kKernel, gfp::kAtomic, gfp::kDma, gfp::kDma32, gfp::kCold};
    return kChoices[random_.below(6)] | (random_.one_in(8) ? gfp::kZero : 0);
  }
  void take_block(unsigned order) {
    if (held_.size() > 3000) return release(random_.below(held_.size()));
    const Gfp gfp = some_gfp();
    Page* page = pages_.alloc(gfp, {static_cast<uint8_t>(order)}, random_.one_in(4) ? 0 : kNoNode);
    if (!page) return;
    const Pfn pfn = pages_.pfn_of(page);
    ASSERT_EQ(pfn.value % (1u << order), 0u);
    const uint64_t end = gfp & gfp::kDma ? 16 * kMiBFrames : gfp & gfp::kDma32 ? 4096 * kMiBFrames : pages_.frames_end();
    ASSERT_LT(pfn.value, end);
    hold({page, uint64_t{1} << order, static_cast<uint8_t>(order), false, 0}, gfp & gfp::kZero);
  }
  void take_run() {
    const uint64_t nr = 1 + random_.below(random_.one_in(3) ? 1024 : 40);
    const Order align{static_cast<uint8_t>(random_.one_in(4) ? random_.below(kMaxOrder + 1) : 0)};
    const Gfp gfp = gfp::kKernel | (random_.one_in(4) ? gfp::kZero : 0);
    bool zeroed = false;
    Page* page = pages_.alloc_run(gfp, nr, align, kNoNode, zeroed);
    if (!page) return;
    ASSERT_EQ(pages_.pfn_of(page).value % align.pages(), 0u);
    hold({page, nr, 0, true, 0}, zeroed || (gfp & gfp::kZero));
  }
  void resize() {
    if (held_.empty()) return;
    Held& h = held_[random_.below(held_.size())];
    if (!h.run) return;
    const uint64_t nr = 1 + random_.below(2 * h.nr);
    bool zeroed;
    const uint64_t old = h.nr;
    Held rest = h;
    if (nr < old) unmark(rest, nr);
    const bool done = pages_.resize_run(h.page, nr, zeroed);
    ASSERT_TRUE(done || nr > old) << "shorter is always possible";
    if (!done) return;
    h.nr = nr;
    if (nr > old) mark(h, old);
  }
  void misuse() {
    if (held_.empty()) return;
    const Held& h = held_[random_.below(held_.size())];
    EXPECT_FALSE(pages_.free(h.page, {static_cast<uint8_t>(h.run ? 0 : h.order + 1)}));
    if (h.nr > 1) {
      EXPECT_FALSE(pages_.free(h.page + 1, {0}));
    }
  }
  void give_back() {
    random_.one_in(2) ? void(pages_.trim()) : pages_.drain();
    check();
  }
  void release(size_t at) {
    const Held h = held_[at];
    held_[at] = held_.back();
    held_.pop_back();
    unmark(h, 0);
    if (h.run) return pages_.free_run(h.page);
    ASSERT_TRUE(pages_.free(h.page, {h.order}, random_.one_in(8) ? Heat::Cold : Heat::Hot));
    ASSERT_FALSE(pages_.free(h.page, {h.order})) << "twice";
  }

  Random random_;
  PageWorld world_;
  PageAllocator& pages_;
  std::vector<bool> owned_;
  std::vector<Held> held_;
  uint32_t marks_ = 0;
};

class PageModelTest : public testing::TestWithParam<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(seed, PageModelTest, testing::Range(uint64_t{1}, uint64_t{4}));

TEST_P(PageModelTest, a_random_walk_gives_every_frame_to_one_owner_and_gets_all_back) {
  Walk walk(GetParam());
  for (int i = 0; i < 100'000 && !HasFailure(); ++i) {
    walk.step();
    if (i % 4096 == 0) walk.check();
  }
}

// Threads ---------------------------------------------------------------------------------------------------------------

/// Blocks of all orders pass from hand to hand through a few common places, with every frame marked by who filled it.
class PageThreadsTest : public testing::Test {
 protected:
  static constexpr unsigned kPlaces = 64;

  void fill(Page* page, unsigned order) {
    for (uint64_t i = 0; i < uint64_t{1} << order; ++i) {
      auto* words = reinterpret_cast<uint64_t*>(world_.pages.address(world_.pages.pfn_of(page) + i));
      words[0] = words[511] = reinterpret_cast<uint64_t>(page) + order;
    }
  }
  void empty(Page* page, unsigned order) {
    for (uint64_t i = 0; i < uint64_t{1} << order; ++i) {
      auto* words = reinterpret_cast<uint64_t*>(world_.pages.address(world_.pages.pfn_of(page) + i));
      if (words[0] != reinterpret_cast<uint64_t>(page) + order || words[511] != words[0]) wrong_.fetch_add(1);
      words[0] = words[511] = 0;
    }
    if (!world_.pages.free(page, {static_cast<uint8_t>(order)})) wrong_.fetch_add(1);
  }
  void run(unsigned id) {
    Random random(id);
    for (int i = 0; i < test::steps(30'000); ++i) {
      const auto order = static_cast<uint8_t>(random.one_in(3) ? random.below(7) : 0);
      Page* page = world_.pages.alloc(gfp::kKernel, {order}, kNoNode);
      uint64_t parcel = 0;
      if (page) {
        fill(page, order);
        parcel = reinterpret_cast<uint64_t>(page) | order;  // descriptors are aligned to 64 bytes
      }
      if (const uint64_t old = places_[random.below(kPlaces)].exchange(parcel))
        empty(reinterpret_cast<Page*>(old & ~uint64_t{63}), old & 63);
      if (random.one_in(2000)) world_.pages.trim();
      if (random.one_in(2000)) world_.pages.drain();
    }
  }

  PageWorld world_{{{4096, 256}}};
  Atomic<uint64_t> places_[kPlaces];
  Atomic<uint64_t> wrong_;
};

TEST_F(PageThreadsTest, what_one_thread_filled_another_finds_and_frees) {
  std::vector<std::thread> threads;
  for (unsigned id = 1; id <= 4; ++id) threads.emplace_back([this, id] { run(id); });
  for (std::thread& t : threads) t.join();
  for (auto& place : places_)
    if (const uint64_t old = place.exchange(0)) empty(reinterpret_cast<Page*>(old & ~uint64_t{63}), old & 63);
  EXPECT_EQ(wrong_.load(), 0u);
  world_.pages.drain();
  const Fault fault = world_.pages.check();
  EXPECT_FALSE(fault) << fault.rule;
  EXPECT_EQ(world_.pages.zone(0).nr_in_use(), 0u);
}

// What the layer promises, through its lists ------------------------------------------------------------------------------

class ManyPages : public testing::Test {
 protected:
  // 1 GiB of frames, which nobody touches; fewer where each takes long
  static constexpr uint64_t kMiBs = test::kOneStepOf == 1 ? 1024 : 256;
  static constexpr uint64_t kFrames = (test::SmallMachine::kNarrow ? test::SmallMachine::kMostNarrow : kMiBs) * kMiBFrames;

  bool take() {
    Page* page = world_.pages.alloc(gfp::kKernel, {0}, kNoNode);
    if (page) held_.push_back(page);
    return page;
  }
  void give_some() {
    const size_t i = random_.below(held_.size());
    ASSERT_TRUE(world_.pages.free(held_[i], {0}));
    held_[i] = held_.back();
    held_.pop_back();
  }
  uint64_t whole() {
    world_.pages.drain();
    return world_.pages.zone(0).frames().count_whole_blocks();
  }

  Random random_{1};
  PageWorld world_{{{4096, kFrames / kMiBFrames}}};
  std::vector<Page*> held_;
};

TEST_F(ManyPages, allocated_and_freed_at_random_leave_every_block_whole) {
  while (take()) {
  }
  EXPECT_GT(held_.size(), kFrames * 9 / 10);
  while (!held_.empty()) give_some();
  EXPECT_EQ(whole(), kFrames / kBlockFrames);
  EXPECT_FALSE(world_.pages.check());
}

TEST_F(ManyPages, after_churn_at_half_occupancy_nearly_all_blocks_that_could_be_whole_are) {
  while (take()) {
  }
  while (held_.size() > kFrames / 2) give_some();
  for (int round = 0; round < 100; ++round) {
    for (uint64_t i = 0; i < kFrames / 20; ++i) give_some();
    for (uint64_t i = 0; i < kFrames / 20; ++i) ASSERT_TRUE(take());
  }
  const uint64_t could = (kFrames - held_.size()) / kBlockFrames;
  EXPECT_GE(whole() * 100, could * 95);
}

}  // namespace
}  // namespace kmem
