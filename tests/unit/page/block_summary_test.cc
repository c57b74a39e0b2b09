#include "page/block_summary.h"

#include <gtest/gtest.h>

namespace kmem {
namespace {

class BlockSummaryTest : public testing::Test {
 protected:
  BlockSummaryTest() { summary_.init(kNr, words_); }
  static constexpr uint64_t kNr = 200;
  Atomic<uint64_t> words_[24];  // six times four
  BlockSummary summary_;
};

TEST_F(BlockSummaryTest, its_bits_lie_side_by_side_and_apart) {
  EXPECT_EQ(BlockSummary::metadata_words(kNr), 24u);
  AtomicBits* const all[] = {&summary_.some,  &summary_.whole,   &summary_.dirty,
                             &summary_.begun, &summary_.filling, &summary_.taken};
  for (AtomicBits* bits : all) {
    bits->set(130);
    for (AtomicBits* other : all) EXPECT_EQ(other->test(130), other == bits);
    bits->clear(130);
    EXPECT_FALSE(bits->test(130));
  }
}

TEST_F(BlockSummaryTest, an_untaken_block_is_partly_used_if_there_is_one_and_else_whole) {
  EXPECT_EQ(summary_.find_untaken(), -1);
  for (const unsigned block : {5u, 9u, 70u}) summary_.some.set(block);
  for (const unsigned block : {5u, 9u}) summary_.whole.set(block);
  EXPECT_EQ(summary_.find_untaken(), 70);
  summary_.taken.set(70);
  EXPECT_EQ(summary_.find_untaken(), 5);
  summary_.taken.set(5);
  EXPECT_EQ(summary_.find_untaken(), 9);
  summary_.taken.clear(70);
  EXPECT_EQ(summary_.find_untaken(), 70);
}

TEST_F(BlockSummaryTest, one_caller_sets_a_bit_first) {
  EXPECT_TRUE(summary_.begun.set_first(63));
  EXPECT_FALSE(summary_.begun.set_first(63));
  EXPECT_TRUE(summary_.begun.set_first(64));
}

TEST_F(BlockSummaryTest, a_partial_block_has_some_and_is_not_whole) {
  summary_.some.set(70);
  summary_.some.set(150);
  summary_.whole.set(70);
  EXPECT_EQ(summary_.find_partial(0), 150);
  EXPECT_EQ(summary_.find_partial(150), 150);
  EXPECT_EQ(summary_.find_partial(151), -1);
  EXPECT_EQ(summary_.find_whole(0), 70);
  EXPECT_EQ(summary_.find_whole(71), -1);
}

TEST_F(BlockSummaryTest, dirty_blocks_are_found_from_above) {
  for (const uint64_t block : {3, 64, 199}) summary_.dirty.set(block);
  summary_.whole.set(3);
  EXPECT_EQ(summary_.find_dirty(199, Blocks::Any), 199);
  EXPECT_EQ(summary_.find_dirty(198, Blocks::Any), 64);
  EXPECT_EQ(summary_.find_dirty(198, Blocks::Whole), 3);
  EXPECT_EQ(summary_.find_dirty(2, Blocks::Any), -1);
  EXPECT_EQ(summary_.find_dirty(-1, Blocks::Any), -1);
}

TEST_F(BlockSummaryTest, hints_are_lowered_for_the_orders_that_a_block_has_and_never_raised) {
  for (unsigned order = 0; order < kBlockOrder; ++order) summary_.set_run_from(order, 100);
  summary_.lower_run_hints(4, 50);
  for (unsigned order = 0; order < kBlockOrder; ++order) EXPECT_EQ(summary_.run_from(order), order < 4 ? 50u : 100u);
  summary_.lower_run_hints(kBlockOrder, 70);
  EXPECT_EQ(summary_.run_from(3), 50u);
  EXPECT_EQ(summary_.run_from(4), 70u);
}

TEST_F(BlockSummaryTest, spans_share_a_hint_with_those_of_their_power_of_two) {
  summary_.set_span_from(17, 90);
  EXPECT_EQ(summary_.span_from(31), 90u);
  EXPECT_EQ(summary_.span_from(32), 0u);
  EXPECT_EQ(summary_.span_from(15), 0u);
  summary_.lower_span_hints(40);
  EXPECT_EQ(summary_.span_from(16), 40u);
}

}  // namespace
}  // namespace kmem
