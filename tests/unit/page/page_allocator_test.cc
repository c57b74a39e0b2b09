#include "page/page_allocator.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "unit/page/small_machine.h"

namespace kmem {
namespace {

using test::kMiB;
using test::PageWorld;
using test::SmallMachine;

constexpr uint64_t kMiBFrames = kMiB >> kPageShift;

// Descriptors -----------------------------------------------------------------------------------------------------------

TEST(PageTest, the_head_keeps_kind_zone_order_and_references_apart) {
  const uint64_t head = Page::pack(PageKind::Slab, 31, {10}, 0xfffffffe);
  EXPECT_EQ(Page::kind_of(head), PageKind::Slab);
  EXPECT_EQ(Page::zone_of(head), 31u);
  EXPECT_EQ(Page::order_of(head), Order{10});
  EXPECT_EQ(Page::refs_of(head), 0xfffffffeu);
}

TEST(PageTest, untouched_memory_is_the_descriptor_of_nobodys_frame) { EXPECT_EQ(Page::pack(PageKind::None, 0, {}, 0), 0u); }

// Zones -----------------------------------------------------------------------------------------------------------------

/// 16 MiB for DMA, 64 below 4 GiB, 64 above.
struct ThreeZones : PageWorld {
  explicit ThreeZones(uint64_t min_free_kbytes = 128) : PageWorld({{0, 16}, {16, 64}, {4096, 64}}, min_free_kbytes) {}
};

TEST(ZonesTest, a_range_is_cut_at_16_MiB_and_at_4_GiB) {
  if (SmallMachine::kNarrow) GTEST_SKIP() << "takes more addresses than there are";
  PageWorld world({{0, 4160}});
  ASSERT_EQ(world.pages.nr_zones(), 3u);
  const ZoneKind kinds[] = {ZoneKind::Dma, ZoneKind::Dma32, ZoneKind::Normal};
  const uint64_t mib[] = {16, 4080, 64};
  for (unsigned i = 0; i < 3; ++i) {
    EXPECT_EQ(world.pages.zone(i).kind(), kinds[i]);
    EXPECT_EQ(world.pages.zone(i).nr_frames(), mib[i] * kMiBFrames);
    EXPECT_EQ(world.pages.zone(i).index(), i);
  }
  EXPECT_EQ(world.pages.frames_end(), 4160 * kMiBFrames);
}

TEST(ZonesTest, a_port_says_where_the_zones_end_and_one_of_no_length_is_none) {
  SmallMachine small({{0, 64}});
  small.machine.dma_end = small.machine.dma32_end = {uint64_t{32} << 20};
  PageAllocator pages;
  ASSERT_NE(pages.init(small.machine, small.sheaves, 128), nullptr);
  ASSERT_EQ(pages.nr_zones(), 2u);
  EXPECT_EQ(pages.zone(0).kind(), ZoneKind::Dma);
  EXPECT_EQ(pages.zone(0).nr_frames(), 32 * kMiBFrames);
  EXPECT_EQ(pages.zone(1).kind(), ZoneKind::Normal);
  EXPECT_EQ(pages.zone(1).nr_frames(), 32 * kMiBFrames);
}

TEST(ZonesTest, metadata_that_does_not_fit_is_refused) {
  SmallMachine small({{4096, 64}});
  small.machine.metadata_bytes = 64;
  PageAllocator pages;
  EXPECT_EQ(pages.init(small.machine, small.sheaves, 0), nullptr);
}

TEST(ZonesTest, metadata_of_the_whole_allocator_is_below_a_byte_a_frame) {
  if (SmallMachine::kNarrow) GTEST_SKIP() << "takes more addresses than there are";
  PageWorld world({{4096, 8192}});
  EXPECT_LT(static_cast<uint64_t>(world.metadata_left - world.machine.metadata), 8192 * kMiBFrames);
}

TEST(ZonesTest, an_ordinary_request_takes_the_highest_zone) {
  ThreeZones world;
  Page* page = world.pages.alloc(gfp::kKernel, {0}, kNoNode);
  ASSERT_TRUE(page);
  EXPECT_EQ(world.pages.zone_of(world.pages.pfn_of(page))->kind(), ZoneKind::Normal);
}

TEST(ZonesTest, a_device_gets_what_it_can_reach) {
  ThreeZones world;
  for (unsigned order = 0; order <= kMaxOrder; ++order) {
    Page* dma = world.pages.alloc(gfp::kDma, {static_cast<uint8_t>(order)}, kNoNode);
    ASSERT_TRUE(dma) << order;
    EXPECT_LE(world.pages.pfn_of(dma).value + (1u << order), 16 * kMiBFrames);
    Page* dma32 = world.pages.alloc(gfp::kDma32, {static_cast<uint8_t>(order)}, kNoNode);
    ASSERT_TRUE(dma32);
    EXPECT_LE(world.pages.pfn_of(dma32).value + (1u << order), 4096 * kMiBFrames);
  }
}

TEST(ZonesTest, a_zone_that_is_full_is_helped_out_by_the_lower_ones) {
  ThreeZones world;
  uint64_t kinds[kZoneKinds] = {};
  while (Page* page = world.pages.alloc(0, {4}, kNoNode))
    ++kinds[static_cast<unsigned>(world.pages.zone_of(world.pages.pfn_of(page))->kind())];
  EXPECT_GT(kinds[static_cast<unsigned>(ZoneKind::Normal)], 0u);
  EXPECT_GT(kinds[static_cast<unsigned>(ZoneKind::Dma32)], 0u);
}

TEST(ZonesTest, a_device_gets_nothing_rather_than_what_it_cannot_reach) {
  if (sizeof(void*) == 4) GTEST_SKIP() << "Normal is what lies below 4 GiB";
  ThreeZones world;
  uint64_t n = 0;
  for (; Page* page = world.pages.alloc(gfp::kDma32, {4}, kNoNode); ++n)
    ASSERT_NE(world.pages.zone_of(world.pages.pfn_of(page))->kind(), ZoneKind::Normal);
  EXPECT_LE(n * 16, 80 * kMiBFrames);
  EXPECT_EQ(world.pages.zone(2).nr_in_use(), 0u);
}

TEST(ZonesTest, lower_zones_keep_a_reserve_from_requests_that_could_go_higher) {
  ThreeZones world;
  while (world.pages.alloc(0, {0}, kNoNode)) {
  }
  const Zone& dma = world.pages.zone(0);
  EXPECT_GE(dma.nr_available(), dma.marks().lowmem_reserve[static_cast<unsigned>(ZoneKind::Normal)]);
  EXPECT_GT(dma.marks().lowmem_reserve[static_cast<unsigned>(ZoneKind::Normal)], 0u);
  EXPECT_TRUE(world.pages.alloc(gfp::kDma, {0}, kNoNode)) << "it is for those who need it";
}

// The kernel's formulas: min is sqrt(lowmem KiB * 16), between 128 KiB and 256 MiB, in proportion to the zones.
TEST(ZonesTest, watermarks_are_the_kernels) {
  if (SmallMachine::kNarrow) GTEST_SKIP() << "takes more addresses than there are";
  PageWorld world({{4096, 1024}}, 0);
  const Zone& zone = world.pages.zone(0);
  EXPECT_EQ(zone.marks().min, 4096u / 4) << "sqrt(1048576 * 16) = 4096 KiB";
  EXPECT_EQ(zone.marks().low, zone.marks().min + zone.nr_frames() / 1000);
  EXPECT_EQ(zone.marks().high, zone.marks().low + zone.nr_frames() / 1000);
}

TEST(ZonesTest, the_boot_word_for_free_memory_decides_the_minimum) {
  PageWorld world({{4096, 64}}, 8192);
  EXPECT_EQ(world.pages.zone(0).marks().min, 2048u);
  EXPECT_EQ(world.pages.zone(0).marks().low, 2048u + 512) << "a quarter more";
}

// The reserve -----------------------------------------------------------------------------------------------------------

class ReserveTest : public testing::Test {
 protected:
  uint64_t take_all(Gfp gfp) {
    uint64_t n = 0;
    while (world_.pages.alloc(gfp, {0}, 0)) ++n;
    return n;
  }
  PageWorld world_{{{4096, 64}}, 4096};
  const Zone& zone_ = world_.pages.zone(0);
};

TEST_F(ReserveTest, an_ordinary_request_stops_at_the_minimum) {
  take_all(gfp::kKernel);
  EXPECT_EQ(zone_.nr_free(), zone_.marks().min);
}

TEST_F(ReserveTest, an_urgent_one_may_take_half_of_it_and_one_that_cannot_wait_a_quarter_of_the_rest) {
  take_all(gfp::kKernel);
  EXPECT_EQ(take_all(gfp::kKernel | gfp::kHigh), zone_.marks().min / 2);
  EXPECT_EQ(take_all(gfp::kAtomic), zone_.marks().min / 2 / 4);
}

TEST_F(ReserveTest, one_that_frees_memory_with_it_may_take_everything) {
  take_all(gfp::kKernel);
  take_all(gfp::kMemAlloc);
  EXPECT_EQ(zone_.nr_free(), 0u);
  EXPECT_FALSE(world_.pages.alloc(gfp::kMemAlloc, {0}, 0));
}

TEST_F(ReserveTest, unless_it_says_that_it_must_not) {
  take_all(gfp::kKernel);
  EXPECT_EQ(take_all(gfp::kMemAlloc | gfp::kNoMemAlloc), 0u);
}

TEST_F(ReserveTest, what_comes_back_to_it_is_no_ordinary_callers) {
  PageAllocator& pages = world_.pages;
  std::vector<Page*> ordinary, urgent;
  while (Page* page = pages.alloc(gfp::kKernel, {0}, kNoNode)) ordinary.push_back(page);
  EXPECT_TRUE(pages.lists_closed());
  for (const Heat heat : {Heat::Hot, Heat::Cold}) {
    while (Page* page = pages.alloc(gfp::kAtomic, {0}, kNoNode)) urgent.push_back(page);
    EXPECT_GT(urgent.size(), 0u);
    EXPECT_TRUE(pages.is_reserve(pages.pfn_of(urgent.back())));
    for (; !urgent.empty(); urgent.pop_back()) EXPECT_TRUE(pages.free(urgent.back(), {0}, heat));
    for (const Gfp gfp : {gfp::kKernel, gfp::kKswapdReclaim, gfp::kKernel | gfp::kCold})
      EXPECT_FALSE(pages.alloc(gfp, {0}, kNoNode));
    EXPECT_EQ(zone_.nr_free(), zone_.marks().min);
  }
  // Above the low mark they are kept on lists as before.
  while (pages.lists_closed() && !ordinary.empty()) {
    EXPECT_TRUE(pages.free(ordinary.back(), {0}));
    ordinary.pop_back();
  }
  EXPECT_GE(zone_.nr_free(), zone_.marks().low);
  const uint64_t free = zone_.nr_free();
  EXPECT_TRUE(pages.free(ordinary.back(), {0}));
  ordinary.pop_back();
  EXPECT_EQ(zone_.nr_free(), free) << "on this CPU's list, and not in the zone";
  for (Page* page : ordinary) EXPECT_TRUE(pages.free(page, {0}));
}

TEST_F(ReserveTest, a_run_does_not_grow_into_it) {
  PageAllocator& pages = world_.pages;
  bool zeroed;
  Page* run = pages.alloc_run(gfp::kKernel, 3, {0}, kNoNode, zeroed);
  ASSERT_TRUE(run);
  EXPECT_TRUE(pages.resize_run(run, 4, zeroed)) << "there is room, and memory";
  take_all(gfp::kKernel);
  for (uint64_t nr = 5; nr < 200; ++nr)
    if (pages.resize_run(run, nr, zeroed)) FAIL() << nr;
}

// Blocks ----------------------------------------------------------------------------------------------------------------

class PageAllocatorTest : public testing::Test {
 protected:
  ~PageAllocatorTest() override {
    if (!broken_) {
      EXPECT_FALSE(pages_.check()) << pages_.check().rule << " " << pages_.check().where;
    }
  }
  Page* get(unsigned order, Gfp gfp = gfp::kKernel) { return pages_.alloc(gfp, {static_cast<uint8_t>(order)}, kNoNode); }
  bool put(Page* page, unsigned order) { return pages_.free(page, {static_cast<uint8_t>(order)}); }
  char* address(Page* page) { return pages_.address(pages_.pfn_of(page)); }
  uint64_t in_use() {
    pages_.drain();
    return pages_.zone(0).nr_in_use();
  }

