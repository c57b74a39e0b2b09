#include "sync/sheaf.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <set>
#include <vector>

#include "base/twice.h"
#include "sync/cpu_words.h"
#include "sync/sheaf_census.h"
#include "unit/page/small_machine.h"

namespace kmem {
namespace {

using test::SmallMachine;

void* pointer(uintptr_t n) { return reinterpret_cast<void*>(n); }

TEST(SheafTest, a_new_sheaf_is_empty_and_has_room_for_its_capacity) {
  uint64_t words[kSheafWords] = {};
  const Sheaf sheaf = Sheaf::empty(words, 5);
  EXPECT_TRUE(sheaf.is_empty());
  EXPECT_EQ(sheaf.room(), 5u);
  EXPECT_EQ(sheaf.count(), 0u);
}

TEST(SheafTest, what_was_put_last_is_taken_first) {
  uint64_t words[kSheafWords] = {};
  Sheaf sheaf = Sheaf::empty(words, 3);
  for (uintptr_t i = 1; i <= 3; ++i) sheaf.put(pointer(16 * i));
  EXPECT_EQ(sheaf.room(), 0u);
  EXPECT_EQ(sheaf.count(), 3u);
  EXPECT_EQ(sheaf.take(), pointer(48));
  EXPECT_EQ(sheaf.take(), pointer(32));
  EXPECT_EQ(sheaf.take(), pointer(16));
  EXPECT_TRUE(sheaf.is_empty());
}

TEST(SheafTest, what_lay_in_the_words_before_does_not_matter) {
  uint64_t words[kSheafWords];
  for (uint64_t& word : words) word = 0xdead;
  EXPECT_TRUE(Sheaf::empty(words, kSheafCapacity).is_empty());
  EXPECT_TRUE(Sheaf::empty(words, 1).is_empty());
}

TEST(SheafTest, no_sheaf_is_false) {
  EXPECT_FALSE(Sheaf{});
  EXPECT_FALSE(Sheaf::of_word(nullptr, 0));
}

class SheafPoolTest : public testing::Test {
 protected:
  SmallMachine world_{{{4096, 4}}, 32};
  SheafPool& pool_ = world_.sheaves;
  char* base_ = world_.machine.base;
};

TEST_F(SheafPoolTest, a_word_names_the_sheaf_and_its_topmost_entry) {
  for (unsigned capacity : {1u, 14u, kSheafCapacity}) {
    Sheaf sheaf = Sheaf::empty(pool_.get(), capacity);
    for (unsigned n = 0; n <= capacity; ++n) {
      const Sheaf back = Sheaf::of_word(base_, sheaf.as_word(base_));
      ASSERT_EQ(back.words, sheaf.words);
      ASSERT_EQ(back.top, sheaf.top);
      ASSERT_EQ(back.count(), n);
      if (n < capacity) sheaf.put(pointer(16));
    }
  }
}

// The fast paths count on this: port/layout.h.
TEST_F(SheafPoolTest, the_low_byte_of_a_full_sheaf_is_zero_and_of_no_other) {
  Sheaf sheaf = Sheaf::empty(pool_.get(), kSheafCapacity);
  while (sheaf.room()) {
    EXPECT_NE(sheaf.as_word(base_) & 0xff, 0u);
    sheaf.put(pointer(16));
  }
  EXPECT_EQ(sheaf.as_word(base_) & 0xff, 0u);
}

TEST_F(SheafPoolTest, closed_is_full_and_empty_at_once) {
  EXPECT_EQ(pool_.closed() & 0xff, 0u);
  const Sheaf closed = Sheaf::of_word(base_, pool_.closed());
  EXPECT_TRUE(closed.is_empty());
  EXPECT_EQ(closed.room(), 0u);
}

TEST_F(SheafPoolTest, the_sheaf_behind_closed_is_never_handed_out) {
  const uint64_t* closed = Sheaf::of_word(base_, pool_.closed()).words;
  while (const uint64_t* words = pool_.get()) EXPECT_NE(words, closed);
}

TEST_F(SheafPoolTest, every_sheaf_is_handed_out_once_and_then_none) {
  std::set<uint64_t*> seen;
  while (uint64_t* words = pool_.get()) EXPECT_TRUE(seen.insert(words).second);
  EXPECT_EQ(seen.size(), 31u);
  EXPECT_EQ(pool_.get(), nullptr);
  for (uint64_t* words : seen) {
    EXPECT_EQ(pool_.words(pool_.index(words)), words);
    pool_.put(words);
  }
  while (uint64_t* words = pool_.get()) EXPECT_EQ(seen.erase(words), 1u);
  EXPECT_TRUE(seen.empty());
}

TEST_F(SheafPoolTest, what_was_given_back_last_comes_first) {
  uint64_t* a = pool_.get();
  uint64_t* b = pool_.get();
  const uint32_t used = pool_.nr_used();
  pool_.put(a);
  pool_.put(b);
  EXPECT_EQ(pool_.get(), b);
  EXPECT_EQ(pool_.get(), a);
  EXPECT_EQ(pool_.nr_used(), used);
}

TEST_F(SheafPoolTest, a_sheaf_on_a_stack_comes_back_as_it_was) {
  IndexStack stack;
  Sheaf full = Sheaf::empty(pool_.get(), 7), half = Sheaf::empty(pool_.get(), kSheafCapacity);
  for (uintptr_t i = 1; i <= 7; ++i) full.put(pointer(16 * i));
  for (uintptr_t i = 1; i <= 50; ++i) half.put(pointer(32 * i));
  pool_.push(stack, full);
  pool_.push(stack, half);
  Sheaf back = pool_.pop(stack);
  EXPECT_EQ(back.count(), 50u);
  EXPECT_EQ(back.take(), pointer(32 * 50));
  back = pool_.pop(stack);
  EXPECT_EQ(back.count(), 7u);
  EXPECT_EQ(back.room(), 0u);
  EXPECT_FALSE(pool_.pop(stack));
}

TEST_F(SheafPoolTest, a_full_sheaf_of_full_capacity_survives_lying_on_a_stack) {
  IndexStack stack;
  Sheaf sheaf = Sheaf::empty(pool_.get(), kSheafCapacity);
  for (uintptr_t i = 1; i <= kSheafCapacity; ++i) sheaf.put(pointer(16 * i));
  pool_.push(stack, sheaf);
  sheaf = pool_.pop(stack);
  ASSERT_EQ(sheaf.count(), kSheafCapacity) << "the link must not lie over an entry or the zero that ends them";
  for (uintptr_t i = kSheafCapacity; i; --i) ASSERT_EQ(sheaf.take(), pointer(16 * i));
}

/// The walker, where those sheaves are said to lie in barns.
Fault census(SheafPool& pool, std::initializer_list<uint32_t> in_barns = {}) {
  static SheafCensus census;
  return check_sheaves(pool, census, [&](auto visit) {
    for (const uint32_t index : in_barns) visit(index);
  });
}

TEST_F(SheafPoolTest, Y1_a_sheaf_that_is_nowhere_and_one_that_is_in_two_places) {
  ASSERT_FALSE(census(pool_)) << census(pool_).rule;
  uint64_t *a = pool_.get_shared(), *b = pool_.get_shared();
  const uint32_t ia = pool_.index(a), ib = pool_.index(b);
  EXPECT_TRUE(census(pool_).is("Y1")) << "two are nowhere";
  EXPECT_EQ(census(pool_).where, std::min(ia, ib));
  EXPECT_TRUE(census(pool_, {ia}).is("Y1"));
  EXPECT_EQ(census(pool_, {ia}).where, ib);
  EXPECT_FALSE(census(pool_, {ia, ib})) << "they are in barns";
  EXPECT_TRUE(census(pool_, {ia, ib, ia}).is("Y1")) << "and one of them in two";
  EXPECT_EQ(census(pool_, {ia, ib, ia}).where, ia);
  pool_.put_shared(a);
  EXPECT_FALSE(census(pool_, {ib}));
  EXPECT_EQ(census(pool_, {ia, ib}).where, ia) << "free, and in a barn";
  pool_.put_shared(b);
  EXPECT_FALSE(census(pool_));
}

TEST_F(SheafPoolTest, Y1_sheaves_of_this_cpu_and_its_spares_are_found) {
  pool_.equip_this_cpu();
  pool_.put(pool_.get_shared());
  EXPECT_FALSE(census(pool_)) << "the stack of spares, and one on it";
  constexpr Slot kSlot{3};
  Sheaf old;
  ASSERT_TRUE(exchange_if_empty(pool_, kSlot, Sheaf::empty(pool_.get(), 4), old));
  EXPECT_FALSE(census(pool_));
  const Sheaf mine = take_local(pool_, kSlot);
  EXPECT_EQ(census(pool_).where, pool_.index(mine.words));
  pool_.put(mine.words);
}

TEST_F(SheafPoolTest, in_the_child_of_a_fork_some_may_be_lost_and_none_in_two_places) {
  uint64_t* words = pool_.get_shared();
  const uint32_t index = pool_.index(words);
  pool_.after_fork();
  EXPECT_FALSE(census(pool_));
  EXPECT_TRUE(census(pool_, {index, index}).is("Y1"));
  pool_.put_shared(words);
}

TEST(SheafCensusTest, counts_a_stretch_and_nothing_beside_it) {
  static SheafCensus c;
  constexpr uint32_t kFirst = 100, kLast = kFirst + SheafCensus::kAtOnce - 1;
  c.begin(kFirst);
  for (const uint32_t beside : {kFirst - 1, kLast + 1, kFirst - 1, kLast + 1}) c.see(beside);
  EXPECT_EQ(c.twice(), 0u);
  EXPECT_EQ(c.missing(kLast), kFirst);
  for (uint32_t i = kFirst; i < kLast; ++i) c.see(i);
  EXPECT_EQ(c.missing(kLast - 1), 0u);
  EXPECT_EQ(c.missing(kLast + 100), kLast);
  c.see(kLast);
  EXPECT_EQ(c.missing(kLast + 100), 0u);
  c.see(kLast);
  EXPECT_EQ(c.twice(), kLast);
}

// Twice -----------------------------------------------------------------------------------------------------------------

uint64_t twice_of(const std::vector<uint64_t>& numbers) {
  static SeenNumbers seen;
  return find_twice(seen, numbers.size(), [&](auto visit) {
    for (const uint64_t n : numbers) visit(n);
  });
}

TEST(FindTwice, none_and_one_and_all) {
  EXPECT_EQ(twice_of({}), 0u);
  EXPECT_EQ(twice_of({7}), 0u);
  EXPECT_EQ(twice_of({7, 8, 9}), 0u);
  EXPECT_EQ(twice_of({7, 8, 7}), 7u);
  EXPECT_EQ(twice_of(std::vector<uint64_t>(5000, 3)), 3u);
}

TEST(FindTwice, more_numbers_than_the_table_has_places) {
  std::vector<uint64_t> numbers;
  for (uint64_t i = 1; i <= 20'000; ++i) numbers.push_back(i * 16);
  EXPECT_EQ(twice_of(numbers), 0u);
  for (const size_t at : {size_t{0}, size_t{9'999}, size_t{19'998}}) {
    std::vector<uint64_t> with = numbers;
    with.back() = with[at];
    EXPECT_EQ(twice_of(with), numbers[at]);
  }
}

TEST(FindTwice, numbers_that_all_fall_to_one_place) {
  std::vector<uint64_t> numbers;
  for (uint64_t i = 1; numbers.size() < 3 * SeenNumbers::kPlaces; ++i)
    if (SeenNumbers::hash(i) % 64 == 5) numbers.push_back(i);
  EXPECT_EQ(twice_of(numbers), 0u);
  numbers.push_back(numbers.front());
  EXPECT_EQ(twice_of(numbers), numbers.front());
}

}  // namespace
}  // namespace kmem
