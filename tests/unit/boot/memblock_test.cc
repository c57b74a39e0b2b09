// Pictures: a column is a page, or whatever unit the test has.
//   |====|  memory      |####|  reserved      |----|  what the call names      ....  nothing

#include "boot/memblock.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "boot/free_walk.h"

namespace kmem {

/// Reaches past the interface to break what must not break.
class RegionListTestPeer {
 public:
  static Span<MemRegion> table(RegionList& list) { return list.table_; }
  static void set_count(RegionList& list, size_t n) { list.count_ = n; }
  static void miscount(RegionList& list) { ++list.total_; }
};
class MemblockTestPeer {
 public:
  static RegionList& memory(Memblock& m) { return m.memory_; }
  static RegionList& reserved(Memblock& m) { return m.reserved_; }
};

namespace {

constexpr uint64_t kPage = 0x1000;
constexpr PhysAddr page(uint64_t n) { return {n * kPage}; }
constexpr uint64_t pages(uint64_t n) { return n * kPage; }

/// Tables of eight entries, in pages; the walker runs after every test.
class MemblockTest : public testing::Test {
 protected:
  ~MemblockTest() override { EXPECT_FALSE(memblock_.check()) << memblock_.check().rule; }

  static std::string drawn(Span<const MemRegion> regions) {
    std::string text;
    for (const MemRegion& r : regions) {
      text += text.empty() ? "" : " ";
      text += std::to_string(r.range.base / kPage) + "-" + std::to_string(r.range.end / kPage);
      if (r.node != kNoNode) text += "n" + std::to_string(r.node);
      if (any(r.flags)) text += "f" + std::to_string(static_cast<int>(r.flags));
    }
    return text;
  }
  std::string memory() const { return drawn(memblock_.memory()); }
  std::string reserved() const { return drawn(memblock_.reserved()); }
  std::string free_ranges(WalkFilter filter = {}, FreeWalk::Direction direction = FreeWalk::Direction::Up) const {
    FreeWalk walk(memblock_, filter, direction);
    std::vector<MemRegion> found;
    while (const auto free = walk.next()) found.push_back(*free);
    return drawn({found.data(), found.size()});
  }

  void add(uint64_t first, uint64_t end, int node = kNoNode, MemFlags flags = MemFlags::None) {
    ASSERT_TRUE(memblock_.add(page(first), pages(end - first), node, flags));
  }
  void reserve(uint64_t first, uint64_t end) { ASSERT_TRUE(memblock_.reserve(page(first), pages(end - first))); }
  /// Eight regions of one page, two pages apart, from page 10 on.
  void fill_memory() {
    for (uint64_t i = 0; i < 8; ++i) add(10 + 2 * i, 11 + 2 * i);
  }
  uint64_t page_given(const MemRequest& request) {
    const auto given = memblock_.alloc(request);
    return given ? given->value / kPage : 0;
  }

