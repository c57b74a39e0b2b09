#include "sync/sheaf.h"

#include <gtest/gtest.h>

#include <set>

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

}  // namespace
}  // namespace kmem
