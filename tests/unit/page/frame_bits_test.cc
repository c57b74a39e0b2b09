#include "page/frame_bits.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <set>

namespace kmem {

/// Reaches into the bits, to put them wrong.
class FrameBitsTestPeer {
 public:
  using Word = Atomic<uint64_t>;
  static Word* free(FrameBits& f) { return f.free_; }
  static Word* clean(FrameBits& f) { return f.clean_; }
  static Word* some(FrameBits& f) { return f.summary_.some.words_; }
  static Word* whole(FrameBits& f) { return f.summary_.whole.words_; }
  static Word* dirty(FrameBits& f) { return f.summary_.dirty.words_; }
};

namespace {

using Peer = FrameBitsTestPeer;
constexpr uint64_t kAll = ~uint64_t{0};

/// Bits over metadata of their own.
struct Bits : FrameBits {
  explicit Bits(uint64_t nr_frames, Pfn first = {}, bool all_free = true, bool clean = true) {
    const size_t bytes = metadata_bytes(nr_frames);
    memory = static_cast<char*>(std::aligned_alloc(kCacheLine, bytes + kCacheLine));
    std::memset(memory, 0, bytes);
    std::memset(memory + bytes, 0x5a, kCacheLine);
    init(first, nr_frames, memory);
    if (all_free) give_back_run(first, nr_frames, frames_are(clean));
  }
  ~Bits() {
    for (size_t i = 0; i < kCacheLine; ++i) EXPECT_EQ(memory[metadata_bytes(nr_frames()) + i], 0x5a) << "written past";
    std::free(memory);
  }
  Maybe<Pfn> run(unsigned order) {
    uint64_t clean;
    return claim_run({static_cast<uint8_t>(order)}, clean);
  }
  bool take(uint64_t pfn, uint64_t n = 1) {
    uint64_t clean;
    return claim_at({pfn}, n, clean);
  }
  char* memory;
};

// What it takes ---------------------------------------------------------------------------------------------------------

TEST(FrameBitsTest, metadata_is_below_a_third_of_a_byte_a_frame) {
  for (const uint64_t nr : {uint64_t{1} << 15, uint64_t{2'000'000}, uint64_t{1} << 28})
    EXPECT_LT(FrameBits::metadata_bytes(nr) * 3, nr);
}

TEST(FrameBitsTest, no_frame_is_free_before_some_are_given_back) {
  Bits bits(1024, {}, false);
  EXPECT_EQ(bits.count_free(), 0u);
  EXPECT_FALSE(bits.claim_some(1).mask);
  EXPECT_FALSE(bits.run(0));
  EXPECT_FALSE(bits.take(0));
  EXPECT_FALSE(bits.check());
}

// Frames one by one -----------------------------------------------------------------------------------------------------

TEST(FrameBitsTest, as_many_frames_as_were_asked_for_lowest_first) {
  Bits bits(1024);
  const FrameSet set = bits.claim_some(5);
  EXPECT_EQ(set.first, Pfn{0});
  EXPECT_EQ(set.mask, 0x1fu);
  EXPECT_EQ(set.count(), 5u);
  EXPECT_EQ(bits.count_free(), 1019u);
  EXPECT_FALSE(bits.is_free({4}));
  EXPECT_TRUE(bits.is_free({5}));
}

TEST(FrameBitsTest, a_word_that_has_no_more_gives_what_it_has) {
  Bits bits(1024);
  EXPECT_EQ(bits.claim_some(60).count(), 60u);
  EXPECT_EQ(bits.claim_some(60).mask, uint64_t{0xf} << 60);
  EXPECT_EQ(bits.claim_some(64).mask, kAll);
}

TEST(FrameBitsTest, every_frame_is_handed_out_once_and_then_none) {
  Bits bits(2000, {4096});
  std::set<uint64_t> seen;
  for (FrameSet set = bits.claim_some(7); set.mask; set = bits.claim_some(7)) {
    for (uint64_t rest = set.mask; rest; rest &= rest - 1) ASSERT_TRUE(seen.insert(set.first.value + lowest_bit(rest)).second);
  }
  EXPECT_EQ(seen.size(), 2000u);
  EXPECT_EQ(*seen.begin(), 4096u);
  EXPECT_EQ(*seen.rbegin(), 4096u + 1999);
  EXPECT_FALSE(bits.check());
}

TEST(FrameBitsTest, a_partly_used_block_is_taken_from_before_a_whole_one) {
  Bits bits(4 * kBlockFrames);
  ASSERT_TRUE(bits.take(3 * kBlockFrames));
  EXPECT_EQ(bits.claim_some(1).first, Pfn{3 * kBlockFrames});
  EXPECT_EQ(bits.count_whole_blocks(), 3u);
}

TEST(FrameBitsTest, of_the_partly_used_blocks_the_lowest_comes_first) {
  Bits bits(4 * kBlockFrames);
  ASSERT_TRUE(bits.take(3 * kBlockFrames));
  ASSERT_TRUE(bits.take(1 * kBlockFrames));
  EXPECT_EQ(bits.claim_some(1).first, Pfn{kBlockFrames});
}

TEST(FrameBitsTest, cpus_with_hints_take_from_blocks_of_their_own) {
  Bits bits(4 * kBlockFrames);
  ClaimHint one, other;
  for (unsigned i = 0; i < 6; ++i) {
    EXPECT_LT(bits.claim_some(64, one).first, Pfn{kBlockFrames});
    EXPECT_EQ((bits.claim_some(64, other).first - Pfn{0}) / kBlockFrames, 1u);
  }
  EXPECT_FALSE(bits.check());
}

TEST(FrameBitsTest, a_hint_stays_with_its_block_until_that_is_used_up) {
  Bits bits(4 * kBlockFrames);
  ClaimHint one, other;
  bits.claim_some(64, one);
  bits.claim_some(64, other);
  const FrameSet low = bits.claim_some(64, one);
  for (unsigned i = 1; i < 8; ++i) EXPECT_EQ(bits.claim_some(64, other).count(), 64u);
  bits.give_back(low);  // a lower block has free frames, and is another CPU's
  EXPECT_GE(bits.claim_some(64, other).first.value, 2 * kBlockFrames);
  EXPECT_EQ(bits.claim_some(64, one).first, low.first);
}

TEST(FrameBitsTest, where_every_block_is_taken_hints_share_them) {
  Bits bits(2 * kBlockFrames);
  ClaimHint hints[3];
  for (ClaimHint& hint : hints) EXPECT_EQ(bits.claim_some(64, hint).count(), 64u);
  uint64_t n = 3 * 64;
  for (FrameSet set = bits.claim_some(64, hints[2]); set.mask; set = bits.claim_some(64, hints[2])) n += set.count();
  EXPECT_EQ(n, 2 * kBlockFrames) << "whoever looks finds the last frame, whoever has its block";
  EXPECT_FALSE(bits.claim_some(1, hints[0]).mask);
  EXPECT_FALSE(bits.check());
}

TEST(FrameBitsTest, a_hint_of_another_zone_does_no_harm) {
  Bits bits(kBlockFrames);
  ClaimHint far{1000};
  EXPECT_EQ(bits.claim_some(64, far).count(), 64u);
  EXPECT_EQ(far.block, 1u);
}

TEST(FrameBitsTest, giving_all_back_makes_every_block_whole_again) {
  Bits bits(4 * kBlockFrames);
  std::set<uint64_t> frames;
  for (FrameSet set = bits.claim_some(64); set.mask; set = bits.claim_some(64))
    for (uint64_t rest = set.mask; rest; rest &= rest - 1) frames.insert(set.first.value + lowest_bit(rest));
  EXPECT_EQ(bits.count_whole_blocks(), 0u);
  for (const uint64_t pfn : frames) bits.give_back({{round_down(pfn, 64)}, uint64_t{1} << (pfn % 64)});
  EXPECT_EQ(bits.count_whole_blocks(), 4u);
  EXPECT_FALSE(bits.check());
}

TEST(FrameBitsTest, frames_that_were_free_already_are_named_and_stay_free) {
  Bits bits(1024);
  const FrameSet set = bits.claim_some(2);
  EXPECT_EQ(bits.give_back({set.first, set.mask | 0x30, 0}), 0x30u);
  EXPECT_EQ(bits.count_free(), 1024u);
}

TEST(FrameBitsTest, what_was_given_back_clean_is_claimed_clean_and_what_was_used_is_not) {
  Bits bits(1024);
  FrameSet set = bits.claim_some(4);
  EXPECT_EQ(set.clean, set.mask);
  set.clean = 0x5;
  bits.give_back(set);
  EXPECT_EQ(bits.count_clean(), 1022u);
  EXPECT_EQ(bits.claim_some(4).clean, 0x5u);
}

// Runs ------------------------------------------------------------------------------------------------------------------

class FrameBitsRunTest : public testing::TestWithParam<unsigned> {
 protected:
  unsigned order() const { return GetParam(); }
  uint64_t pages() const { return uint64_t{1} << order(); }
};
INSTANTIATE_TEST_SUITE_P(every_order, FrameBitsRunTest, testing::Range(0u, kMaxOrder + 1));

TEST_P(FrameBitsRunTest, runs_are_aligned_disjoint_and_use_everything_up) {
  Bits bits(4096, {1024});
  std::set<uint64_t> starts;
  while (const auto at = bits.run(order())) {
    EXPECT_EQ(at->value % pages(), 0u);
    ASSERT_TRUE(starts.insert(at->value).second);
  }
  EXPECT_EQ(starts.size(), 4096 / pages());
  EXPECT_EQ(bits.count_free(), 0u);
  EXPECT_FALSE(bits.check());
}

TEST_P(FrameBitsRunTest, one_that_is_given_back_when_nothing_else_is_free_is_found_again) {
  Bits bits(4096);
  while (bits.run(order())) {
  }
  bits.give_back_run({2048}, pages(), Frames::Dirty);
  const auto at = bits.run(order());
  ASSERT_TRUE(at);
  EXPECT_EQ(*at, Pfn{2048});
}

TEST_P(FrameBitsRunTest, no_run_is_found_where_one_frame_of_each_is_taken) {
  if (order() == 0) return;
  Bits bits(2048);
  for (uint64_t p = pages() / 2; p < 2048; p += pages()) ASSERT_TRUE(bits.take(p));
  EXPECT_FALSE(bits.run(order()));
  EXPECT_EQ(bits.count_free(), 2048 - 2048 / pages());
  EXPECT_FALSE(bits.check());
}

TEST_P(FrameBitsRunTest, how_many_of_its_frames_read_as_zero_is_told) {
  Bits bits(4096, {}, false);
  bits.give_back_run({0}, 4096, Frames::Dirty);
  uint64_t clean = 99;
  const auto at = bits.claim_run({static_cast<uint8_t>(order())}, clean);
  ASSERT_TRUE(at);
  EXPECT_EQ(clean, 0u);
  bits.give_back_run(*at, pages(), Frames::Clean);
  ASSERT_TRUE(bits.claim_run({static_cast<uint8_t>(order())}, clean));
  EXPECT_EQ(clean, pages());
}

TEST_P(FrameBitsRunTest, a_run_smaller_than_a_block_comes_from_a_partly_used_block_first) {
  if (order() >= kBlockOrder) return;
  Bits bits(4 * kBlockFrames);
  ASSERT_TRUE(bits.take(2 * kBlockFrames));
  const auto at = bits.run(order());
  ASSERT_TRUE(at);
  EXPECT_EQ(at->value / kBlockFrames, 2u);
}

TEST(FrameBitsTest, order_10_is_a_pair_of_whole_blocks_and_not_any_two) {
  Bits bits(6 * kBlockFrames);
  ASSERT_TRUE(bits.take(0) && bits.take(3 * kBlockFrames));
  const auto at = bits.run(10);
  ASSERT_TRUE(at);
  EXPECT_EQ(*at, Pfn{4 * kBlockFrames});
  EXPECT_FALSE(bits.run(10)) << "blocks 1 and 2 are whole, but no pair";
}

TEST(FrameBitsTest, an_odd_block_at_the_end_is_no_order_10) {
  Bits bits(3 * kBlockFrames);
  EXPECT_TRUE(bits.run(10));
  EXPECT_FALSE(bits.run(10));
  EXPECT_TRUE(bits.run(9));
}

TEST(FrameBitsTest, a_part_of_a_block_at_the_end_serves_small_runs_only) {
  Bits bits(kBlockFrames + 100);
  EXPECT_EQ(bits.count_whole_blocks(), 1u);
  EXPECT_TRUE(bits.run(9));
  EXPECT_FALSE(bits.run(9));
  EXPECT_TRUE(bits.run(6));
  EXPECT_TRUE(bits.run(5));
  EXPECT_TRUE(bits.run(2));
  EXPECT_FALSE(bits.run(0));
}

// Spans -----------------------------------------------------------------------------------------------------------------

TEST(FrameBitsTest, a_span_lies_as_low_as_it_fits) {
  Bits bits(2048, {1024});
  uint64_t clean = 0;
  ASSERT_TRUE(bits.take(1024 + 70));
  const auto at = bits.claim_span(200, clean);
  ASSERT_TRUE(at);
  EXPECT_GT(at->value, 1024u + 70);
  EXPECT_LE(at->value, 1024u + 128) << "at the next word, if not before";
  EXPECT_EQ(clean, 200u);
  EXPECT_TRUE(bits.is_free(*at + 200));
  EXPECT_FALSE(bits.check());
}

TEST(FrameBitsTest, a_span_may_cross_blocks_and_end_with_the_zone) {
  Bits bits(1000);
  ASSERT_TRUE(bits.take(0));
  uint64_t clean = 0;
  ASSERT_TRUE(bits.claim_span(936, clean));
  EXPECT_FALSE(bits.claim_span(65, clean));
  EXPECT_EQ(bits.count_free(), 63u);
  EXPECT_FALSE(bits.check());
}

TEST(FrameBitsTest, where_no_span_fits_nothing_changes) {
  Bits bits(2048);
  for (uint64_t p = 99; p < 2048; p += 100) ASSERT_TRUE(bits.take(p));
  uint64_t clean = 0;
  EXPECT_FALSE(bits.claim_span(100, clean));
  EXPECT_EQ(bits.count_free(), 2048u - 20);
  EXPECT_FALSE(bits.check());
}

// Frames by number ------------------------------------------------------------------------------------------------------

TEST(FrameBitsTest, exactly_these_frames_or_none) {
  Bits bits(2048);
  EXPECT_TRUE(bits.take(100, 700));
  EXPECT_FALSE(bits.is_free({100}));
  EXPECT_FALSE(bits.is_free({799}));
  EXPECT_EQ(bits.count_free(), 1348u);
  EXPECT_FALSE(bits.take(50, 51)) << "the last of them is taken";
  EXPECT_FALSE(bits.take(799, 500)) << "the first of them is";
  EXPECT_EQ(bits.count_free(), 1348u) << "and nothing has changed";
  EXPECT_TRUE(bits.take(800, 64));
  EXPECT_FALSE(bits.check());
}

TEST(FrameBitsTest, frames_outside_the_zone_cannot_be_claimed) {
  Bits bits(1000, {1024});
  EXPECT_FALSE(bits.take(1023));
  EXPECT_FALSE(bits.take(2024));
  EXPECT_FALSE(bits.take(2023, 2));
  EXPECT_TRUE(bits.take(2023));
  EXPECT_FALSE(bits.contains({1023}));
  EXPECT_FALSE(bits.contains({2024}));
}

TEST(FrameBitsTest, a_claim_that_fails_leaves_the_clean_bits_as_they_were) {
  Bits bits(1024);
  ASSERT_TRUE(bits.take(600));
  EXPECT_FALSE(bits.take(0, 1024));
  EXPECT_EQ(bits.count_clean(), 1023u);
  EXPECT_FALSE(bits.check());
}

// What the host holds memory for ---------------------------------------------------------------------------------------

TEST(FrameBitsTest, the_highest_dirty_block_is_found_first) {
  Bits bits(200 * kBlockFrames);
  EXPECT_EQ(bits.find_dirty(199, Blocks::Any), -1);
  for (const uint64_t block : {3u, 70u, 150u}) {
    ASSERT_TRUE(bits.take(block * kBlockFrames));
    bits.give_back_run({block * kBlockFrames}, 1, Frames::Dirty);
  }
  EXPECT_EQ(bits.find_dirty(199, Blocks::Any), 150);
  EXPECT_EQ(bits.find_dirty(149, Blocks::Any), 70);
  EXPECT_EQ(bits.find_dirty(70, Blocks::Any), 70);
  EXPECT_EQ(bits.find_dirty(69, Blocks::Any), 3);
  EXPECT_EQ(bits.find_dirty(2, Blocks::Any), -1);
  EXPECT_EQ(bits.find_dirty(-1, Blocks::Any), -1);
}

TEST(FrameBitsTest, whole_dirty_blocks_can_be_asked_for_alone) {
  Bits bits(4 * kBlockFrames, {}, true, false);
  ASSERT_TRUE(bits.take(3 * kBlockFrames));
  EXPECT_EQ(bits.find_dirty(3, Blocks::Any), 3);
  EXPECT_EQ(bits.find_dirty(3, Blocks::Whole), 2);
}

TEST(FrameBitsTest, dirty_frames_are_claimed_a_word_at_a_time_and_clean_ones_stay) {
  Bits bits(1024);
  ASSERT_TRUE(bits.take(10, 4) && bits.take(200, 1));
  bits.give_back_run({10}, 4, Frames::Dirty);
  bits.give_back_run({200}, 1, Frames::Dirty);
  unsigned word = 0;
  FrameSet set = bits.claim_dirty(0, word);
  EXPECT_EQ(word, 0u);
  EXPECT_EQ(set.mask, 0xfu << 10);
  ++word;
  set = bits.claim_dirty(0, word);
  EXPECT_EQ(word, 3u);
  EXPECT_EQ(set.first, Pfn{192});
  EXPECT_EQ(set.mask, 1u << 8);
  ++word;
  EXPECT_FALSE(bits.claim_dirty(0, word).mask);
  EXPECT_EQ(bits.count_free(), 1019u);
}

TEST(FrameBitsTest, a_block_is_claimed_whole_or_not_at_all) {
  Bits bits(2 * kBlockFrames);
  ASSERT_TRUE(bits.take(kBlockFrames + 511));
  uint64_t clean = 0;
  EXPECT_FALSE(bits.claim_whole(1, clean));
  EXPECT_EQ(bits.count_free(), 1023u);
  ASSERT_TRUE(bits.claim_whole(0, clean));
  EXPECT_EQ(clean, kBlockFrames);
  EXPECT_EQ(bits.count_free(), 511u);
  EXPECT_FALSE(bits.check());
}

TEST(FrameBitsTest, a_block_that_is_clean_again_is_forgotten_and_one_that_is_not_stays) {
  Bits bits(1024);
  ASSERT_TRUE(bits.take(0, 2));
  bits.give_back_run({0}, 2, Frames::Dirty);
  bits.forget_dirty(0);
  EXPECT_EQ(bits.find_dirty(1, Blocks::Any), 0) << "it is dirty still";
  unsigned word = 0;
  FrameSet set = bits.claim_dirty(0, word);
  set.clean = set.mask;
  bits.give_back(set);
  bits.forget_dirty(0);
  EXPECT_EQ(bits.find_dirty(1, Blocks::Any), -1);
}

// Counting --------------------------------------------------------------------------------------------------------------

TEST(FrameBitsTest, free_blocks_by_order_are_what_a_buddy_allocator_would_list) {
  Bits bits(4 * kBlockFrames);
  uint64_t nr[kMaxOrder + 1];
  bits.count_by_order(nr);
  EXPECT_EQ(nr[10], 2u);
  EXPECT_EQ(nr[9], 0u);
  ASSERT_TRUE(bits.take(0));  // splits one block all the way down: 1 2 4 ... 256 and the buddy of the block
  bits.count_by_order(nr);
  for (unsigned order = 0; order <= 9; ++order) EXPECT_EQ(nr[order], 1u) << order;
  EXPECT_EQ(nr[10], 1u);
}

TEST(FrameBitsTest, the_blocks_by_order_add_up_to_the_free_frames) {
  Bits bits(2048 + 300);
  for (uint64_t p = 0; p < 2300; p += 1 + p % 97) bits.take(p);
  uint64_t nr[kMaxOrder + 1], sum = 0;
  bits.count_by_order(nr);
  for (unsigned order = 0; order <= kMaxOrder; ++order) sum += nr[order] << order;
  EXPECT_EQ(sum, bits.count_free());
}

// Blocks that are filling ------------------------------------------------------------------------------------------------

/// Four blocks, of which the first is begun with one frame.
struct FillingBits : Bits {
  FillingBits() : Bits(4 * kBlockFrames) {
    EXPECT_EQ(claim_some(1).first, Pfn{0});
    EXPECT_TRUE(begin_block(0, 1));
    EXPECT_EQ(make_dirty(0), kBlockFrames - 1);
  }
  uint64_t clean = 0;
};

TEST(FrameBitsFillingTest, a_block_begins_once_and_only_when_the_rest_of_it_is_free_and_clean) {
  FillingBits bits;
  EXPECT_FALSE(bits.begin_block(0, 1)) << "once";
  ASSERT_TRUE(bits.take(kBlockFrames, 3));
  EXPECT_FALSE(bits.begin_block(1, 2)) << "somebody has a frame of it";
  EXPECT_FALSE(bits.is_filling(1));
}

TEST(FrameBitsFillingTest, settled_claims_pass_it_over_and_others_do_not) {
  FillingBits bits;
  EXPECT_EQ(*bits.claim_run({3}, bits.clean, FrameBits::Where::NotFilling), Pfn{kBlockFrames});
  EXPECT_EQ(*bits.claim_span(100, bits.clean, FrameBits::Where::NotFilling), Pfn{kBlockFrames + 8});
  EXPECT_EQ(*bits.claim_run({9}, bits.clean, FrameBits::Where::NotFilling), Pfn{2 * kBlockFrames});
  EXPECT_EQ(*bits.claim_run({3}, bits.clean), Pfn{8}) << "the search that passed it over has left no wrong hint";
}

TEST(FrameBitsFillingTest, a_span_does_not_reach_into_it) {
  FillingBits bits;
  ASSERT_TRUE(bits.take(kBlockFrames, kBlockFrames - 50));
  ASSERT_TRUE(bits.take(3 * kBlockFrames, 1));
  ASSERT_TRUE(bits.begin_block(3, 1));
  EXPECT_EQ(*bits.claim_span(kBlockFrames + 50, bits.clean, FrameBits::Where::NotFilling), Pfn{2 * kBlockFrames - 50});
  EXPECT_FALSE(bits.claim_span(10, bits.clean, FrameBits::Where::NotFilling));
  EXPECT_TRUE(bits.claim_span(10, bits.clean));
}

TEST(FrameBitsFillingTest, it_is_full_when_none_of_it_is_free_and_what_comes_back_serves_everybody) {
  FillingBits bits;
  ASSERT_TRUE(bits.take(1, kBlockFrames - 1));
  EXPECT_FALSE(bits.is_filling(0));
  bits.give_back_run({100}, 20, Frames::Dirty);
  EXPECT_EQ(*bits.claim_span(20, bits.clean, FrameBits::Where::NotFilling), Pfn{100});
}

TEST(FrameBitsFillingTest, it_is_forgotten_with_its_memory) {
  FillingBits bits;
  bits.give_back_run({0}, 1, Frames::Dirty);
  EXPECT_EQ(*bits.claim_run({9}, bits.clean, FrameBits::Where::NotFilling), Pfn{kBlockFrames})
      << "whole, and the host holds it";
  bits.forget_begun(0);
  EXPECT_EQ(*bits.claim_run({9}, bits.clean, FrameBits::Where::NotFilling), Pfn{0});
}

// The walker ------------------------------------------------------------------------------------------------------------

TEST(FrameBitsWalkerTest, F1_a_block_with_free_frames_and_no_some_bit) {
  Bits bits(2048);
  ASSERT_FALSE(bits.check());
  Peer::some(bits)[0].fetch_and(~uint64_t{4});
  EXPECT_TRUE(bits.check().is("F1")) << bits.check().rule;
  EXPECT_EQ(bits.check().where, 2u);
}

TEST(FrameBitsWalkerTest, F2_a_whole_bit_on_a_block_that_is_used) {
  Bits bits(2048);
  ASSERT_TRUE(bits.take(600));
  ASSERT_FALSE(bits.check());
  Peer::whole(bits)[0].fetch_or(2);
  EXPECT_TRUE(bits.check().is("F2"));
  EXPECT_EQ(bits.check().where, 1u);
}

TEST(FrameBitsWalkerTest, F3_a_free_frame_beyond_the_end) {
  Bits bits(1000);
  ASSERT_FALSE(bits.check());
  Peer::free(bits)[15].fetch_or(uint64_t{1} << 45);
  EXPECT_TRUE(bits.check().is("F3"));
  EXPECT_EQ(bits.check().where, 15 * 64 + 45u);
}

TEST(FrameBitsWalkerTest, F4_a_free_dirty_frame_in_a_block_without_its_dirty_bit) {
  Bits bits(1024);
  Peer::clean(bits)[9].fetch_and(~uint64_t{1});
  EXPECT_TRUE(bits.check().is("F4"));
  EXPECT_EQ(bits.check().where, 1u);
  Peer::dirty(bits)[0].fetch_or(2);
  EXPECT_FALSE(bits.check());
}

TEST(FrameBitsWalkerTest, a_summary_bit_too_many_is_only_a_hint_and_no_fault) {
  Bits bits(1024, {}, false);
  Peer::some(bits)[0].poke(3);
  Peer::dirty(bits)[0].poke(3);
  EXPECT_FALSE(bits.check());
  EXPECT_FALSE(bits.claim_some(1).mask) << "and whoever follows it puts it right";
  EXPECT_EQ(Peer::some(bits)[0].peek(), 0u);
}

}  // namespace
}  // namespace kmem