  MemRegion memory_table_[8], reserved_table_[8];
  Memblock memblock_{memory_table_, reserved_table_};
};

// ---- add ----

TEST_F(MemblockTest, a_new_one_is_empty) {
  EXPECT_EQ(memory(), "");
  EXPECT_EQ(memblock_.memory_bytes(), 0u);
  EXPECT_EQ(memblock_.end_of_dram(), (PhysAddr{0}));
  EXPECT_EQ(page_given({.bytes = 1}), 0u);
}

//  |==|  then  ....|==|  then |==| in between
TEST_F(MemblockTest, regions_are_kept_in_order) {
  add(10, 12);
  add(30, 32);
  add(20, 22);
  EXPECT_EQ(memory(), "10-12 20-22 30-32");
  EXPECT_EQ(memblock_.memory_bytes(), pages(6));
  EXPECT_EQ(memblock_.start_of_dram(), page(10));
  EXPECT_EQ(memblock_.end_of_dram(), page(32));
}

//  |====|
//       |----|      becomes  |=========|
TEST_F(MemblockTest, a_neighbour_of_the_same_kind_merges) {
  add(10, 15);
  add(15, 20);
  EXPECT_EQ(memory(), "10-20");
  add(5, 10);
  EXPECT_EQ(memory(), "5-20");
}

//  |====|    |====|
//       |----|      becomes  |==============|
TEST_F(MemblockTest, what_fills_a_hole_joins_both_sides) {
  add(10, 12);
  add(14, 16);
  add(12, 14);
  EXPECT_EQ(memory(), "10-16");
}

//  |node 0|
//         |node 1|   stays two
TEST_F(MemblockTest, neighbours_of_different_nodes_or_flags_stay_apart) {
  add(10, 12, 0);
  add(12, 14, 1);
  add(14, 16, 1, MemFlags::Hotplug);
  EXPECT_EQ(memory(), "10-12n0 12-14n1 14-16n1f1");
}

//  |====|
//    |----|         becomes  |======|
TEST_F(MemblockTest, an_overlap_at_the_end_extends) {
  add(10, 15);
  add(13, 18);
  EXPECT_EQ(memory(), "10-18");
}

//    |====|
//  |----|           becomes  |======|
TEST_F(MemblockTest, an_overlap_at_the_start_extends) {
  add(13, 18);
  add(10, 15);
  EXPECT_EQ(memory(), "10-18");
}

//  |========|
//    |----|         changes nothing
TEST_F(MemblockTest, what_is_there_already_changes_nothing) {
  add(10, 20, 0);
  add(12, 15, 1);
  EXPECT_EQ(memory(), "10-20n0") << "a region keeps its node when another claims a part of it";
  EXPECT_EQ(memblock_.memory_bytes(), pages(10));
}

//     |0|   |0|
//  |------1-------|   becomes  |1|0|1|0|1|
TEST_F(MemblockTest, only_the_gaps_take_the_new_kind) {
  add(12, 14, 0);
  add(16, 18, 0);
  add(10, 20, 1);
  EXPECT_EQ(memory(), "10-12n1 12-14n0 14-16n1 16-18n0 18-20n1");
}

TEST_F(MemblockTest, no_bytes_are_no_region) {
  EXPECT_TRUE(memblock_.add(page(10), 0));
  EXPECT_TRUE(memblock_.reserve(page(10), 0));
  EXPECT_TRUE(memblock_.remove(page(10), 0));
  EXPECT_EQ(memory(), "");
}

TEST_F(MemblockTest, a_size_past_the_end_of_the_address_space_is_clipped) {
  const uint64_t base = ~uint64_t{0} - 100;
  EXPECT_TRUE(memblock_.add({base}, 1000));
  EXPECT_EQ(memblock_.memory_bytes(), 100u);
  EXPECT_TRUE(memblock_.remove({base + 50}, ~uint64_t{0}));
  EXPECT_EQ(memblock_.memory_bytes(), 50u);
}

// ---- full tables ----

//  |=| |=| |=| |=| |=| |=| |=| |=|      full
//                                  |-|  refused
TEST_F(MemblockTest, a_full_table_refuses_and_nothing_has_changed) {
  fill_memory();
  const std::string before = memory();
  EXPECT_FALSE(memblock_.add(page(40), pages(1)));
  EXPECT_EQ(memory(), before);
  EXPECT_EQ(memblock_.memory_bytes(), pages(8));
}

//  |=| |=| |=| |=| |=| |=| |=| |=|      full
//   |-|                                 joins two
TEST_F(MemblockTest, a_full_table_still_takes_what_merges) {
  fill_memory();
  EXPECT_TRUE(memblock_.add(page(11), pages(1)));
  EXPECT_EQ(memblock_.memory().size, 7u);
}

//  |=| |=| |=| |=| |=| |=| |=| |=|
//  |------------------------------|     one region: needs no more room on its way there
TEST_F(MemblockTest, a_full_table_takes_a_range_that_joins_all) {
  fill_memory();
  add(0, 40);
  EXPECT_EQ(memory(), "0-40");
}

//  |0|  |1|.|1| and five more: full
//     |---1----|    the first gap needs an entry, which the second gives back
TEST_F(MemblockTest, a_gap_that_merges_makes_room_for_one_that_does_not) {
  add(10, 11, 0);
  add(13, 14, 0);
  add(14, 15, 1);
  add(16, 17, 1);
  for (uint64_t i = 0; i < 4; ++i) add(30 + 2 * i, 31 + 2 * i);
  ASSERT_EQ(memblock_.memory().size, 8u);
  add(11, 16, 1);
  EXPECT_EQ(memory(), "10-11n0 11-13n1 13-14n0 14-17n1 30-31 32-33 34-35 36-37");
}

//  |=| |=| ... full;  node 1 into the gaps: each gap would be a region of its own
TEST_F(MemblockTest, many_gaps_are_taken_all_or_none) {
  for (uint64_t i = 0; i < 4; ++i) add(10 + 2 * i, 11 + 2 * i, 0);
  EXPECT_FALSE(memblock_.add(page(9), pages(9), 1)) << "five gaps and four regions are nine";
  EXPECT_EQ(memblock_.memory().size, 4u);
  EXPECT_TRUE(memblock_.add(page(10), pages(8), 1)) << "four gaps fit";
  EXPECT_EQ(memblock_.memory().size, 8u);
}

//  |=========|  and seven more: full
//     |-|       would make two of one
TEST_F(MemblockTest, a_full_table_refuses_a_hole_but_not_a_trim) {
  for (uint64_t i = 0; i < 8; ++i) add(10 + 6 * i, 14 + 6 * i);
  EXPECT_FALSE(memblock_.remove(page(11), pages(1)));
  EXPECT_EQ(memblock_.memory_bytes(), pages(32));
  EXPECT_TRUE(memblock_.remove(page(10), pages(1)));
  EXPECT_TRUE(memblock_.remove(page(13), pages(4)));
  EXPECT_EQ(memblock_.memory_bytes(), pages(29));
}

TEST_F(MemblockTest, a_full_table_refuses_a_mark_in_the_middle) {
  for (uint64_t i = 0; i < 7; ++i) add(10 + 6 * i, 14 + 6 * i);
  const std::string before = memory();
  EXPECT_FALSE(memblock_.mark(page(11), pages(1), MemFlags::NoMap)) << "one entry is left, two are needed";
  EXPECT_EQ(memory(), before);
  EXPECT_TRUE(memblock_.mark(page(10), pages(1), MemFlags::NoMap));
  EXPECT_FALSE(memblock_.set_node(page(13), pages(1), 1));
  EXPECT_TRUE(memblock_.mark(page(10), pages(1), MemFlags::NoMap)) << "what is so already needs no room";
}

TEST_F(MemblockTest, when_reservations_are_full_nothing_is_given) {
  add(10, 100);
  for (uint64_t i = 0; i < 8; ++i) reserve(20 + 2 * i, 21 + 2 * i);
  EXPECT_EQ(page_given({.bytes = kPage, .align = kPage, .from = page(50), .below = page(60)}), 0u);
  EXPECT_EQ(memblock_.reserved_bytes(), pages(8));
}

// ---- remove and free ----

//  |==========|
//     |---|         becomes  |==|   |==|
TEST_F(MemblockTest, removing_the_middle_leaves_two) {
  add(10, 20, 1, MemFlags::Mirror);
  EXPECT_TRUE(memblock_.remove(page(13), pages(4)));
  EXPECT_EQ(memory(), "10-13n1f2 17-20n1f2");
  EXPECT_EQ(memblock_.memory_bytes(), pages(6));
}

//  |====|  |==|  |====|
//     |------------|      becomes  |==|        |==|
TEST_F(MemblockTest, removing_across_regions_trims_the_outer_and_drops_the_inner) {
  add(10, 14);
  add(16, 18);
  add(20, 24);
  EXPECT_TRUE(memblock_.remove(page(12), pages(10)));
  EXPECT_EQ(memory(), "10-12 22-24");
}

//  ....|====|
//  |--|             nothing is there: no error
TEST_F(MemblockTest, removing_what_is_not_there_is_no_error) {
  add(10, 14);
  EXPECT_TRUE(memblock_.remove(page(2), pages(4)));
  EXPECT_TRUE(memblock_.remove(page(14), pages(4)));
  EXPECT_TRUE(memblock_.free(page(10), pages(4)));
  EXPECT_EQ(memory(), "10-14");
}

//  |##########|
//     |---|         becomes  |##|   |##|
TEST_F(MemblockTest, freeing_a_part_leaves_the_rest_reserved) {
  add(0, 100);
  reserve(10, 20);
  EXPECT_TRUE(memblock_.free(page(13), pages(4)));
  EXPECT_EQ(reserved(), "10-13 17-20");
  EXPECT_EQ(memblock_.reserved_bytes(), pages(6));
}

//  |####|
//     |####|        becomes  |#######|
TEST_F(MemblockTest, reserving_twice_counts_once) {
  reserve(10, 14);
  reserve(12, 16);
  EXPECT_EQ(reserved(), "10-16");
  EXPECT_EQ(memblock_.reserved_bytes(), pages(6));
}

TEST_F(MemblockTest, reservations_of_different_nodes_stay_apart) {
  EXPECT_TRUE(memblock_.reserve(page(10), pages(1), 0));
  EXPECT_TRUE(memblock_.reserve(page(11), pages(1), 1));
  EXPECT_EQ(reserved(), "10-11n0 11-12n1");
}

// ---- marks ----

//  |==========|
//     |-N-|         becomes  |==|N|==|,  and one again when the mark goes
TEST_F(MemblockTest, a_mark_cuts_and_its_end_joins_again) {
  add(10, 20);
  EXPECT_TRUE(memblock_.mark(page(13), pages(4), MemFlags::NoMap));
  EXPECT_EQ(memory(), "10-13 13-17f4 17-20");
  EXPECT_TRUE(memblock_.unmark(page(13), pages(4), MemFlags::NoMap));
  EXPECT_EQ(memory(), "10-20");
}

//  |==|  |==|
//  |--------|       marks what is there and adds nothing
TEST_F(MemblockTest, a_mark_adds_no_memory) {
  add(10, 12);
  add(14, 16);
  EXPECT_TRUE(memblock_.mark(page(8), pages(10), MemFlags::Hotplug));
  EXPECT_EQ(memory(), "10-12f1 14-16f1");
}

TEST_F(MemblockTest, marks_add_up) {
  add(10, 12);
  EXPECT_TRUE(memblock_.mark(page(10), pages(2), MemFlags::Hotplug));
  EXPECT_TRUE(memblock_.mark(page(10), pages(2), MemFlags::Mirror));
  EXPECT_TRUE(memblock_.unmark(page(10), pages(2), MemFlags::Hotplug));
  EXPECT_EQ(memory(), "10-12f2");
}

//  |====0====|
//       |-1-|       becomes  |==0=|1|
TEST_F(MemblockTest, memory_moves_to_another_node) {
  add(10, 20, 0);
  EXPECT_TRUE(memblock_.set_node(page(15), pages(5), 1));
  EXPECT_EQ(memory(), "10-15n0 15-20n1");
  EXPECT_EQ(memblock_.node_of(page(14)), 0);
  EXPECT_EQ(memblock_.node_of(page(15)), 1);
  EXPECT_EQ(memblock_.node_of(page(20)), kNoNode);
}

// ---- limits ----

TEST_F(MemblockTest, trim_keeps_whole_units_only) {
  EXPECT_TRUE(memblock_.add({0x1800}, 0x2000));  // 0x1800..0x3800: the page at 0x2000 is whole
  EXPECT_TRUE(memblock_.add({0x5100}, 0x200));   // no whole page
  memblock_.trim(kPage);
  EXPECT_EQ(memory(), "2-3");
  EXPECT_EQ(memblock_.memory_bytes(), pages(1));
}

TEST_F(MemblockTest, trim_at_the_end_of_the_address_space_does_not_wrap) {
  EXPECT_TRUE(memblock_.add({~uint64_t{0} - 100}, 100));
  memblock_.trim(kPage);
  EXPECT_EQ(memory(), "");
}

TEST_F(MemblockTest, trim_to_no_power_of_two_does_nothing) {
  add(10, 12);
  memblock_.trim(3);
  memblock_.trim(0);
  EXPECT_EQ(memory(), "10-12");
}

//  |====|  |====|  |====|
//  |---mem=6----|             keeps  |====|  |==|
TEST_F(MemblockTest, mem_keeps_the_lowest_memory) {
  add(10, 14);
  add(20, 24);
  add(30, 34);
  reserve(21, 31);
  memblock_.cap_total(pages(6));
  EXPECT_EQ(memory(), "10-14 20-22");
  EXPECT_EQ(reserved(), "21-22");
}

TEST_F(MemblockTest, mem_above_what_there_is_changes_nothing) {
  add(10, 14);
  reserve(20, 21);
  memblock_.cap_total(pages(4));
  memblock_.cap_total(pages(400));
  EXPECT_EQ(memory(), "10-14");
  EXPECT_EQ(reserved(), "20-21");
}

//  |====|  |=N=|  |========|
//                    |--|      keeps the unmapped region whole
TEST_F(MemblockTest, cap_range_keeps_the_range_and_what_is_not_mapped) {
  add(10, 14);
  add(20, 24, kNoNode, MemFlags::NoMap);
  add(30, 40);
  reserve(12, 36);
  memblock_.cap_range(page(33), pages(2));
  EXPECT_EQ(memory(), "20-24f4 33-35");
  EXPECT_EQ(reserved(), "33-35");
}

TEST_F(MemblockTest, cap_range_works_on_full_tables) {
  for (uint64_t i = 0; i < 8; ++i) add(10 + 4 * i, 13 + 4 * i);
  memblock_.cap_range(page(15), pages(1));
  EXPECT_EQ(memory(), "15-16");
}

// ---- alloc ----

//  |==============|
//            |-##-|    from the top
TEST_F(MemblockTest, at_first_memory_is_given_from_the_top) {
  add(10, 20);
  EXPECT_FALSE(memblock_.bottom_up());
  EXPECT_EQ(page_given({.bytes = pages(2), .align = kPage}), 18u);
  EXPECT_EQ(page_given({.bytes = pages(3), .align = kPage}), 15u);
  EXPECT_EQ(reserved(), "15-20");
}

//  |==============|
//  |-##-|              from the bottom
TEST_F(MemblockTest, bottom_up_memory_is_given_from_the_bottom) {
  add(10, 20);
  memblock_.set_bottom_up(true);
  EXPECT_EQ(page_given({.bytes = pages(2), .align = kPage}), 10u);
  EXPECT_EQ(page_given({.bytes = pages(3), .align = kPage}), 12u);
  EXPECT_EQ(reserved(), "10-15");
}

//  |=====|##|==|    2 pages fit above the reservation, 3 only below
TEST_F(MemblockTest, what_does_not_fit_above_goes_below) {
  add(10, 20);
  reserve(16, 18);
  EXPECT_EQ(page_given({.bytes = pages(3), .align = kPage}), 13u);
  EXPECT_EQ(page_given({.bytes = pages(2), .align = kPage}), 18u);
}

//  |==========|
//    ^   ^   ^      multiples of four pages
TEST_F(MemblockTest, a_block_begins_at_a_multiple_of_its_alignment) {
  add(9, 22);
  EXPECT_EQ(page_given({.bytes = pages(1), .align = pages(4)}), 20u);
  memblock_.set_bottom_up(true);
  EXPECT_EQ(page_given({.bytes = pages(1), .align = pages(4)}), 12u);
  EXPECT_EQ(page_given({.bytes = pages(1), .align = pages(32)}), 0u);
}

//  |=====|          9..14: three pages at a multiple of four would end past it
TEST_F(MemblockTest, alignment_does_not_push_a_block_out_of_its_range) {
  add(9, 14);
  memblock_.set_bottom_up(true);
  EXPECT_EQ(page_given({.bytes = pages(3), .align = pages(4)}), 0u);
  EXPECT_EQ(page_given({.bytes = pages(2), .align = pages(4)}), 12u);
}

TEST_F(MemblockTest, no_alignment_is_a_cache_line) {
  add(10, 11);
  const auto given = memblock_.alloc({.bytes = 10, .align = 0});
  ASSERT_TRUE(given);
  EXPECT_EQ(given->value, page(11).value - kCacheLine);
}

TEST_F(MemblockTest, requests_that_make_no_sense_get_nothing) {
  add(10, 20);
  EXPECT_FALSE(memblock_.alloc({.bytes = 0}));
  EXPECT_FALSE(memblock_.alloc({.bytes = 64, .align = 48}));
  EXPECT_FALSE(memblock_.alloc({.bytes = ~uint64_t{0}}));
  EXPECT_FALSE(memblock_.alloc({.bytes = 64, .from = page(15), .below = page(14)}));
  EXPECT_EQ(reserved(), "");
}

//  |==============|
//      |----|          only in here
TEST_F(MemblockTest, a_block_stays_within_the_limits_asked_for) {
  add(10, 20);
  const MemRequest within{.bytes = pages(2), .align = kPage, .from = page(13), .below = page(16)};
  EXPECT_EQ(page_given(within), 14u);
  EXPECT_EQ(page_given(within), 0u);
}

TEST_F(MemblockTest, nothing_is_given_above_the_current_limit) {
  add(10, 20);
  memblock_.set_current_limit(page(13));
  EXPECT_EQ(page_given({.bytes = pages(1), .align = kPage}), 12u);
  EXPECT_EQ(page_given({.bytes = pages(1), .align = kPage, .from = page(13)}), 0u);
  EXPECT_EQ(memblock_.current_limit(), page(13));
}

TEST_F(MemblockTest, the_page_at_address_zero_is_never_given) {
  add(0, 2);
  memblock_.set_bottom_up(true);
  EXPECT_EQ(page_given({.bytes = 64}), 1u);
  EXPECT_EQ(page_given({.bytes = pages(2), .align = kPage}), 0u);
}

//  |==0==|==1==|
TEST_F(MemblockTest, a_node_that_is_asked_for_serves_first) {
  add(10, 15, 0);
  add(15, 20, 1);
  EXPECT_EQ(page_given({.bytes = pages(3), .align = kPage, .node = 0}), 12u);
  EXPECT_EQ(page_given({.bytes = pages(3), .align = kPage, .node = 0}), 17u) << "falls back to node 1";
}

TEST_F(MemblockTest, an_exact_node_serves_or_nobody_does) {
  add(10, 15, 0);
  add(15, 20, 1);
  const MemRequest exact{.bytes = pages(3), .align = kPage, .node = 0, .exact_node = true};
  EXPECT_EQ(page_given(exact), 12u);
  EXPECT_EQ(page_given(exact), 0u) << "node 1 has room, but is not the one";
}

//  |==0==|==1==|
//     |-----|       no block lies on two nodes
TEST_F(MemblockTest, no_block_lies_across_two_kinds_of_memory) {
  add(10, 15, 0);
  add(15, 20, 1);
  EXPECT_EQ(page_given({.bytes = pages(6), .align = kPage}), 0u);
}

TEST_F(MemblockTest, memory_that_is_not_mapped_is_never_given) {
  add(10, 20, kNoNode, MemFlags::NoMap);
  EXPECT_EQ(page_given({.bytes = 64}), 0u);
}

//  |====|=H=|       from the top, but not the part that may be taken away
TEST_F(MemblockTest, hotplug_memory_is_avoided_on_request) {
  add(10, 15);
  add(15, 20, kNoNode, MemFlags::Hotplug);
  EXPECT_EQ(page_given({.bytes = pages(1), .align = kPage}), 19u);
  memblock_.set_avoid_hotplug(true);
  EXPECT_EQ(page_given({.bytes = pages(1), .align = kPage}), 14u);
}

//  |=M=|====|       mirrored memory first, then the rest
TEST_F(MemblockTest, mirrored_memory_is_given_first) {
  add(10, 12, kNoNode, MemFlags::Mirror);
  add(12, 20);
  EXPECT_EQ(page_given({.bytes = pages(2), .align = kPage}), 10u);
  EXPECT_EQ(page_given({.bytes = pages(2), .align = kPage}), 18u);
}

// ---- looking ----

//  |==|.|==|
TEST_F(MemblockTest, questions_about_addresses) {
  add(10, 12, 0);
  add(13, 15, 1, MemFlags::NoMap);
  reserve(11, 12);
  EXPECT_TRUE(memblock_.is_memory(page(11)));
  EXPECT_FALSE(memblock_.is_memory(page(12)));
  EXPECT_TRUE(memblock_.is_memory({page(12).value - 1}));
  EXPECT_TRUE(memblock_.is_reserved(page(11)));
  EXPECT_FALSE(memblock_.is_reserved(page(10)));
  EXPECT_TRUE(memblock_.is_map_memory(page(10)));
  EXPECT_FALSE(memblock_.is_map_memory(page(13)));
  EXPECT_FALSE(memblock_.is_map_memory(page(12)));
}

//  |==|.|==|
//   |----|    overlaps, but is not memory as a whole
TEST_F(MemblockTest, questions_about_ranges) {
  add(10, 12, 0);
  add(12, 14, 1);
  add(15, 17);
  reserve(11, 13);
  EXPECT_TRUE(memblock_.is_region_memory(page(10), pages(4))) << "two nodes that touch";
  EXPECT_FALSE(memblock_.is_region_memory(page(10), pages(6)));
  EXPECT_TRUE(memblock_.overlaps_memory(page(14), pages(2)));
  EXPECT_FALSE(memblock_.overlaps_memory(page(14), pages(1)));
  EXPECT_TRUE(memblock_.overlaps_reserved(page(12), pages(9)));
  EXPECT_FALSE(memblock_.overlaps_reserved(page(13), pages(9)));
  EXPECT_FALSE(memblock_.overlaps_memory(page(10), 0));
}

//  memory    |==========|    |====|
//  reserved     |##|      |####|
//  free      |-|   |----|      |--|
TEST_F(MemblockTest, free_is_memory_that_is_not_reserved) {
  add(10, 20);
  add(24, 30);
  reserve(12, 14);
  reserve(22, 26);
  EXPECT_EQ(free_ranges(), "10-12 14-20 26-30");
  EXPECT_EQ(free_ranges({}, FreeWalk::Direction::Down), "26-30 14-20 10-12");
}

TEST_F(MemblockTest, a_reservation_of_everything_leaves_nothing_free) {
  add(10, 20);
  add(24, 30);
  reserve(0, 100);
  EXPECT_EQ(free_ranges(), "");
  EXPECT_EQ(free_ranges({}, FreeWalk::Direction::Down), "");
}

TEST_F(MemblockTest, a_walk_can_be_told_which_memory_it_sees) {
  add(10, 12, 0);
  add(12, 14, 1);
  add(14, 16, 1, MemFlags::NoMap);
  EXPECT_EQ(free_ranges({.node = 1}), "12-14n1 14-16n1f4");
  EXPECT_EQ(free_ranges({.without = MemFlags::NoMap}), "10-12n0 12-14n1");
  EXPECT_EQ(free_ranges({.with = MemFlags::NoMap}), "14-16n1f4");
}

//  |..=====..|  a range of bytes covers only the frames that lie in it as a whole
TEST_F(MemblockTest, frames_are_counted_when_they_are_whole) {
  EXPECT_TRUE(memblock_.add({0xa800}, 0x3000, 0));  // a8..d8: frames b and c
  EXPECT_TRUE(memblock_.add({0xf100}, 0x100, 1));   // none
  std::vector<PfnRange> found;
  for_each_mem_pfn_range(memblock_, kNoNode, [&](PfnRange r) { found.push_back(r); });
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].first, (Pfn{0xb}));
  EXPECT_EQ(found[0].frames(), 2u);
  EXPECT_EQ(found[0].node, 0);
  for_each_mem_pfn_range(memblock_, 1, [&](PfnRange) { ADD_FAILURE(); });
}

