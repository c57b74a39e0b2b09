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
};

namespace {

struct Map {
  explicit Map(uint32_t pages, uint32_t nr = 1 << 14) : areas(new VmArea[nr]) {
    map.init(areas.get(), nr);
    map.set_ready(nr);
    EXPECT_TRUE(map.add(pages));
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
        if (next != held.begin()) { ASSERT_LE(std::prev(next)->first + m.map.at(std::prev(next)->second).span, area.first); }
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
