// How much is kept, to the frame.

#include "page/keep_limit.h"

#include <gtest/gtest.h>

namespace kmem {
namespace {

using keep::frames_of_mib;

TEST(KeepLimit, of_little_use_two_MiB_are_kept) {
  EXPECT_EQ(keep::limit({}), 512u);
  EXPECT_EQ(keep::limit({.in_use = frames_of_mib(8)}), 512u) << "a quarter of 8 MiB";
  EXPECT_EQ(keep::limit({.in_use = frames_of_mib(8) + 4}), 513u);
}

TEST(KeepLimit, of_much_use_a_quarter) {
  EXPECT_EQ(keep::limit({.in_use = frames_of_mib(100)}), frames_of_mib(25));
  EXPECT_EQ(keep::limit({.in_use = 1'000'003}), 250'000u);
}

TEST(KeepLimit, with_huge_pages_the_block_that_was_begun_last_comes_on_top) {
  EXPECT_EQ(keep::limit({.in_use = frames_of_mib(4), .huge = true}), 512u + kBlockFrames);
  EXPECT_EQ(keep::limit({.in_use = frames_of_mib(4) - 1, .huge = true}), 512u) << "nothing is begun with so little in use";
}

TEST(KeepLimit, what_was_lately_wanted_stays_up_to_three_times_the_use_and_8_MiB) {
  EXPECT_EQ(keep::limit({.in_use = frames_of_mib(10), .wanted = frames_of_mib(16)}), frames_of_mib(18))
      << "and an eighth, so that a little more is no reason to give memory back";
  EXPECT_EQ(keep::limit({.in_use = frames_of_mib(10), .wanted = frames_of_mib(38)}), frames_of_mib(38));
  EXPECT_EQ(keep::limit({.in_use = frames_of_mib(10), .wanted = frames_of_mib(39)}), frames_of_mib(38));
  EXPECT_EQ(keep::limit({.in_use = 0, .wanted = frames_of_mib(500)}), frames_of_mib(8)) << "a program that has freed all";
  EXPECT_EQ(keep::limit({.in_use = frames_of_mib(100), .wanted = frames_of_mib(20)}), frames_of_mib(25))
      << "less than the share";
}

TEST(KeepLimit, a_fixed_limit_stands_for_all_that_and_a_least_amount_above_it) {
  EXPECT_EQ(keep::limit({.in_use = frames_of_mib(100), .wanted = frames_of_mib(50), .fixed = 7}), 7u);
  EXPECT_EQ(keep::limit({.in_use = frames_of_mib(100), .fixed = 0}), 0u);
  EXPECT_EQ(keep::limit({.in_use = frames_of_mib(100), .least = 9, .fixed = 7}), 9u);
  EXPECT_EQ(keep::limit({.in_use = frames_of_mib(100), .least = frames_of_mib(30)}), frames_of_mib(30));
  EXPECT_EQ(keep::limit({.in_use = frames_of_mib(100), .least = frames_of_mib(20)}), frames_of_mib(25));
}

TEST(KeepLimit, memory_taken_on_the_zones_account_bounds_it_whatever_else_is_asked) {
  EXPECT_EQ(keep::limit({.in_use = frames_of_mib(100), .available = 100}), 100u);
  EXPECT_EQ(keep::limit({.in_use = frames_of_mib(100), .least = 5000, .available = 100}), 100u);
  EXPECT_EQ(keep::limit({.in_use = frames_of_mib(100), .available = 0}), 0u);
}

TEST(KeepLimit, a_call_that_gives_back_makes_room_of_an_eighth) {
  EXPECT_EQ(keep::target(512), 448u);
  EXPECT_EQ(keep::target(7), 7u);
  EXPECT_EQ(keep::target(0), 0u);
}

TEST(KeepLimit, parts_of_blocks_are_searched_where_far_too_much_is_dirty) {
  EXPECT_TRUE(keep::search_parts(151, 100, 151));
  EXPECT_FALSE(keep::search_parts(150, 100, 150)) << "the last search left them";
}

TEST(KeepLimit, else_when_a_quarter_of_the_limit_has_come_since_the_last_search) {
  EXPECT_FALSE(keep::search_parts(100, 100, 0)) << "no more than is kept";
  EXPECT_TRUE(keep::search_parts(126, 100, 100));
  EXPECT_FALSE(keep::search_parts(125, 100, 100));
  EXPECT_TRUE(keep::search_parts(120, 100, 121)) << "less than it left: those are others";
}

TEST(KeepLimit, a_host_that_refused_is_asked_again_where_the_dirty_frames_are_a_quarter_more_or_less_than_half) {
  EXPECT_TRUE(keep::ask_again(1, 0)) << "it has not refused";
  EXPECT_FALSE(keep::ask_again(100, 100));
  EXPECT_FALSE(keep::ask_again(125, 100));
  EXPECT_TRUE(keep::ask_again(126, 100));
  EXPECT_FALSE(keep::ask_again(50, 100));
  EXPECT_TRUE(keep::ask_again(49, 100));
}

// Demand ----------------------------------------------------------------------------------------------------------------

constexpr uint64_t kWindow = RecentDemand::kWindowNs;

class RecentDemandTest : public testing::Test {
 protected:
  RecentDemandTest() { demand_.advance(0, kStart); }
  /// Use goes to so many frames, and this one claim brought the last nr of them.
  void claim(uint64_t in_use, uint64_t nr, uint64_t clean = 0) { demand_.note_claimed(in_use, nr, clean); }
  static constexpr uint64_t kStart = 1000 * kWindow;
  RecentDemand demand_;
};

TEST_F(RecentDemandTest, is_how_far_use_rose_again_after_it_had_fallen) {
  claim(1000, 1000);
  EXPECT_EQ(demand_.wanted(), 0u) << "fresh memory";
  claim(410, 10);
  EXPECT_EQ(demand_.wanted(), 10u);
  claim(900, 490);
  EXPECT_EQ(demand_.wanted(), 500u);
  claim(700, 100);
  EXPECT_EQ(demand_.wanted(), 500u) << "it was more once";
  claim(1500, 800);
  EXPECT_EQ(demand_.wanted(), 600u) << "up to the earlier peak; beyond, fresh memory was needed";
}

TEST_F(RecentDemandTest, counts_frames_that_the_host_was_given_and_that_were_claimed_after_all) {
  claim(1000, 1000, 1000);
  EXPECT_EQ(demand_.wanted(), 0u) << "clean frames that never were given";
  demand_.note_returned(100);
  claim(1030, 30, 30);
  EXPECT_EQ(demand_.wanted(), 30u);
  claim(1530, 500, 500);
  EXPECT_EQ(demand_.wanted(), 100u) << "no more than were given";
  claim(2030, 500, 500);
  EXPECT_EQ(demand_.wanted(), 100u);
}

TEST_F(RecentDemandTest, counts_in_full_for_a_window_and_half_after_each_later_one) {
  claim(1000, 1000);
  claim(1000, 1000);
  demand_.advance(0, kStart + kWindow - 1);
  EXPECT_EQ(demand_.wanted(), 1000u);
  demand_.advance(0, kStart + kWindow);
  EXPECT_EQ(demand_.wanted(), 1000u);
  demand_.advance(0, kStart + 2 * kWindow);
  EXPECT_EQ(demand_.wanted(), 500u);
  demand_.advance(0, kStart + 5 * kWindow);
  EXPECT_EQ(demand_.wanted(), 62u) << "three windows later";
  demand_.advance(0, kStart + 1000 * kWindow);
  EXPECT_EQ(demand_.wanted(), 0u);
}

TEST_F(RecentDemandTest, does_not_wane_while_use_goes_on_to_swing) {
  claim(1000, 600);
  demand_.advance(400, kStart + kWindow);
  for (uint64_t window = 2; window < 20; ++window) {
    claim(1000, 600);
    demand_.advance(400, kStart + window * kWindow);
    EXPECT_EQ(demand_.wanted(), 600u);
  }
}

TEST_F(RecentDemandTest, sees_a_swing_that_is_longer_than_a_window) {
  claim(1000, 1000);
  demand_.advance(400, kStart + kWindow);
  claim(900, 500);
  EXPECT_EQ(demand_.wanted(), 500u);
}

TEST_F(RecentDemandTest, forgets_a_peak_after_two_windows) {
  claim(1000, 1000);
  demand_.advance(300, kStart + kWindow);
  demand_.advance(300, kStart + 2 * kWindow);
  claim(500, 200);
  EXPECT_EQ(demand_.wanted(), 0u) << "300 was the peak since";
}

}  // namespace
}  // namespace kmem