//  |=========|
//     |#|         half a page is reserved: its frame is not handed over
TEST_F(MemblockTest, a_frame_that_is_reserved_in_part_is_not_handed_over) {
  add(10, 20, 0);
  EXPECT_TRUE(memblock_.reserve({page(13).value + 0x800}, 16));
  std::string found;
  for_each_free_pfn_range(
      memblock_, 0, [&](PfnRange r) { found += std::to_string(r.first.value) + "-" + std::to_string(r.end.value) + " "; });
  EXPECT_EQ(found, "10-13 14-20 ");
}

TEST_F(MemblockTest, memory_that_is_not_mapped_is_not_handed_over) {
  add(10, 20, 0, MemFlags::NoMap);
  for_each_free_pfn_range(memblock_, kNoNode, [](PfnRange) { ADD_FAILURE(); });
}

// ---- text ----

TEST_F(MemblockTest, the_dump_looks_as_the_kernels) {
  add(1, 0x9f, 0);
  EXPECT_TRUE(memblock_.add({0x100000}, 0x3fe00000, kNoNode, MemFlags::Hotplug));
  EXPECT_TRUE(memblock_.reserve({0x2000}, 0x40));
  TextOf<1024> text;
  memblock_.dump(text);
  EXPECT_STREQ(text.data(),
               "MEMBLOCK configuration:\n"
               " memory size = 0x000000003fe9e000 reserved size = 0x0000000000000040\n"
               " memory.cnt  = 0x2\n"
               " memory[0x0]\t[0x0000000000001000-0x000000000009efff], 0x000000000009e000 bytes on node 0 flags: 0x0\n"
               " memory[0x1]\t[0x0000000000100000-0x000000003fefffff], 0x000000003fe00000 bytes flags: 0x1\n"
               " reserved.cnt  = 0x1\n"
               " reserved[0x0]\t[0x0000000000002000-0x000000000000203f], 0x0000000000000040 bytes flags: 0x0\n");
}

