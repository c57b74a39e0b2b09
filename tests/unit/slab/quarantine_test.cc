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
  void push(uint64_t n, uint32_t bytes) {
    held_.push(entry(n), bytes, [&](Quarantine::Entry out) { out_.push_back(out), held_.left(bytes); });
  }

  std::vector<uint64_t> places_;
  Quarantine held_;
  std::vector<Quarantine::Entry> out_;
};

TEST_F(QuarantineTest, is_off_until_it_may_hold_something) {
  EXPECT_FALSE(held_.on());
  hold_most(1000);
  EXPECT_TRUE(held_.on());
}

TEST_F(QuarantineTest, the_oldest_leaves_when_there_is_more_than_may_be_held) {
  hold_most(250);
  for (uint64_t n = 1; n <= 2; ++n) push(n, 100);
  EXPECT_TRUE(out_.empty());
  push(3, 100);
  ASSERT_EQ(out_.size(), 1u);
  EXPECT_EQ(out_[0].object, entry(1).object);
  EXPECT_EQ(out_[0].cache_id, 7u);
  EXPECT_EQ(held_.bytes(), 200u);
}

TEST_F(QuarantineTest, everything_leaves_when_it_is_asked_to) {
  hold_most(1000);
  for (uint64_t n = 1; n <= 5; ++n) push(n, 10);
  for (uint64_t n = 1; n <= 5; ++n) EXPECT_EQ(held_.pop().object, entry(n).object);
  EXPECT_FALSE(held_.pop());
}

TEST_F(QuarantineTest, small_objects_are_bounded_by_their_number) {
  hold_most(~uint64_t{0} >> 1);
  for (uint64_t n = 1; n <= 2 * Quarantine::kPlaces; ++n) push(n, 8);
  EXPECT_LE(held_.nr(), uint64_t{Quarantine::kPlaces});
  EXPECT_EQ(out_.size() + held_.nr(), 2 * uint64_t{Quarantine::kPlaces});
}

/// Threads push and let go; `look` is called afterwards with what came out of each.
class QuarantineThreadsTest : public testing::Test {
 protected:
  static constexpr uint64_t kEach = 40'000, kThreads = 4;

  QuarantineThreadsTest() : places_(Quarantine::kPlaces), out_(kThreads + 1) { held_.init(places_.data(), 1000); }
  void keep(uint64_t thread, Quarantine::Entry out) {
    out_[thread].push_back(reinterpret_cast<uint64_t>(out.object));
    held_.left(8);
  }
  void push_all(uint64_t thread, bool pops) {
    for (uint64_t n = 1; n <= kEach; ++n) {
      held_.push({reinterpret_cast<void*>((thread * kEach + n) * 64), 1}, 8, [&](Quarantine::Entry e) { keep(thread, e); });
      while (const Quarantine::Entry out = pops ? held_.pop() : Quarantine::Entry{}) keep(thread, out);
    }
  }
  void run(bool pops) {
    std::vector<std::thread> threads;
    for (uint64_t t = 0; t < kThreads; ++t) threads.emplace_back([&, t] { push_all(t, pops); });
    for (std::thread& thread : threads) thread.join();
    while (const Quarantine::Entry out = held_.pop()) keep(kThreads, out);
  }
  void expect_each_once() {
    std::vector<bool> seen(kThreads * kEach + 1);
    uint64_t nr = 0;
    for (const auto& some : out_)
      for (const uint64_t address : some) {
        ASSERT_FALSE(seen[address / 64]) << address / 64;
        seen[address / 64] = true;
        ++nr;
      }
    EXPECT_EQ(nr, kThreads * kEach);
  }

  std::vector<uint64_t> places_;
  Quarantine held_;
  std::vector<std::vector<uint64_t>> out_;
};

TEST_F(QuarantineThreadsTest, each_object_comes_out_once) {
  run(false);
  expect_each_once();
}

// A thread that writes its entry late finds that the front has passed: nothing stays there.
TEST_F(QuarantineThreadsTest, each_object_comes_out_once_where_all_is_let_go_meanwhile) {
  run(true);
  expect_each_once();
}

}  // namespace
}  // namespace kmem
