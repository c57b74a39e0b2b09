#include "slab/slab.h"
#include "sync/sheaf.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

namespace kmem {
namespace {

/// A slab over descriptors of its own; objects are never touched, so there is no memory behind them.
class SlabTest : public testing::Test {
 protected:
  SlabTest() { make(128); }
  void make(uint32_t size) {
    shape_ = SlabShape::choose({.size = size});
    pages_ = std::vector<Page>(shape_.order.pages());
    slab().init(shape_, 5, 77);
  }
  Slab& slab() { return Slab::of(pages_.data()); }
  char* object(unsigned i) { return start_ + uint64_t{i} * shape_.size; }
  unsigned take(unsigned n) {
    sheaf_ = Sheaf::empty(words_, kSheafCapacity);
    return slab().take(shape_, start_, n, sheaf_);
  }
  Slab::Put put(unsigned i) { return slab().put(i / 64, uint64_t{1} << (i % 64)); }

  SlabShape shape_;
  std::vector<Page> pages_;
  char* start_ = reinterpret_cast<char*>(uintptr_t{1} << 30);
  uint64_t words_[kSheafWords] = {};
  Sheaf sheaf_;
};

TEST_F(SlabTest, a_new_one_has_every_object_and_is_held) {
  EXPECT_EQ(slab().nr_objects(), shape_.nr_objects);
  EXPECT_EQ(slab().nr_free(), static_cast<int32_t>(shape_.nr_objects));
  EXPECT_TRUE(slab().all_free());
  EXPECT_TRUE(slab().listed());
  EXPECT_EQ(slab().cache_id(), 77u);
  EXPECT_EQ(slab().page()->kind(), PageKind::Slab);
  EXPECT_EQ(Page::zone_of(slab().page()->head.peek()), 5u);
  EXPECT_EQ(slab().page()->order(), shape_.order);
}

TEST_F(SlabTest, the_lowest_objects_are_taken_and_the_lowest_of_them_comes_out_first) {
  ASSERT_EQ(take(3), 3u);
  for (unsigned i = 0; i < 3; ++i) {
    EXPECT_FALSE(slab().is_free(i));
    EXPECT_EQ(sheaf_.take(), object(i));
  }
  EXPECT_TRUE(slab().is_free(3));
  EXPECT_EQ(slab().nr_free(), static_cast<int32_t>(shape_.nr_objects) - 3);
}

TEST_F(SlabTest, it_gives_what_it_has_and_then_nothing) {
  EXPECT_EQ(take(100), shape_.nr_objects);
  EXPECT_EQ(take(1), 0u);
  EXPECT_EQ(slab().nr_free(), 0);
  EXPECT_FALSE(slab().release_hold()) << "nothing is left, so it goes on no list";
  EXPECT_FALSE(slab().listed());
}

TEST_F(SlabTest, one_with_something_left_goes_back_on_a_list) {
  take(1);
  EXPECT_TRUE(slab().release_hold());
  EXPECT_TRUE(slab().listed());
}

TEST_F(SlabTest, the_first_object_that_comes_back_to_a_full_slab_has_it_listed_and_no_other) {
  take(100);
  ASSERT_FALSE(slab().release_hold());
  EXPECT_TRUE(put(5).list);
  EXPECT_FALSE(put(6).list);
  EXPECT_EQ(slab().nr_free(), 2);
}

TEST_F(SlabTest, an_object_that_comes_back_while_the_slab_is_held_is_the_holders_affair) {
  take(100);
  EXPECT_FALSE(put(5).list);
  EXPECT_TRUE(slab().release_hold());
}

TEST_F(SlabTest, the_last_one_back_says_that_all_are) {
  take(2);
  EXPECT_FALSE(put(0).all_free);
  EXPECT_TRUE(put(1).all_free);
  EXPECT_TRUE(slab().all_free());
}

TEST_F(SlabTest, what_was_not_out_is_named_and_not_counted) {
  take(2);
  const int32_t before = slab().nr_free();
  const Slab::Put result = slab().put(0, 0x7);
  EXPECT_EQ(result.twice, 0x4u);
  EXPECT_EQ(slab().nr_free(), before + 2);
  EXPECT_EQ(put(0).twice, 1u);
  EXPECT_EQ(slab().nr_free(), before + 2);
}

TEST_F(SlabTest, small_objects_have_their_bits_in_the_descriptors_that_follow) {
  make(8);
  ASSERT_GT(shape_.nr_words(), 4u);
  std::set<void*> seen;
  for (unsigned n = take(100); n; n = take(100))
    for (unsigned i = 0; i < n; ++i) ASSERT_TRUE(seen.insert(sheaf_.take()).second);
  EXPECT_EQ(seen.size(), shape_.nr_objects);
  for (unsigned i = 0; i < shape_.nr_objects; ++i) ASSERT_FALSE(put(i).twice);
  EXPECT_TRUE(slab().all_free());
}

TEST_F(SlabTest, no_bit_beyond_the_last_object_is_ever_set) {
  for (uint32_t size = 8; size <= 4096; size += 8) {
    make(size);
    unsigned free = 0;
    for (unsigned w = 0; w < shape_.nr_words(); ++w) free += count_bits(slab().bits(w));
    ASSERT_EQ(free, shape_.nr_objects) << size;
  }
}

// One thread holds the slab again and again, the others give back what it took.
TEST_F(SlabTest, freeing_while_somebody_takes_loses_nothing) {
  IndexStack list;  // index i + 1: object i is out
  struct Links {
    Atomic<uint32_t> next[512];
    Atomic<uint32_t>& link(uint32_t i) { return next[i]; }
  } links;
  Atomic<uint32_t> stop, wrong;
  std::vector<std::thread> givers;
  for (int t = 0; t < 2; ++t) {
    givers.emplace_back([&] {
      for (bool last = false; !last;) {
        last = stop.load();
        while (const uint32_t i = list.pop(links)) wrong.fetch_add(put(i - 1).twice != 0);
      }
    });
  }
  uint64_t taken = 0;
  for (int round = 0; round < 20'000; ++round) {
    const unsigned n = take(20);
    for (unsigned k = 0; k < n; ++k)
      list.push(links, static_cast<uint32_t>((static_cast<char*>(sheaf_.take()) - start_) / shape_.size) + 1);
    taken += n;
    ASSERT_GE(slab().nr_free(), -static_cast<int32_t>(shape_.nr_objects));
  }
  stop.store(1);
  for (std::thread& t : givers) t.join();
  EXPECT_EQ(wrong.load(), 0u);
  EXPECT_GT(taken, 0u);
  EXPECT_TRUE(slab().all_free());
}

}  // namespace
}  // namespace kmem