TEST_F(MemblockTest, iomem_lists_memory_and_what_is_reserved_in_it) {
  add(0x100, 0x200);
  add(0x200, 0x210, kNoNode, MemFlags::NoMap);
  reserve(0x180, 0x205);
  reserve(0x300, 0x301);
  TextOf<512> text;
  memblock_.iomem(text);
  EXPECT_STREQ(text.data(),
               "00100000-001fffff : System RAM\n"
               "  00180000-001fffff : Reserved\n"
               "00200000-0020ffff : Reserved\n");
}

// ---- the checker ----

/// Two regions, broken by hand; the fixture's walker would find what is broken, so nothing is inherited.
class BrokenMemblock : public testing::Test {
 protected:
  BrokenMemblock() {
    EXPECT_TRUE(memblock_.add(page(10), pages(2)));
    EXPECT_TRUE(memblock_.add(page(20), pages(2)));
    EXPECT_TRUE(memblock_.reserve(page(10), pages(1)));
    EXPECT_FALSE(memblock_.check());
  }
  MemRegion& region(size_t i) { return memory_table_[i]; }
  RegionList& list() { return MemblockTestPeer::memory(memblock_); }

  MemRegion memory_table_[4], reserved_table_[4];
  Memblock memblock_{memory_table_, reserved_table_};
};

