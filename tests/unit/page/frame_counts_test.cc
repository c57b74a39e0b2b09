#include "page/frame_counts.h"

#include <gtest/gtest.h>

namespace kmem {
namespace {

constexpr uint64_t kMiB8 = 2048;

class FrameCountsTest : public testing::Test {
 protected:
  FrameCountsTest() { counts_.init(10'000); }
  FrameCounts counts_;
};

TEST_F(FrameCountsTest, frames_to_come_can_be_had) {
  EXPECT_EQ(counts_.nr_available(), 10'000u);
  counts_.add_online(2048, 2047);
  EXPECT_EQ(counts_.nr_free(), 2047u);
  EXPECT_EQ(counts_.nr_in_use(), 1u) << "one stays claimed";
  EXPECT_EQ(counts_.nr_available(), 9999u);
}

TEST_F(FrameCountsTest, frames_whose_addresses_another_mapping_has_cannot) {
  counts_.add_absent(3000);
  EXPECT_EQ(counts_.nr_available(), 7000u);
}

TEST_F(FrameCountsTest, claiming_takes_dirty_ones_off_and_giving_back_adds_them) {
  counts_.add_online(100, 100);
  counts_.note_claimed(10, 10);
  EXPECT_EQ(counts_.nr_free(), 90u);
  EXPECT_EQ(counts_.nr_dirty(), 0u);
  counts_.note_given(10, 4);
  EXPECT_EQ(counts_.nr_free(), 100u);
  EXPECT_EQ(counts_.nr_dirty(), 6u);
  counts_.note_claimed(8, 5);
  EXPECT_EQ(counts_.nr_dirty(), 3u);
  counts_.add_dirty(7);
  EXPECT_EQ(counts_.nr_dirty(), 10u);
  EXPECT_TRUE(counts_.has_free(92));
  EXPECT_TRUE(counts_.has_dirty(10));
}

TEST_F(FrameCountsTest, large_blocks_are_no_dense_use) {
  counts_.add_online(1000, 1000);
  counts_.note_claimed(300, 300);
  counts_.add_sparse(200);
  EXPECT_EQ(counts_.nr_in_use(), 300u);
  EXPECT_EQ(counts_.nr_dense(), 100u);
  counts_.add_sparse(-200);
  EXPECT_EQ(counts_.nr_dense(), 300u);
  counts_.add_sparse(500);
  EXPECT_EQ(counts_.nr_dense(), 0u) << "a count that is ahead for a moment";
}

TEST_F(FrameCountsTest, a_count_that_is_behind_for_a_moment_reads_as_none) {
  counts_.note_claimed(5, 0);
  EXPECT_EQ(counts_.nr_free(), 0u);
  EXPECT_EQ(counts_.nr_dirty(), 0u);
  EXPECT_FALSE(counts_.has_free(0)) << "but the walker sees it";
  EXPECT_FALSE(counts_.has_dirty(0));
}

TEST_F(FrameCountsTest, what_is_charged_and_what_others_hold_is_not_to_be_had) {
  counts_.charge(1000);
  counts_.set_others(500);
  EXPECT_EQ(counts_.nr_available(), 8500u);
  EXPECT_EQ(counts_.nr_available_with_others(), 9000u);
  EXPECT_TRUE(counts_.owes());
  counts_.set_others(20'000);
  EXPECT_EQ(counts_.nr_available(), 0u);
}

TEST_F(FrameCountsTest, no_more_comes_off_the_account_than_is_on_it) {
  counts_.charge(100);
  EXPECT_EQ(counts_.uncharge(30), 30u);
  EXPECT_EQ(counts_.uncharge(100), 70u);
  EXPECT_EQ(counts_.uncharge(1), 0u);
  EXPECT_FALSE(counts_.owes());
}

TEST_F(FrameCountsTest, use_has_fallen_once_it_is_a_quarter_of_its_peak) {
  counts_.add_online(10'000, 10'000);
  counts_.note_claimed(kMiB8, kMiB8);
  counts_.note_peak();
  EXPECT_FALSE(counts_.use_fell());
  counts_.note_given(kMiB8 - kMiB8 / 4 - 1, 0);
  EXPECT_FALSE(counts_.use_fell()) << "a quarter and one frame";
  counts_.note_given(1, 0);
  EXPECT_TRUE(counts_.use_fell());
  EXPECT_FALSE(counts_.use_fell()) << "once for each fall";
  EXPECT_EQ(counts_.most_in_use(), kMiB8);
}

TEST_F(FrameCountsTest, below_8_MiB_no_fall_is_worth_a_word) {
  counts_.add_online(10'000, 10'000);
  counts_.note_claimed(kMiB8 - 1, 0);
  counts_.note_peak();
  counts_.note_given(kMiB8 - 1, 0);
  EXPECT_FALSE(counts_.use_fell());
}

}  // namespace
}  // namespace kmem
