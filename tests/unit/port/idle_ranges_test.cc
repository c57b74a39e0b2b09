// Idle address ranges of the Linux port, beside a model: a set of pages.

#include "../../../ports/linux/idle_ranges.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <random>

namespace {

using linux_port::IdleRanges;
using Range = IdleRanges::Range;

constexpr size_t kPage = 4096;
constexpr uintptr_t kStart = uintptr_t{1} << 40;
constexpr Range pages(uintptr_t first, size_t n) { return {kStart + first * kPage, n * kPage}; }

TEST(IdleRanges, neighbours_merge_on_both_sides) {
  IdleRanges idle;
  ASSERT_TRUE(idle.add(pages(0, 2)));
  ASSERT_TRUE(idle.add(pages(5, 1)));
  EXPECT_EQ(idle.nr(), 2u);
  ASSERT_TRUE(idle.add(pages(2, 3)));
  EXPECT_EQ(idle.nr(), 1u);
  EXPECT_EQ(idle.bytes(), 6 * kPage);
  EXPECT_EQ(idle.take(6 * kPage, 1), kStart);
  EXPECT_EQ(idle.take(kPage, 1), 0u);
}

TEST(IdleRanges, the_lowest_that_fits_is_taken_and_the_rest_stays) {
  IdleRanges idle;
  for (const Range range : {pages(0, 1), pages(10, 4), pages(20, 9), pages(40, 4)}) ASSERT_TRUE(idle.add(range));
  EXPECT_EQ(idle.take(3 * kPage, kPage), pages(10, 0).from);
  EXPECT_EQ(idle.take(5 * kPage, kPage), pages(20, 0).from);
  EXPECT_EQ(idle.bytes(), (1 + 1 + 4 + 4) * kPage);
}

TEST(IdleRanges, an_alignment_leaves_what_is_in_front_of_it) {
  IdleRanges idle;
  ASSERT_TRUE(idle.add(pages(3, 40)));
  EXPECT_EQ(idle.take(kPage, 16 * kPage), pages(16, 0).from);
  EXPECT_EQ(idle.nr(), 2u);
  EXPECT_TRUE(idle.take_at(pages(3, 0).from, 13 * kPage));
  EXPECT_FALSE(idle.take_at(pages(3, 0).from, kPage));
  EXPECT_FALSE(idle.take_at(pages(17, 0).from, 27 * kPage)) << "that long it is not";
  EXPECT_EQ(idle.take_longest().bytes, 26 * kPage);
  EXPECT_EQ(idle.take_longest().bytes, 0u);
}

TEST(IdleRanges, a_thousand_of_them_are_what_the_model_says) {
  IdleRanges idle;
  std::map<uintptr_t, bool> model;  // pages that are idle
  std::mt19937 random(7);
  const auto set = [&](uintptr_t from, size_t bytes, bool on) {
    for (uintptr_t at = from; at < from + bytes; at += kPage) on ? void(model[at] = true) : void(model.erase(at));
  };
  for (int step = 0; step < 20000; ++step) {
    const Range range = pages(random() % 8000, 1 + random() % 8);
    bool free = true;
    for (uintptr_t at = range.from; at < range.to(); at += kPage) free = free && !model.count(at);
    if (free && step % 3) {
      ASSERT_TRUE(idle.add(range));
      set(range.from, range.bytes, true);
    } else if (const uintptr_t got = idle.take(range.bytes, step % 5 ? kPage : 4 * kPage)) {
      for (uintptr_t at = got; at < got + range.bytes; at += kPage) ASSERT_TRUE(model.count(at));
      set(got, range.bytes, false);
    }
    ASSERT_EQ(idle.bytes(), model.size() * kPage);
  }
  uint32_t nr = 0;
  size_t longest = 0, length = 0;
  for (const auto& [at, on] : model) {
    const bool begins = !model.count(at - kPage);
    nr += begins;
    length = begins ? 1 : length + 1;
    longest = length > longest ? length : longest;
  }
  EXPECT_EQ(idle.nr(), nr);
  EXPECT_EQ(idle.take_longest().bytes, longest * kPage);
}

}  // namespace