TEST_F(BrokenMemblock, the_checker_sees_a_wrong_order) {
  std::swap(region(0), region(1));
  const Fault fault = memblock_.check();
  EXPECT_TRUE(fault.is("B1"));
  EXPECT_EQ(fault.where, page(10).value);
}

TEST_F(BrokenMemblock, the_checker_sees_an_empty_region) {
  region(1).range.end = region(1).range.base;
  EXPECT_TRUE(memblock_.check().is("B1"));
}

TEST_F(BrokenMemblock, the_checker_sees_an_overlap) {
  region(0).range.end = page(21).value;
  EXPECT_TRUE(memblock_.check().is("B2"));
}

TEST_F(BrokenMemblock, the_checker_sees_a_missed_merge) {
  region(0).range.end = region(1).range.base;
  EXPECT_TRUE(memblock_.check().is("B3"));
}

TEST_F(BrokenMemblock, the_checker_sees_a_wrong_total) {
  RegionListTestPeer::miscount(list());
  const Fault fault = memblock_.check();
  EXPECT_TRUE(fault.is("B4"));
  EXPECT_EQ(fault.got, fault.want + 1);
}

TEST_F(BrokenMemblock, the_checker_sees_a_wrong_total_of_reservations) {
  RegionListTestPeer::miscount(MemblockTestPeer::reserved(memblock_));
  EXPECT_TRUE(memblock_.check().is("B4"));
}

TEST_F(BrokenMemblock, the_checker_sees_a_count_past_the_table) {
  RegionListTestPeer::set_count(list(), 5);
  EXPECT_TRUE(memblock_.check().is("B5"));
}

TEST_F(BrokenMemblock, the_checker_sees_a_reservation_with_flags) {
  reserved_table_[0].flags = MemFlags::Mirror;
  EXPECT_TRUE(memblock_.check().is("B6"));
}

}  // namespace
}  // namespace kmem
