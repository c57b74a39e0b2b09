// The ring of objects that are held back: each comes out exactly once.

#include "slab/quarantine.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace kmem {
namespace {

class QuarantineTest : public testing::Test {
 protected:
  QuarantineTest() : places_(Quarantine::kPlaces) {}
  void hold_most(uint64_t bytes) { held_.init(places_.data(), bytes); }
  static Quarantine::Entry entry(uint64_t n) { return {reinterpret_cast<void*>(n * 64), 7}; }

  std::vector<uint64_t> places_;
  Quarantine held_;
};

TEST_F(QuarantineTest, is_off_until_it_may_hold_something) {
  EXPECT_FALSE(held_.on());
  hold_most(1000);
  EXPECT_TRUE(held_.on());
}

TEST_F(QuarantineTest, the_oldest_leaves_when_there_is_more_than_may_be_held) {
  hold_most(250);
  for (uint64_t n = 1; n <= 3; ++n) EXPECT_FALSE(held_.push(entry(n), 100));
  const Quarantine::Entry out = held_.pop();
  EXPECT_EQ(out.object, entry(1).object);
  EXPECT_EQ(out.cache_id, 7u);
  held_.left(100);
  EXPECT_FALSE(held_.pop());
  EXPECT_EQ(held_.bytes(), 200u);
}

TEST_F(QuarantineTest, everything_leaves_when_it_is_asked_to) {
  hold_most(1000);
  for (uint64_t n = 1; n <= 5; ++n) held_.push(entry(n), 10);
  for (uint64_t n = 1; n <= 5; ++n) EXPECT_EQ(held_.pop(true).object, entry(n).object);
  EXPECT_FALSE(held_.pop(true));
}

TEST_F(QuarantineTest, small_objects_are_bounded_by_their_number) {
  hold_most(~uint64_t{0} >> 1);
  uint64_t out = 0;
  for (uint64_t n = 1; n <= 2 * Quarantine::kPlaces; ++n) {
    out += static_cast<bool>(held_.push(entry(n), 8));
    while (held_.pop()) ++out;
  }
  EXPECT_LE(held_.nr(), uint64_t{Quarantine::kPlaces});
  EXPECT_EQ(out + held_.nr(), 2 * uint64_t{Quarantine::kPlaces});
}

TEST(QuarantineThreadsTest, each_object_comes_out_once) {
  constexpr uint64_t kEach = 40'000, kThreads = 4;
  std::vector<uint64_t> places(Quarantine::kPlaces);
  Quarantine held;
  held.init(places.data(), 1000);
  std::vector<std::vector<uint64_t>> out(kThreads);
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      const auto keep = [&](Quarantine::Entry e) {
        if (e) out[t].push_back(reinterpret_cast<uint64_t>(e.object)), held.left(8);
        return static_cast<bool>(e);
      };
      for (uint64_t n = 1; n <= kEach; ++n) {
        keep(held.push({reinterpret_cast<void*>((t * kEach + n) * 64), 1}, 8));
        while (keep(held.pop())) {
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
  std::vector<bool> seen(kThreads * kEach + 1);
  uint64_t nr = 0;
  const auto note = [&](uint64_t address) {
    ASSERT_FALSE(seen[address / 64]) << address / 64;
    seen[address / 64] = true;
    ++nr;
  };
  for (const auto& some : out)
    for (const uint64_t address : some) note(address);
  held.each([&](Quarantine::Entry e) { note(reinterpret_cast<uint64_t>(e.object)); });
  EXPECT_EQ(nr, kThreads * kEach);
}

}  // namespace
}  // namespace kmem
