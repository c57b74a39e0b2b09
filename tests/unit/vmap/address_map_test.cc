// The map of free addresses, against the simplest model: a list of what is taken.

#include "vmap/address_map.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <memory>

namespace kmem {

class AddressMapTestPeer {
 public:
  static void miscount(AddressMap& map) { ++map.nr_free_pages_; }
  static void forget_bin(AddressMap& map) { map.map_[0] = map.map_[1] = map.map_[2] = map.map_[3] = 0; }
  static void overlap(AddressMap& map, uint32_t index) { ++map.areas_[index].span; }
  /// As give() would without its merging.
  static void give_unmerged(AddressMap& map, uint32_t index) { map.put_in_bin(index); }
  static void mark_free(AddressMap& map, uint32_t index) { map.areas_[index].become(AreaState::Free); }
  static void lose_from_bin(AddressMap& map, uint32_t index) {
    map.take_from_bin(index);
    map.nr_free_pages_ += map.areas_[index].span;
    mark_free(map, index);
  }
};

namespace {

struct Map {
  explicit Map(uint32_t pages, uint32_t nr = 1 << 14, uint64_t start_page = 0) : areas(new VmArea[nr]) {
    map.init(areas.get(), nr, start_page);
    map.set_ready(nr);
    EXPECT_TRUE(map.grow(pages));
  }
  ~Map() {
    if (!sound) return;
    EXPECT_FALSE(map.check()) << map.check().rule;
  }
  std::unique_ptr<VmArea[]> areas;
  AddressMap map;
  bool sound = true;
};

TEST(AddressMap, what_is_given_back_merges_with_its_neighbours) {
  Map m(1000);
  const uint32_t a = m.map.take(10, 1), b = m.map.take(20, 1), c = m.map.take(30, 1);
  EXPECT_EQ(m.map.at(b).first, 10u);
  m.map.give(a);
  m.map.give(c);
  EXPECT_EQ(m.map.largest_free(), 970u);
  m.map.give(b);
  EXPECT_EQ(m.map.largest_free(), 1000u);
  EXPECT_EQ(m.map.nr_areas(), 1u);
}

TEST(AddressMap, an_alignment_is_kept_and_what_lies_in_front_stays_free) {
  Map m(4096);
  m.map.take(3, 1);
  const uint32_t big = m.map.take(600, 512);
  EXPECT_EQ(m.map.at(big).first % 512, 0u);
  const uint32_t small = m.map.take(400, 1);
  EXPECT_LT(m.map.at(small).first, m.map.at(big).first);
}

TEST(AddressMap, an_alignment_is_that_of_the_page_number_not_of_the_place_in_the_map) {
  Map m(8192, 1 << 14, 5 * 512);
  for (uint32_t align = 1; align <= 4096; align *= 2) {
    const uint32_t area = m.map.take(3, align);
    ASSERT_NE(area, 0u);
    EXPECT_EQ((m.map.at(area).first + 5 * 512) % align, 0u) << align;
  }
  EXPECT_EQ(m.map.take(10, 1u << 31), 0u) << "no page has such a number";
}

TEST(AddressMap, the_last_page_can_be_had) {
  Map m(777);
  EXPECT_NE(m.map.take(777, 1), 0u);
  EXPECT_EQ(m.map.take(1, 1), 0u);
}

TEST(AddressMap, an_area_grows_into_what_is_free_behind_it) {
  Map m(100);
  const uint32_t a = m.map.take(10, 1), b = m.map.take(10, 1);
  EXPECT_FALSE(m.map.extend(a, 1));
  EXPECT_TRUE(m.map.extend(b, 80));
  EXPECT_FALSE(m.map.extend(b, 1));
  m.map.give(b);
  EXPECT_TRUE(m.map.extend(a, 5));
  EXPECT_EQ(m.map.at(a).span, 15u);
}

TEST(AddressMap, it_grows_at_its_end_and_what_was_free_there_grows_with_it) {
  Map m(100);
  EXPECT_EQ(m.map.free_at_end(), 100u);
  EXPECT_TRUE(m.map.grow(50));
  EXPECT_EQ(m.map.nr_areas(), 1u);
  const uint32_t all = m.map.take(150, 1);
  ASSERT_NE(all, 0u);
  EXPECT_EQ(m.map.free_at_end(), 0u);
  EXPECT_TRUE(m.map.ends_before_end(all));
  EXPECT_FALSE(m.map.extend(all, 1));
  EXPECT_TRUE(m.map.grow(20));
  EXPECT_EQ(m.map.free_at_end(), 20u);
  EXPECT_TRUE(m.map.ends_before_end(all));
  const uint32_t next = m.map.take(20, 1);
  EXPECT_EQ(m.map.at(next).first, 150u);
  EXPECT_FALSE(m.map.ends_before_end(all));
  m.map.give(all);
  EXPECT_EQ(m.map.free_at_end(), 0u);
  m.map.give(next);
  EXPECT_EQ(m.map.free_at_end(), 170u);
}

TEST(AddressMap, without_descriptors_nothing_is_given_and_nothing_breaks) {
  Map m(1000, 4);
  EXPECT_NE(m.map.take(1, 1), 0u);
  EXPECT_EQ(m.map.take(1, 1), 0u);
}

TEST(AddressMap, the_walker_sees_what_is_broken) {
  {
    Map m(100);
    AddressMapTestPeer::miscount(m.map);
    EXPECT_TRUE(m.map.check().is("W5"));
    m.sound = false;
  }
  {
    Map m(100);
    AddressMapTestPeer::forget_bin(m.map);
    EXPECT_TRUE(m.map.check().is("W4"));
    m.sound = false;
  }
  {
    Map m(100);
    AddressMapTestPeer::overlap(m.map, m.map.take(5, 1));
    EXPECT_TRUE(m.map.check().is("W1"));
    m.sound = false;
  }
  {
    Map m(100);
    const uint32_t a = m.map.take(5, 1), b = m.map.take(5, 1);
    AddressMapTestPeer::give_unmerged(m.map, a);
    EXPECT_FALSE(m.map.check()) << "alone it is free as it should be";
    AddressMapTestPeer::give_unmerged(m.map, b);
    EXPECT_TRUE(m.map.check().is("W2"));
    m.sound = false;
  }
  {
    Map m(100);
    const uint32_t a = m.map.take(5, 1), between = m.map.take(5, 1);
    m.map.give(a);
    AddressMapTestPeer::lose_from_bin(m.map, a);
    EXPECT_TRUE(m.map.check().is("W3")) << "free, and in no bin";
    EXPECT_NE(between, 0u);
    m.sound = false;
  }
}

TEST(AddressMap, random_walk_agrees_with_a_model) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    constexpr uint32_t kPages = 5000;
    Map m(kPages);
    std::map<uint32_t, uint32_t> held;  // first page, index
    uint64_t draw = seed, pages = 0;
    const auto below = [&](uint64_t n) { return ((draw = draw * 6364136223846793005u + 1442695040888963407u) >> 33) % n; };
    for (int step = 0; step < 3000; ++step) {
      if (below(2) || held.empty()) {
        const auto span = static_cast<uint32_t>(1 + below(60)), align = 1u << below(6);
        const uint32_t index = m.map.take(span, align);
        if (!index) continue;
        const VmArea& area = m.map.at(index);
        ASSERT_EQ(area.span, span);
        ASSERT_EQ(area.first % align, 0u);
        const auto next = held.lower_bound(area.first);
        ASSERT_TRUE(next == held.end() || area.first + span <= next->first);
        if (next != held.begin()) {
          ASSERT_LE(std::prev(next)->first + m.map.at(std::prev(next)->second).span, area.first);
        }
        held[area.first] = index;
        pages += span;
      } else {
        auto at = std::next(held.begin(), static_cast<long>(below(held.size())));
        pages -= m.map.at(at->second).span;
        m.map.give(at->second);
        held.erase(at);
      }
      ASSERT_EQ(m.map.nr_free_pages(), kPages - pages);
    }
    ASSERT_FALSE(m.map.check());
  }
}

}  // namespace
}  // namespace kmem