  bool broken_ = false;
  PageWorld world_{{{4096, 128}}};
  PageAllocator& pages_ = world_.pages;
};

TEST_F(PageAllocatorTest, blocks_of_every_order_are_aligned_and_theirs_alone) {
  std::vector<std::pair<Page*, unsigned>> held;
  for (unsigned order = 0; order <= kMaxOrder; ++order) {
    Page* page = get(order);
    ASSERT_TRUE(page);
    EXPECT_EQ(pages_.pfn_of(page).value % (1u << order), 0u);
    EXPECT_EQ(page->kind(), PageKind::Block);
    EXPECT_EQ(page->order().value, order);
    EXPECT_EQ(Page::refs_of(page->head.peek()), 1u);
    memset(address(page), static_cast<int>(order + 1), kPageSize << order);
    held.push_back({page, order});
  }
  for (const auto& [page, order] : held) {
    for (size_t i = 0; i < kPageSize << order; i += 512) ASSERT_EQ(address(page)[i], static_cast<char>(order + 1));
    EXPECT_TRUE(put(page, order));
  }
  EXPECT_EQ(in_use(), 0u);
}

TEST_F(PageAllocatorTest, an_order_beyond_the_largest_is_refused) { EXPECT_EQ(get(kMaxOrder + 1), nullptr); }

TEST_F(PageAllocatorTest, descriptor_frame_and_address_lead_to_each_other) {
  Page* page = get(3);
  const Pfn pfn = pages_.pfn_of(page);
  EXPECT_EQ(pages_.page_at(pfn), page);
  EXPECT_EQ(pages_.pfn_of_address(pages_.address(pfn)), pfn);
  EXPECT_EQ(pages_.pfn_of_address(pages_.address(pfn) + kPageSize - 1), pfn);
  EXPECT_TRUE(pages_.is_online(pfn));
  EXPECT_FALSE(pages_.is_online({0}));
  EXPECT_FALSE(pages_.is_online({~uint64_t{0}}));
  EXPECT_TRUE(put(page, 3));
}

TEST_F(PageAllocatorTest, memory_is_zero_when_it_is_asked_to_be) {
  for (const unsigned order : {0u, 3u}) {
    Page* page = get(order);
    memset(address(page), 0xee, kPageSize << order);
    ASSERT_TRUE(put(page, order));
    Page* again = get(order, gfp::kKernel | gfp::kZero);
    EXPECT_EQ(again, page) << "the one that was used last comes first";
    for (size_t i = 0; i < kPageSize << order; ++i) ASSERT_EQ(address(again)[i], 0);
    EXPECT_TRUE(put(again, order));
  }
}

TEST_F(PageAllocatorTest, freeing_twice_is_refused) {
  for (const unsigned order : {0u, 5u}) {
    Page* page = get(order);
    EXPECT_TRUE(put(page, order));
    EXPECT_FALSE(put(page, order));
  }
  EXPECT_EQ(in_use(), 0u);
}

TEST_F(PageAllocatorTest, freeing_with_another_order_is_refused_and_changes_nothing) {
  Page* page = get(4);
  EXPECT_FALSE(put(page, 3));
  EXPECT_FALSE(put(page, 0));
  EXPECT_EQ(in_use(), 16u);
  EXPECT_TRUE(put(page, 4));
}

TEST_F(PageAllocatorTest, a_page_in_the_middle_of_a_block_cannot_be_freed) {
  Page* page = get(4);
  EXPECT_FALSE(put(page + 1, 0));
  EXPECT_FALSE(put(page + 8, 3));
  EXPECT_TRUE(put(page, 4));
}

TEST_F(PageAllocatorTest, a_block_that_others_hold_too_is_not_freed) {
  Page* page = get(2);
  page->head.fetch_add(1);
  EXPECT_FALSE(put(page, 2));
  page->head.fetch_sub(1);
  EXPECT_TRUE(put(page, 2));
}

// This CPU's lists ------------------------------------------------------------------------------------------------------

TEST_F(PageAllocatorTest, single_pages_come_in_batches_and_the_last_freed_comes_first) {
  Page* page = get(0);
  uint64_t listed = 0;
  for (uint32_t cpu = 0; cpu < 2 * pages_.nr_cpus(); ++cpu) listed += pages_.lists().nr_listed({cpu}, kHotPages);
  EXPECT_EQ(listed, kPageBatch - 1);
  EXPECT_TRUE(put(page, 0));
  EXPECT_EQ(get(0), page);
  EXPECT_TRUE(put(page, 0));
}

TEST_F(PageAllocatorTest, neighbours_come_in_the_order_of_their_addresses) {
  Page* a = get(0);
  Page* b = get(0);
  EXPECT_EQ(b, a + 1);
  EXPECT_TRUE(put(b, 0));
  EXPECT_TRUE(put(a, 0));
}

TEST_F(PageAllocatorTest, a_cold_page_comes_from_the_cold_list_and_others_do_not) {
  Page* a = get(0);
  Page* b = get(0);
  ASSERT_TRUE(pages_.free(a, {0}, Heat::Cold));
  ASSERT_TRUE(pages_.free(b, {0}, Heat::Hot));
  EXPECT_EQ(get(0), b);
  EXPECT_EQ(get(0, gfp::kKernel | gfp::kCold), a);
  EXPECT_TRUE(put(a, 0));
  EXPECT_TRUE(put(b, 0));
}

TEST_F(PageAllocatorTest, a_list_that_is_full_is_given_back_as_a_whole) {
  std::vector<Page*> held;
  for (int i = 0; i < 1000; ++i) held.push_back(get(0));
  for (Page* page : held) ASSERT_TRUE(put(page, 0));
  uint64_t listed = 0;
  for (uint32_t cpu = 0; cpu < 2 * pages_.nr_cpus(); ++cpu) listed += pages_.lists().nr_listed({cpu}, kHotPages);
  EXPECT_LE(listed, kSheafCapacity * pages_.nr_cpus());
  EXPECT_EQ(pages_.zone(0).nr_in_use(), listed);
  EXPECT_EQ(in_use(), 0u);
}

TEST_F(PageAllocatorTest, draining_here_empties_this_cpus_lists) {
  ASSERT_TRUE(put(get(0), 0));
  EXPECT_GT(pages_.zone(0).nr_in_use(), 0u);
  pages_.drain(kmem::OtherCpus::Leave);
  pages_.drain();
  EXPECT_EQ(pages_.zone(0).nr_in_use(), 0u);
}

TEST_F(PageAllocatorTest, without_sheaves_pages_come_straight_from_the_zone) {
  while (world_.sheaves.get()) {
  }
  std::vector<Page*> held;
  for (int i = 0; i < 300; ++i) {
    Page* page = get(0);
    ASSERT_TRUE(page);
    held.push_back(page);
  }
  for (Page* page : held) EXPECT_TRUE(put(page, 0));
  EXPECT_EQ(in_use(), 0u);
}

// Runs ------------------------------------------------------------------------------------------------------------------

TEST_F(PageAllocatorTest, a_run_takes_as_many_frames_as_it_has_and_no_more) {
  for (const uint64_t nr : {1u, 3u, 17u, 63u, 64u, 65u, 100u, 129u, 700u, 1024u}) {
    const uint64_t before = in_use();
    bool zeroed;
    Page* page = pages_.alloc_run(gfp::kKernel, nr, {0}, kNoNode, zeroed);
    ASSERT_TRUE(page) << nr;
    EXPECT_EQ(page->kind(), PageKind::Run);
    EXPECT_EQ(page->aux, nr);
    EXPECT_EQ(in_use(), before + nr);
    memset(address(page), 0x33, nr * kPageSize);
    pages_.free_run(page);
    EXPECT_EQ(in_use(), before);
  }
  bool zeroed;
  EXPECT_FALSE(pages_.alloc_run(gfp::kKernel, 1025, {0}, kNoNode, zeroed));
}

TEST_F(PageAllocatorTest, a_run_is_aligned_as_it_is_asked_to_be) {
  for (unsigned order = 0; order <= kMaxOrder; ++order) {
    bool zeroed;
    Page* page = pages_.alloc_run(gfp::kKernel, 3, {static_cast<uint8_t>(order)}, kNoNode, zeroed);
    ASSERT_TRUE(page);
    EXPECT_EQ(pages_.pfn_of(page).value % (1u << order), 0u);
    pages_.free_run(page);
  }
  EXPECT_EQ(in_use(), 0u);
}

TEST_F(PageAllocatorTest, a_run_that_says_that_it_is_zero_is) {
  bool zeroed = false;
  Page* page = pages_.alloc_run(gfp::kKernel, 100, {0}, kNoNode, zeroed);
  ASSERT_TRUE(page && zeroed) << "nobody has touched it yet";
  memset(address(page), 1, 100 * kPageSize);
  pages_.free_run(page);
  page = pages_.alloc_run(gfp::kKernel | gfp::kZero, 100, {0}, kNoNode, zeroed);
  for (size_t i = 0; i < 100 * kPageSize; ++i) ASSERT_EQ(address(page)[i], 0);
  pages_.free_run(page);
}

TEST_F(PageAllocatorTest, a_run_grows_in_place_where_the_frames_behind_it_are_free) {
  bool zeroed;
  Page* page = pages_.alloc_run(gfp::kKernel, 100, {0}, kNoNode, zeroed);
  address(page)[0] = 42;
  ASSERT_TRUE(pages_.resize_run(page, 300, zeroed));
  EXPECT_EQ(page->aux, 300u);
  EXPECT_EQ(in_use(), 300u);
  memset(address(page) + 100 * kPageSize, 1, 200 * kPageSize);
  ASSERT_TRUE(pages_.resize_run(page, 10, zeroed));
  EXPECT_EQ(in_use(), 10u);
  EXPECT_EQ(address(page)[0], 42);
  EXPECT_FALSE(pages_.resize_run(page, 2000, zeroed)) << "longer than any run";
  pages_.free_run(page);
  EXPECT_EQ(in_use(), 0u);
}

TEST_F(PageAllocatorTest, runs_are_no_dense_use_however_they_change) {
  bool zeroed;
  Page* page = pages_.alloc_run(gfp::kKernel, 100, {0}, kNoNode, zeroed);
  ASSERT_TRUE(page);
  FrameCounts& counts = pages_.zone_of(pages_.pfn_of(page))->counts();
  const auto sparse = [&] { return counts.nr_in_use() - counts.nr_dense(); };
  EXPECT_EQ(sparse(), 100u);
  EXPECT_TRUE(pages_.resize_run(page, 40, zeroed));
  EXPECT_EQ(sparse(), 40u);
  EXPECT_TRUE(pages_.resize_run(page, 60, zeroed));
  EXPECT_EQ(sparse(), 60u);
  pages_.free_run(page);
  EXPECT_EQ(sparse(), 0u);
}

TEST_F(PageAllocatorTest, a_run_does_not_grow_into_another) {
  bool zeroed;
  Page* a = pages_.alloc_run(gfp::kKernel, 64, {0}, kNoNode, zeroed);
  Page* b = pages_.alloc_run(gfp::kKernel, 64, {0}, kNoNode, zeroed);
  ASSERT_EQ(b, a + 64);
  EXPECT_FALSE(pages_.resize_run(a, 65, zeroed));
  EXPECT_EQ(a->aux, 64u);
  EXPECT_EQ(in_use(), 128u);
  pages_.free_run(a);
  pages_.free_run(b);
}

TEST_F(PageAllocatorTest, frames_for_slabs_are_taken_and_given_like_blocks) {
  for (const unsigned order : {0u, 2u}) {
    const auto pfn = pages_.alloc_frames(gfp::kKernel, {static_cast<uint8_t>(order)}, kNoNode, Use::Unknown);
    ASSERT_TRUE(pfn);
    EXPECT_EQ(pfn->value % (1u << order), 0u);
    pages_.free_frames(*pfn, {static_cast<uint8_t>(order)});
  }
  EXPECT_EQ(in_use(), 0u);
}

// When there is no more -------------------------------------------------------------------------------------------------

struct Hoard {
  PageAllocator* pages;
  std::vector<Page*> held;
  int asked = 0;
  static uint64_t release(void* arg, OtherCpus) {
    auto& self = *static_cast<Hoard*>(arg);
    ++self.asked;
    for (Page* page : self.held) EXPECT_TRUE(self.pages->free(page, {9}));
    const size_t blocks = self.held.size();
    self.held.clear();
    return blocks << 9;
  }
};

TEST_F(PageAllocatorTest, whoever_hoards_is_asked_before_a_request_fails) {
  Hoard hoard{&pages_, {}};
  while (Page* page = get(9)) hoard.held.push_back(page);
  ReclaimHook hook;
  hook.shrink = Hoard::release;
  hook.arg = &hoard;
  pages_.set_reclaim(hook);
  Page* page = get(9);
  EXPECT_TRUE(page);
  EXPECT_EQ(hoard.asked, 1);
  EXPECT_TRUE(put(page, 9));
}

TEST_F(PageAllocatorTest, a_request_that_cannot_be_served_comes_back_empty_and_leaves_all_in_order) {
  std::vector<Page*> held;
  while (Page* page = get(10)) held.push_back(page);
  EXPECT_FALSE(get(10));
  for (Page* page : held) EXPECT_TRUE(put(page, 10));
  EXPECT_EQ(in_use(), 0u);
}

TEST_F(PageAllocatorTest, pages_on_other_lists_serve_a_large_request_in_need) {
  std::vector<Page*> held;
  while (Page* page = get(0)) held.push_back(page);
  for (Page* page : held) ASSERT_TRUE(put(page, 0));
  EXPECT_TRUE(get(10));
}

TEST_F(PageAllocatorTest, trimming_gives_all_that_is_free_to_the_host) {
  std::vector<Page*> held;
  for (int i = 0; i < 500; ++i) {
    held.push_back(get(0));
    address(held.back())[5] = 1;
  }
  for (Page* page : held) ASSERT_TRUE(put(page, 0));
  EXPECT_GE(pages_.trim(), 500u);
  EXPECT_EQ(pages_.zone(0).nr_dirty(), 0u);
  EXPECT_EQ(in_use(), 0u);
}

// Nodes -----------------------------------------------------------------------------------------------------------------

class NodesTest : public testing::Test {
 protected:
  unsigned node_of(Page* page) { return world_.pages.zone_of(world_.pages.pfn_of(page))->node().value; }
  PageWorld world_{{{4096, 16, 0}, {4112, 16, 1}, {4128, 16, 2}}};
};

TEST_F(NodesTest, a_request_may_name_its_node) {
  for (int nid = 0; nid < 3; ++nid) {
    Page* page = world_.pages.alloc(gfp::kKernel, {2}, nid);
    ASSERT_TRUE(page);
    EXPECT_EQ(node_of(page), static_cast<unsigned>(nid));
  }
}

TEST_F(NodesTest, the_nearest_other_node_helps_out) {
  Page* page = nullptr;
  do {
    page = world_.pages.alloc(gfp::kKernel, {6}, 2);
    ASSERT_TRUE(page);
  } while (node_of(page) == 2);
  EXPECT_EQ(node_of(page), 1u);
}

TEST_F(NodesTest, unless_it_must_be_this_one) {
  Page* page = nullptr;
  while ((page = world_.pages.alloc(gfp::kKernel | gfp::kThisNode, {6}, 2))) ASSERT_EQ(node_of(page), 2u);
  EXPECT_TRUE(world_.pages.alloc(gfp::kKernel, {6}, 2));
}

TEST_F(NodesTest, a_node_that_does_not_exist_means_any) {
  EXPECT_TRUE(world_.pages.alloc(gfp::kKernel, {0}, 17));
  EXPECT_TRUE(world_.pages.alloc(gfp::kKernel, {3}, 17));
}

// The walker ------------------------------------------------------------------------------------------------------------

}  // namespace

/// Breaks what Z1 says.
class ZoneTestPeer {
 public:
  static void count_one_more(Zone& zone) { zone.counts().free_.fetch_add(1); }
};

namespace {

class PageWalkerTest : public PageAllocatorTest {
 protected:
  PageWalkerTest() {
    broken_ = true;
    page_ = get(0);
    EXPECT_TRUE(put(page_, 0));
    EXPECT_FALSE(pages_.check());
  }
  Sheaf list() {
    for (uint32_t cpu = 0; cpu < 2 * pages_.nr_cpus(); ++cpu)
      if (const uint64_t word = CpuStack::word({cpu}, kHotPages)) return Sheaf::of_word(world_.machine.base, word);
    return {};
  }
  Page* page_;
};

TEST_F(PageWalkerTest, P1_a_listed_frame_is_free_in_its_zone) {
  pages_.zone(0).give_back_run(pages_.pfn_of(page_), 1);
  EXPECT_TRUE(pages_.check().is("P1")) << pages_.check().rule;
  EXPECT_EQ(pages_.check().where, pages_.pfn_of(page_).value);
}

TEST_F(PageWalkerTest, P1_a_listed_frame_has_an_owner) {
  page_->head.store(Page::pack(PageKind::Block, 0, {0}, 1));
  EXPECT_TRUE(pages_.check().is("P1"));
}

TEST_F(PageWalkerTest, P2_a_frame_is_listed_twice) {
  const Sheaf sheaf = list();
  ASSERT_GE(sheaf.count(), 2u);
  sheaf.words[sheaf.top + 1] = sheaf.words[sheaf.top];
  EXPECT_TRUE(pages_.check().is("P2")) << pages_.check().rule;
}

TEST_F(PageWalkerTest, the_zones_are_walked_first) {
  ZoneTestPeer::count_one_more(pages_.zone(0));
  EXPECT_TRUE(pages_.check().is("Z1")) << pages_.check().rule;
}

}  // namespace
}  // namespace kmem
