// The slabs of one node by themselves: descriptors, and no frames behind them.

#include "slab/node_slabs.h"
#include "sync/sheaf.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace kmem {
namespace {

class NodeSlabsTest : public testing::Test {
 protected:
  NodeSlabsTest() : pages_(kNr * shape_.order.pages()) {}
  Slab& slab(unsigned i) { return Slab::of(&pages_[i * shape_.order.pages()]); }
  /// A new slab with `out` of its objects out, on its list.
  Slab& add(unsigned i, unsigned out) {
    slab(i).init(shape_, 0, 7);
    slabs_.count_slab();
    take(slab(i), out);
    if (slab(i).release_hold()) slabs_.push(links(), slab(i));
    return slab(i);
  }
  void take(Slab& from, unsigned n) {
    Sheaf sheaf = Sheaf::empty(words_, kSheafCapacity);
    from.take(shape_, start_, n, sheaf);
    slabs_.count_out(n);
  }
  SlabLinks links() { return {pages_.data()}; }
  Fault walk(unsigned& seen) {
    seen = 0;
    return slabs_.each_listed(links(), [&](const Slab&) { return ++seen, Fault{}; });
  }
  uint64_t take_empty(uint64_t keep) {
    return slabs_.take_empty(links(), keep, [this](Slab& slab) { released_.insert(&slab); });
  }

  static constexpr unsigned kNr = 16;
  SlabShape shape_ = SlabShape::choose({.size = 512});
  std::vector<Page> pages_;
  char* start_ = reinterpret_cast<char*>(uintptr_t{1} << 40);
  uint64_t words_[kSheafWords] = {};
  NodeSlabs slabs_;
  std::set<Slab*> released_;
};

TEST_F(NodeSlabsTest, the_slab_with_the_fewest_free_objects_goes_first) {
  Slab &nearly_empty = add(0, 1), &nearly_full = add(1, shape_.nr_objects - 1), &half = add(2, shape_.nr_objects / 2);
  EXPECT_EQ(slabs_.pop(links()), &nearly_full);
  EXPECT_EQ(slabs_.pop(links()), &half);
  EXPECT_EQ(slabs_.pop(links()), &nearly_empty);
  EXPECT_EQ(slabs_.pop(links()), nullptr);
  EXPECT_EQ(slabs_.nr_slabs(), 3);
}

TEST_F(NodeSlabsTest, a_full_slab_is_on_no_list) {
  add(0, shape_.nr_objects);
  EXPECT_EQ(slabs_.pop(links()), nullptr);
  EXPECT_EQ(slabs_.nr_out(), static_cast<int64_t>(shape_.nr_objects));
}

TEST_F(NodeSlabsTest, slabs_of_the_reserve_are_apart) {
  slab(0).init(shape_, 0, 7);
  slab(0).set_reserved(true);
  slabs_.count_slab();
  slabs_.push(links(), slab(0));
  EXPECT_EQ(slabs_.pop(links()), nullptr);
  unsigned seen;
  EXPECT_FALSE(walk(seen));
  EXPECT_EQ(seen, 1u);
  EXPECT_EQ(take_empty(0), 0u);
  EXPECT_EQ(slabs_.pop_reserved(links()), &slab(0));
  slabs_.push(links(), slab(0));
  EXPECT_EQ(slabs_.take_apart_empty(links(), [this](Slab& slab) { released_.insert(&slab); }), 1u);
  EXPECT_EQ(released_, std::set<Slab*>{&slab(0)});
}

TEST_F(NodeSlabsTest, those_that_are_all_free_are_taken_and_the_others_stay_listed) {
  for (unsigned i = 0; i < 8; ++i) add(i, i % 2);
  EXPECT_EQ(take_empty(0), 4u);
  EXPECT_EQ(released_, (std::set<Slab*>{&slab(0), &slab(2), &slab(4), &slab(6)}));
  unsigned seen;
  EXPECT_FALSE(walk(seen));
  EXPECT_EQ(seen, 4u);
}

TEST_F(NodeSlabsTest, some_are_kept_and_counted_as_empty) {
  for (unsigned i = 0; i < 8; ++i) add(i, 0);
  EXPECT_EQ(take_empty(3), 5u);
  EXPECT_EQ(slabs_.nr_empty(), 3);
  for (unsigned i = 0; i < 3; ++i) EXPECT_NE(slabs_.pop(links()), nullptr);
  EXPECT_EQ(slabs_.pop(links()), nullptr);
  EXPECT_EQ(slabs_.nr_empty(), 0) << "the holder has them";
}

TEST_F(NodeSlabsTest, a_search_is_worth_it_from_an_eighth_of_the_slabs_on) {
  for (unsigned i = 0; i < 16; ++i) add(i, 1);
  slabs_.count_empty();
  EXPECT_FALSE(slabs_.has_many_empty(0)) << "one of sixteen";
  slabs_.count_empty();
  EXPECT_TRUE(slabs_.has_many_empty(0)) << "two of sixteen";
  EXPECT_TRUE(slabs_.has_many_empty(1));
  EXPECT_FALSE(slabs_.has_many_empty(2)) << "they are to be kept";
}

TEST_F(NodeSlabsTest, objects_that_are_out_are_counted_until_they_are_back) {
  Slab& one = add(0, 3);
  EXPECT_EQ(slabs_.nr_out(), 3);
  const Slab::Put put = one.put(0, 5);
  EXPECT_FALSE(put.list) << "it is on a list";
  slabs_.count_back(2);
  EXPECT_EQ(slabs_.nr_out(), 1);
  slabs_.uncount_slab();
  EXPECT_EQ(slabs_.nr_slabs(), 0);
}

TEST_F(NodeSlabsTest, S2_a_slab_that_is_on_a_list_twice_is_found_and_not_walked_for_ever) {
  Slab &one = add(0, 1), &two = add(1, 1);
  unsigned seen;
  ASSERT_FALSE(walk(seen));
  one.link().store(links().index(&two));  // the lower one leads back to the upper one
  EXPECT_TRUE(walk(seen).is("S2"));
}

}  // namespace
}  // namespace kmem
