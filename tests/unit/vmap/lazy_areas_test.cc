// The parts of Vmap, each without the others: how much stays mapped, lazy areas, the memory behind areas, pages that are shown.

#include "vmap/lazy_areas.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "unit/page/small_machine.h"
#include "vmap/shown_pages.h"

char* kmem_base = nullptr;

namespace kmem {

class VmapTestPeer {
 public:
  static unsigned class_of(uint32_t pages) { return LazyAreas::class_of(pages); }
};

namespace {

using test::PageWorld;

// How much stays --------------------------------------------------------------------------------------------------------

static_assert(lazy::kFloor == 2048, "8 MiB");
constexpr uint64_t kSoon = PurgedSizes::kSoonNs;

TEST(LazyLimit, a_quarter_of_what_is_in_use_but_8_MiB_and_a_size_that_was_wanted) {
  EXPECT_EQ(lazy::limit(0, 0, 0), 2048u);
  EXPECT_EQ(lazy::limit(4 * 2048, 0, 0), 2048u);
  EXPECT_EQ(lazy::limit(4 * 2049, 0, 0), 2049u);
  EXPECT_EQ(lazy::limit(100'000, 0, 0), 25'000u);
  EXPECT_EQ(lazy::limit(100'000, 60'000, 0), 10'000u) << "what is lazy is not in use";
  EXPECT_EQ(lazy::limit(100, 200, 0), 2048u) << "counters that are read one after the other";
  EXPECT_EQ(lazy::limit(100'000, 0, 24'999), 25'000u);
  EXPECT_EQ(lazy::limit(100'000, 0, 25'001), 25'001u);
}

TEST(LazyLimit, above_it_an_eighth_more_goes) {
  EXPECT_EQ(lazy::target(2048), 1792u);
  EXPECT_EQ(lazy::target(7), 7u);
  EXPECT_EQ(lazy::target(8), 7u);
}

TEST(PurgedSizes, a_size_that_was_purged_and_soon_missed_is_wanted_for_as_long) {
  PurgedSizes sizes;
  EXPECT_FALSE(sizes.any());
  sizes.note_missed(5000, 10);
  EXPECT_FALSE(sizes.any()) << "it was never purged";
  sizes.note_purged(5000, 100);
  EXPECT_FALSE(sizes.any()) << "nobody asked for it";
  sizes.note_missed(4999, 101);
  EXPECT_FALSE(sizes.any()) << "another size";
  sizes.note_missed(5000, 100 + kSoon);
  EXPECT_TRUE(sizes.any());
  EXPECT_EQ(sizes.wanted(100 + kSoon), 5000u);
  EXPECT_EQ(sizes.wanted(100 + 2 * kSoon - 1), 5000u);
  EXPECT_EQ(sizes.wanted(100 + 2 * kSoon), 0u);
}

TEST(PurgedSizes, what_is_missed_late_is_not_wanted) {
  PurgedSizes sizes;
  sizes.note_purged(5000, 100);
  sizes.note_missed(5000, 101 + kSoon);
  EXPECT_FALSE(sizes.any());
}

TEST(PurgedSizes, the_largest_counts_until_nothing_is_wanted_any_more) {
  PurgedSizes sizes;
  sizes.note_purged(9000, 0);
  sizes.note_missed(9000, 1);
  sizes.note_purged(3000, 2);
  sizes.note_missed(3000, 3);
  EXPECT_EQ(sizes.wanted(4), 9000u);
  EXPECT_EQ(sizes.wanted(3 + kSoon), 0u);
  sizes.note_purged(3000, 3 + kSoon);
  sizes.note_missed(3000, 4 + kSoon);
  EXPECT_EQ(sizes.wanted(5 + kSoon), 3000u) << "the larger one is forgotten";
}

TEST(PurgedSizes, a_use_prolongs_it) {
  PurgedSizes sizes;
  sizes.note_purged(9000, 0);
  sizes.note_missed(9000, 1);
  sizes.note_used(kSoon);
  EXPECT_EQ(sizes.wanted(2 * kSoon - 1), 9000u);
  EXPECT_EQ(sizes.wanted(2 * kSoon), 0u);
}

// The parts, put together -------------------------------------------------------------------------------------------------

struct Parts : testing::Test {
  Parts() {
    window.init(0, 64 * test::kMiB, world.machine.host_page_bytes);
    memory.init({&world.pages, &window, &counts});
    lazy.init({&memory, &window, &counts});
    shown.init(world.pages, window, false);
  }
  ~Parts() override {
    EXPECT_FALSE(window.check()) << window.check().rule;
    EXPECT_FALSE(world.pages.check()) << world.pages.check().rule;
    if (char* start = window.start()) kmem_port_window_release(start, window.bytes_of_all());
  }
  /// Addresses, open, without frames.  Busy.
  VmArea* area(uint32_t pages) {
    VmArea* made = window.reserve({.bytes = uint64_t{pages} << kPageShift});
    if (made && !memory.open(made, 0, WindowPages::Small)) std::abort();
    return made;
  }
  /// Frames in a row for some of its pages.
  Pfn add(VmArea* to, uint32_t page, uint32_t n) {
    const Pfn first = claim(n);
    if (!memory.add_frames(to, page, first, n, 0, Gfp{})) std::abort();
    return first;
  }
  Pfn claim(uint32_t n) {
    bool clean;
    const auto first = zone().claim_span(n, clean);
    if (!first) std::abort();
    return *first;
  }
  Zone& zone() { return *world.pages.preferred_zone(0); }
  uint64_t nr_lazy() const { return counts.lazy_pages(); }
  Page* page() {
    Page* got = world.pages.alloc(gfp::kKernel, {0}, kNoNode);
    if (!got) std::abort();
    return got;
  }

  PageWorld world;
  Window window;
  AreaCounts counts;
  AreaMemory memory;
  LazyAreas lazy;
  ShownPages shown;
};

// Lazy areas ------------------------------------------------------------------------------------------------------------

using LazyAreasTest = Parts;

TEST_F(LazyAreasTest, what_was_put_is_taken_by_its_size_and_by_no_other) {
  EXPECT_EQ(lazy.take(5, Wait::Allowed), nullptr);
  VmArea *five = area(5), *six = area(6);
  lazy.put(five);
  lazy.put(six);
  EXPECT_EQ(nr_lazy(), 11u);
  EXPECT_EQ(five->is(), AreaState::Lazy);
  EXPECT_EQ(lazy.take(4, Wait::Allowed), nullptr);
  EXPECT_EQ(lazy.take(7, Wait::Allowed), nullptr);
  EXPECT_EQ(lazy.take(6, Wait::Never), six);
  EXPECT_EQ(six->is(), AreaState::Busy);
  EXPECT_EQ(nr_lazy(), 5u);
  EXPECT_EQ(lazy.take(5, Wait::Never), five);
  EXPECT_EQ(lazy.take(5, Wait::Never), nullptr);
  EXPECT_EQ(nr_lazy(), 0u);
  lazy.dispose(five, Wait::Allowed);
  lazy.dispose(six, Wait::Allowed);
  EXPECT_EQ(window.used_bytes(), 0u);
}

TEST_F(LazyAreasTest, one_of_another_size_on_the_same_stack_stays_or_is_purged_by_who_may_wait) {
  uint32_t other = 101;
  while (VmapTestPeer::class_of(other) != VmapTestPeer::class_of(100)) ++other;
  VmArea* hundred = area(100);
  lazy.put(hundred);
  EXPECT_EQ(lazy.take(other, Wait::Never), nullptr);
  EXPECT_EQ(nr_lazy(), 100u) << "it lies there as before";
  EXPECT_EQ(lazy.take(other, Wait::Allowed), nullptr);
  EXPECT_EQ(nr_lazy(), 0u);
  EXPECT_EQ(window.used_bytes(), 0u) << "and now its addresses are free";
}

TEST_F(LazyAreasTest, sizes_of_up_to_32_pages_have_a_stack_each) {
  for (uint32_t pages = 1; pages <= 32; ++pages) EXPECT_EQ(VmapTestPeer::class_of(pages), pages - 1);
  for (uint32_t pages = 33; pages <= 5000; ++pages) {
    EXPECT_GE(VmapTestPeer::class_of(pages), 32u);
    EXPECT_LT(VmapTestPeer::class_of(pages), 64u);
  }
}

TEST_F(LazyAreasTest, the_limit_follows_what_is_in_use) {
  EXPECT_EQ(lazy.limit(), 2048u);
  EXPECT_TRUE(lazy.keeps(2048));
  EXPECT_FALSE(lazy.keeps(2049));
  for (int i = 0; i < 12'000; ++i) counts.frames.add();
  EXPECT_EQ(lazy.limit(), 3000u);
  EXPECT_TRUE(lazy.keeps(3000));
  EXPECT_FALSE(lazy.keeps(3001));
  counts.mine().lazy_pages.add(3000);
  EXPECT_EQ(lazy.limit(), 2250u);
  counts.mine().lazy_pages.sub(3000);
}

TEST_F(LazyAreasTest, beyond_the_limit_the_large_ones_go_first_until_an_eighth_is_free) {
  for (int i = 0; i < 10; ++i) lazy.put(area(10));
  for (int i = 0; i < 19; ++i) lazy.put(area(100));
  lazy.purge_surplus();
  EXPECT_EQ(nr_lazy(), 2000u) << "not beyond";
  lazy.put(area(100));
  EXPECT_EQ(nr_lazy(), 2100u);
  lazy.purge_surplus();
  EXPECT_EQ(nr_lazy(), 1700u) << "1,800 would be more than 1,792";
  EXPECT_EQ(window.used_bytes(), (16 * 101 + 10 * 11) * kPageSize) << "each with its guard";
  EXPECT_EQ(lazy.purge_all(Wait::Allowed), 1700u);
  EXPECT_EQ(nr_lazy(), 0u);
  EXPECT_EQ(window.used_bytes(), 0u);
}

TEST_F(LazyAreasTest, what_is_deferred_goes_with_the_next_who_may_sleep) {
  VmArea *kept = area(7), *deferred = area(9);
  add(deferred, 0, 9);
  const uint64_t available = zone().nr_available();
  lazy.put(kept);
  lazy.defer(deferred);
  EXPECT_EQ(nr_lazy(), 16u);
  EXPECT_TRUE(lazy.is_deferred(deferred));
  EXPECT_FALSE(lazy.is_deferred(kept));
  EXPECT_EQ(lazy.take(9, Wait::Allowed), nullptr) << "nobody is given it";
  lazy.purge_surplus();
  EXPECT_EQ(nr_lazy(), 7u);
  EXPECT_FALSE(lazy.is_deferred(deferred));
  EXPECT_EQ(zone().nr_available(), available + 9);
  EXPECT_EQ(window.used_bytes(), 8 * kPageSize);
  EXPECT_EQ(lazy.purge_all(Wait::Allowed), 7u);
}

// Memory behind areas ---------------------------------------------------------------------------------------------------

using AreaMemoryTest = Parts;

std::vector<std::vector<uint64_t>> runs_of(const Window& window, const VmArea* area, uint32_t from, uint32_t to) {
  std::vector<std::vector<uint64_t>> runs;
  each_run(window, area, from, to, [&](uint32_t page, Pfn first, uint64_t n) { runs.push_back({page, first.value, n}); });
  return runs;
}

TEST_F(AreaMemoryTest, frames_are_counted_named_and_given_back_from_a_page_on) {
  VmArea* a = area(20);
  const uint64_t available = zone().nr_available();
  const Pfn low = add(a, 0, 5), high = add(a, 8, 12);
  EXPECT_EQ(counts.frames.value(), 17u);
  EXPECT_EQ(zone().nr_available(), available - 17);
  EXPECT_EQ(window.frame(a, 4).value, low.value + 4);
  EXPECT_EQ(window.frame(a, 5).value, 0u);
  EXPECT_EQ(window.frame(a, 19).value, high.value + 11);
  memory.close(a, 10);
  memory.drop_frames(a, 10);
  EXPECT_EQ(counts.frames.value(), 7u);
  EXPECT_EQ(zone().nr_available(), available - 7);
  EXPECT_EQ(window.frame(a, 9).value, high.value + 1);
  EXPECT_EQ(window.frame(a, 10).value, 0u);
  lazy.dispose(a, Wait::Allowed);
  EXPECT_EQ(counts.frames.value(), 0u);
  EXPECT_EQ(zone().nr_available(), available);
}

TEST_F(AreaMemoryTest, stretches_of_frames_in_a_row) {
  VmArea* a = area(16);
  EXPECT_TRUE(runs_of(window, a, 0, 16).empty());
  const Pfn first = add(a, 2, 8);
  using Runs = std::vector<std::vector<uint64_t>>;
  EXPECT_EQ(runs_of(window, a, 0, 16), (Runs{{2, first.value, 8}}));
  EXPECT_EQ(runs_of(window, a, 4, 7), (Runs{{4, first.value + 2, 3}})) << "no further than asked";
  window.set_frames(a, 5, {}, 1);
  EXPECT_EQ(runs_of(window, a, 0, 16), (Runs{{2, first.value, 3}, {6, first.value + 4, 4}})) << "around a hole";
  window.set_frames(a, 5, first + 3, 1);
  window.set_frames(a, 2, first + 1, 1);
  window.set_frames(a, 3, first, 1);
  EXPECT_EQ(runs_of(window, a, 0, 16), (Runs{{2, first.value + 1, 1}, {3, first.value, 1}, {4, first.value + 2, 6}}));
  lazy.dispose(a, Wait::Allowed);
}

TEST_F(AreaMemoryTest, an_area_reads_as_zero_where_its_frames_were_dirty) {
  VmArea* a = area(4);
  const Pfn first = claim(4);
  memset(world.pages.address(first), 'x', 4 * kPageSize);
  ASSERT_TRUE(memory.add_frames(a, 0, first, 4, 0, gfp::kZero));
  const std::string zeros(4 * kPageSize, '\0');
  EXPECT_EQ(memcmp(memory.address(a), zeros.data(), zeros.size()), 0);
  memset(memory.address(a), 'y', zeros.size());
  memory.wipe(a);
  EXPECT_EQ(memcmp(memory.address(a), zeros.data(), zeros.size()), 0);
  lazy.dispose(a, Wait::Allowed);
}

TEST_F(AreaMemoryTest, contents_move_to_the_window_and_home) {
  VmArea* a = area(2);
  const Pfn first = claim(2);
  char* home = world.pages.address(first);
  memset(home, 'a', 2 * kPageSize);
  if (!memory.move_to(a, 0, first, 2)) GTEST_SKIP() << "this host moves no pages";
  window.set_frames(a, 0, first, 2);
  counts.frames.add(2);
  EXPECT_EQ(memory.address(a)[2 * kPageSize - 1], 'a');
  memory.address(a)[0] = 'b';
  memory.move_home(a, 0, first, 1);
  EXPECT_EQ(home[0], 'b');
  EXPECT_EQ(home[1], 'a');
  lazy.dispose(a, Wait::Allowed);
}

// Pages that are shown --------------------------------------------------------------------------------------------------

using ShownPagesTest = Parts;

uint64_t refs(const Page* page) { return Page::refs_of(page->head.peek()); }

TEST_F(ShownPagesTest, a_page_is_shown_at_one_place_and_held_until_the_end) {
  VmArea* a = area(3);
  Page* p = page();
  EXPECT_EQ(shown.address(p), nullptr);
  ASSERT_TRUE(shown.begin(a, 2, p, nullptr));
  EXPECT_EQ(refs(p), 2u);
  EXPECT_EQ(shown.address(p), window.address(a, 2));
  EXPECT_EQ(window.frame(a, 2).value, world.pages.pfn_of(p).value);
  testing::internal::CaptureStderr();
  EXPECT_FALSE(shown.begin(a, 0, p, nullptr)) << "it is there already";
  EXPECT_NE(testing::internal::GetCapturedStderr().find("is in the window already"), std::string::npos);
  EXPECT_EQ(window.frame(a, 0).value, 0u);
  EXPECT_EQ(refs(p), 2u);
  EXPECT_EQ(shown.address(p), window.address(a, 2));
  window.set_frames(a, 2, {}, 1);
  shown.end(p);
  EXPECT_EQ(refs(p), 1u);
  EXPECT_EQ(shown.address(p), nullptr);
  EXPECT_TRUE(world.pages.free(p, {0}));
  lazy.dispose(a, Wait::Allowed);
}

TEST_F(ShownPagesTest, a_page_that_its_owner_frees_goes_at_the_end) {
  VmArea* a = area(1);
  Page* p = page();
  const Pfn pfn = world.pages.pfn_of(p);
  ASSERT_TRUE(shown.begin(a, 0, p, nullptr));
  EXPECT_FALSE(world.pages.free(p, {0})) << "another holds it too";
  p->head.fetch_sub(1);  // as put_page() does then
  EXPECT_EQ(refs(p), 1u) << "the window's";
  EXPECT_FALSE(zone().frames().is_free(pfn));
  window.set_frames(a, 0, {}, 1);
  shown.end(p);
  world.pages.drain();
  EXPECT_TRUE(zone().frames().is_free(pfn));
  lazy.dispose(a, Wait::Allowed);
}

TEST_F(ShownPagesTest, what_is_no_allocated_page_is_refused) {
  VmArea* a = area(1);
  Page* p = page();
  EXPECT_TRUE(world.pages.free(p, {0}));
  world.pages.drain();
  testing::internal::CaptureStderr();
  EXPECT_FALSE(shown.begin(a, 0, p, nullptr));
  EXPECT_NE(testing::internal::GetCapturedStderr().find("is not a page of alloc_pages()"), std::string::npos);
  EXPECT_EQ(window.frame(a, 0).value, 0u);
  lazy.dispose(a, Wait::Allowed);
}

TEST_F(ShownPagesTest, a_page_in_the_middle_of_a_block_holds_the_block) {
  VmArea* a = area(1);
  Page* block = world.pages.alloc(gfp::kKernel, {2}, kNoNode);
  ASSERT_TRUE(block);
  Page* third = world.pages.page_at(world.pages.pfn_of(block) + 2);
  ASSERT_TRUE(shown.begin(a, 0, third, nullptr));
  EXPECT_EQ(refs(block), 2u);
  EXPECT_EQ(shown.address(third), window.address(a, 0));
  EXPECT_EQ(shown.address(block), nullptr);
  window.set_frames(a, 0, {}, 1);
  shown.end(third);
  EXPECT_EQ(refs(block), 1u);
  EXPECT_TRUE(world.pages.free(block, {2}));
  lazy.dispose(a, Wait::Allowed);
}

TEST_F(ShownPagesTest, pages_of_an_area_that_nobody_holds_come_back_whole) {
  VmArea* a = area(4);
  const Pfn first = add(a, 0, 4);
  Page* p = shown.expose(a, window.address(a, 1), first + 1);
  EXPECT_EQ(p, world.pages.page_at(first + 1));
  EXPECT_TRUE(a->has(area::kExposed));
  EXPECT_EQ(p->kind(), PageKind::Block);
  EXPECT_EQ(refs(p), 2u);
  EXPECT_EQ(shown.address(p), window.address(a, 1));
  unsigned nr_kept = 0;
  EXPECT_TRUE(shown.withdraw(a, [&](uint32_t, Page*) { ++nr_kept; }));
  EXPECT_EQ(nr_kept, 0u);
  EXPECT_EQ(p->kind(), PageKind::None);
  EXPECT_EQ(shown.address(p), nullptr);
  lazy.dispose(a, Wait::Allowed);
}

TEST_F(ShownPagesTest, a_page_of_an_area_that_a_caller_holds_stays_his) {
  VmArea* a = area(4);
  const Pfn first = add(a, 0, 4);
  Page *mine = shown.expose(a, window.address(a, 3), first + 3), *other = shown.expose(a, window.address(a, 0), first);
  mine->head.fetch_add(1);
  std::vector<uint32_t> kept;
  EXPECT_FALSE(shown.withdraw(a, [&](uint32_t i, Page* page) {
    EXPECT_EQ(page, mine);
    kept.push_back(i);
    window.set_frames(a, i, {}, 1);
    counts.frames.sub();
  }));
  EXPECT_EQ(kept, std::vector<uint32_t>{3});
  EXPECT_EQ(refs(mine), 1u) << "the caller's";
  EXPECT_EQ(other->kind(), PageKind::None);
  lazy.dispose(a, Wait::Allowed);
  EXPECT_EQ(counts.frames.value(), 0u);
  EXPECT_FALSE(zone().frames().is_free(first + 3));
  EXPECT_TRUE(world.pages.free(mine, {0}));
}

TEST_F(ShownPagesTest, a_page_of_an_area_that_is_freed_separately_is_reported_and_stays_the_areas) {
  VmArea* a = area(1);
  const Pfn first = add(a, 0, 1);
  Page* p = shown.expose(a, window.address(a), first);
  p->head.fetch_sub(1);  // put_page() without get_page()
  testing::internal::CaptureStderr();
  EXPECT_TRUE(shown.withdraw(a, [](uint32_t, Page*) { FAIL(); }));
  EXPECT_NE(testing::internal::GetCapturedStderr().find("was freed separately"), std::string::npos);
  EXPECT_FALSE(zone().frames().is_free(first));
  lazy.dispose(a, Wait::Allowed);
  EXPECT_TRUE(zone().frames().is_free(first));
}

}  // namespace
}  // namespace kmem
