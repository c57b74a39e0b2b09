// The barn by itself: sheaves over a pool of them, and no pages.

#include "slab/barn.h"

#include <gtest/gtest.h>

#include "unit/page/small_machine.h"

namespace kmem {
namespace {

using test::SmallMachine;

class BarnTest : public testing::Test {
 protected:
  static constexpr unsigned kMost = 4;
  BarnTest() { barn_.init(parts_, 2); }
  /// A sheaf with one object, of that number.
  Sheaf sheaf(uintptr_t n) {
    Sheaf made = Sheaf::empty(pool_.get(), 1);
    made.put(reinterpret_cast<void*>(16 * n));
    return made;
  }
  bool put(unsigned part, uintptr_t n) { return barn_.put(pool_, part, sheaf(n), kMost); }
  /// The number of the object in the sheaf that a CPU of this part gets; 0 for none.
  uintptr_t take(unsigned part) { return number(barn_.take(pool_, part, kMost)); }
  static uintptr_t number(Sheaf sheaf) { return sheaf ? reinterpret_cast<uintptr_t>(sheaf.take()) / 16 : 0; }
  /// Exchanges of CPUs of a part: `c` for each, d is a drain and r is a refill.
  void exchange(unsigned part, const char* what) {
    for (; *what; ++what) (*what == 'd' ? barn_.part(part).nr_drains : barn_.part(part).nr_refills).add();
  }
  /// Drains of a CPU that comes back for each, until the barn says that it swings; no more than `most`.
  unsigned drains_until_it_swings(unsigned most) {
    for (unsigned n = 1; n <= most; ++n) {
      exchange(0, "r");
      if (barn_.swings(0)) return n;
    }
    return 0;
  }

  SmallMachine machine_{{{4096, 4}}, 64};
  SheafPool& pool_ = machine_.sheaves;
  BarnPart parts_[4];
  Barn barn_;
};

TEST_F(BarnTest, the_sheaf_that_came_last_goes_first) {
  ASSERT_TRUE(put(1, 7) && put(1, 8));
  EXPECT_EQ(barn_.nr_sheaves(pool_), 2u);
  EXPECT_EQ(take(1), 8u);
  EXPECT_EQ(take(1), 7u);
  EXPECT_EQ(take(1), 0u);
}

TEST(BarnParts, are_as_many_as_the_cpus_of_a_node_up_to_sixteen) {
  for (const auto& [cpus, log2] : {std::pair{1u, 0u}, {2u, 1u}, {3u, 2u}, {4u, 2u}, {16u, 4u}, {64u, 4u}})
    EXPECT_EQ(Barn::log2_parts_for(cpus), log2) << cpus;
}

TEST_F(BarnTest, a_full_part_refuses_and_the_others_do_not) {
  for (unsigned i = 0; i < kMost; ++i) ASSERT_TRUE(put(0, i + 1));
  EXPECT_FALSE(put(0, 9));
  EXPECT_TRUE(put(1, 9));
  EXPECT_EQ(barn_.nr_sheaves(pool_), kMost + 1);
  EXPECT_FALSE(barn_.check(pool_));
}

TEST_F(BarnTest, a_cpu_does_not_take_from_a_part_whose_cpus_come_back_for_what_they_freed) {
  ASSERT_TRUE(put(2, 5));
  EXPECT_EQ(take(0), 0u) << "there is one sheaf, and its part has room for more";
  exchange(2, "ddddddrrrrrr");
  EXPECT_EQ(take(0), 0u) << "as many refills as drains";
  EXPECT_EQ(take(2), 5u);
}

TEST_F(BarnTest, a_cpu_takes_from_a_part_that_is_full) {
  for (unsigned i = 0; i < kMost; ++i) ASSERT_TRUE(put(2, i + 1));
  EXPECT_EQ(take(0), kMost);
  EXPECT_EQ(take(0), 0u) << "it is full no more";
}

TEST_F(BarnTest, a_cpu_takes_from_a_part_that_drains_much_more_than_it_refills) {
  ASSERT_TRUE(put(3, 5) && put(3, 6));
  exchange(3, "dddddddd");
  EXPECT_EQ(take(0), 0u) << "twice as many as the part keeps are not more than that";
  exchange(3, "d");
  EXPECT_EQ(take(0), 6u);
  exchange(3, "r");
  EXPECT_EQ(take(0), 0u);
}

TEST_F(BarnTest, its_own_part_comes_first) {
  for (unsigned i = 0; i < kMost; ++i) ASSERT_TRUE(put(1, 10 + i));
  ASSERT_TRUE(put(2, 5));
  EXPECT_EQ(take(2), 5u);
  EXPECT_EQ(take(2), 13u);
}

TEST_F(BarnTest, when_nothing_else_is_left_any_sheaf_is_taken) {
  ASSERT_TRUE(put(3, 5));
  EXPECT_EQ(take(0), 0u);
  EXPECT_EQ(number(barn_.take_any(pool_)), 5u);
  EXPECT_FALSE(barn_.take_any(pool_));
}

TEST_F(BarnTest, a_swing_is_noticed_at_the_third_turn_and_then_after_four_times_as_many) {
  EXPECT_EQ(drains_until_it_swings(100), Barn::kTurnsNeeded);
  EXPECT_EQ(drains_until_it_swings(100), 4 * Barn::kTurnsNeeded);
  EXPECT_EQ(drains_until_it_swings(100), 16 * Barn::kTurnsNeeded);
}

TEST_F(BarnTest, a_drain_without_a_refill_before_it_ends_the_swing) {
  EXPECT_EQ(drains_until_it_swings(100), 3u);
  EXPECT_FALSE(barn_.swings(0)) << "two drains in a row";
  EXPECT_EQ(drains_until_it_swings(100), 3u) << "counted anew";
}

TEST_F(BarnTest, two_refills_between_drains_are_no_swing) {
  for (int i = 0; i < 20; ++i) {
    exchange(0, "rr");
    ASSERT_FALSE(barn_.swings(0));
  }
}

TEST_F(BarnTest, counters_are_summed_over_the_parts_and_begin_anew) {
  exchange(0, "dr");
  exchange(3, "d");
  EXPECT_EQ(barn_.sum(&BarnPart::nr_drains), 2u);
  EXPECT_EQ(barn_.sum(&BarnPart::nr_refills), 1u);
  barn_.reset_counters();
  EXPECT_EQ(barn_.sum(&BarnPart::nr_drains), 0u);
}

TEST_F(BarnTest, C4_a_depth_that_is_not_that_of_the_part) {
  ASSERT_TRUE(put(1, 5) && put(1, 6));
  ASSERT_FALSE(barn_.check(pool_));
  pool_.link(barn_.part(1).full.top()).store(0);
  EXPECT_TRUE(barn_.check(pool_).is("C4"));
}

TEST_F(BarnTest, C4_a_circle_of_sheaves_is_found_and_not_walked_for_ever) {
  ASSERT_TRUE(put(1, 5) && put(1, 6));
  const uint32_t top = barn_.part(1).full.top();
  pool_.link(pool_.link(top).peek()).store(top);
  EXPECT_TRUE(barn_.check(pool_).is("C4"));
}

}  // namespace
}  // namespace kmem
