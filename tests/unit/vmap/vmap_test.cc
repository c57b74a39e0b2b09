// vmalloc's inside over a small machine: fragmentation, many areas, high memory, the walkers.

#include "vmap/vmap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "unit/page/small_machine.h"
#include "vmap/kmap.h"

char* kmem_base = nullptr;

namespace kmem {

class VmapTestPeer {
 public:
  static Counter& frames(Vmap& vmap) { return vmap.counts_.frames; }
  static Counter& lazy(Vmap& vmap) { return vmap.counts_.mine().lazy_pages; }
};

namespace {

using test::kMiB;
using test::SmallMachine;

struct World : SmallMachine {
  explicit World(std::initializer_list<Ram> ram = {{4096, 64}}, uint64_t window = 0, uint64_t high_mib = 0)
      : SmallMachine(ram) {
    if (high_mib) add_high(high_mib * kMiB);
    if (!pages.init(machine, sheaves, 128)) std::abort();
    vmap.init(
        {.pages = &pages, .window_bytes = window, .physical_bytes = 64 * kMiB, .host_page_bytes = machine.host_page_bytes});
    kmap.init(&pages, &vmap);
  }
  ~World() {
    EXPECT_FALSE(vmap.check()) << vmap.check().rule;
    if (char* start = vmap.window().start()) kmem_port_window_release(start, vmap.window().bytes_of_all());
  }
  /// The end of the only range is high memory.
  void add_high(uint64_t bytes) {
    machine.ram[0].bytes -= bytes;
    machine.ram[machine.nr_ram++] = {{machine.ram[0].start.value + machine.ram[0].bytes}, bytes, {}, true};
  }
  uint64_t free_frames() {
    uint64_t sum = 0;
    for (unsigned i = 0; i < pages.nr_zones(); ++i) sum += pages.zone(i).nr_available();
    return sum;
  }
  char* alloc(size_t bytes, Gfp gfp = gfp::kKernel) { return static_cast<char*>(vmap.alloc({.bytes = bytes, .gfp = gfp})); }

  PageAllocator pages;
  Vmap vmap;
  Kmap kmap;
};

TEST(Vmap, it_serves_256_mib_where_no_block_of_order_4_is_left) {
  World w({{4096, 640}});
  // Every frame is taken, one by one, and then of every eight in a row seven come back.
  std::vector<Page*> all;
  while (Page* page = w.pages.alloc(gfp::kKernel | gfp::kMemAlloc, {0}, kNoNode)) {
    *reinterpret_cast<uint64_t*>(w.pages.address(w.pages.pfn_of(page))) = ~uint64_t{0};
    all.push_back(page);
  }
  std::vector<Page*> kept;
  for (Page* page : all) {
    if (w.pages.pfn_of(page).value % 8 == 3) kept.push_back(page);
    else ASSERT_TRUE(w.pages.free(page, {0}));
  }
  w.pages.drain();
  for (uint8_t order = 4; order <= kMaxOrder; ++order) EXPECT_EQ(w.pages.alloc(gfp::kKernel, {order}, kNoNode), nullptr);

  constexpr size_t kBytes = 256 * kMiB;
  char* p = w.alloc(kBytes);
  ASSERT_TRUE(p);
  for (size_t i = 0; i < kBytes; i += 8) *reinterpret_cast<uint64_t*>(p + i) = i * 0x9e3779b97f4a7c15u;
  for (size_t i = 0; i < kBytes; i += 8) ASSERT_EQ(*reinterpret_cast<uint64_t*>(p + i), i * 0x9e3779b97f4a7c15u);
  for (Page* page : kept) EXPECT_EQ(*reinterpret_cast<uint64_t*>(w.pages.address(w.pages.pfn_of(page))), ~uint64_t{0});
  EXPECT_EQ(w.vmap.free(p), AreaFault::None);
  for (Page* page : kept) EXPECT_TRUE(w.pages.free(page, {0}));
}

TEST(Vmap, where_frames_run_out_nothing_is_left_behind) {
  World w;
  const uint64_t free = w.free_frames();
  EXPECT_EQ(w.alloc(63 * kMiB + 900 * 1024, gfp::kKernel | gfp::kNoRetry), nullptr) << "the watermark stands";
  char* half = w.alloc(40 * kMiB);
  EXPECT_TRUE(half);
  EXPECT_EQ(w.alloc(40 * kMiB, gfp::kKernel | gfp::kNoRetry), nullptr);
  EXPECT_EQ(w.vmap.free(half), AreaFault::None);
  w.vmap.purge_all(Wait::Allowed);
  w.pages.drain();
  EXPECT_EQ(w.free_frames(), free);
}

TEST(Vmap, lazy_areas_give_their_frames_to_who_needs_them) {
  World w;
  for (int i = 0; i < 20; ++i) {
    char* p = w.alloc(5 * kMiB + static_cast<size_t>(i) * kPageSize);
    ASSERT_TRUE(p) << i;
    EXPECT_EQ(w.vmap.free(p), AreaFault::None);
  }
  EXPECT_TRUE(w.alloc(50 * kMiB));
}

TEST(Vmap, a_window_that_is_full_says_no_and_serves_again) {
  World w({{4096, 128}}, 16 * kMiB);
  std::vector<char*> held;
  while (char* p = w.alloc(kMiB)) held.push_back(p);
  EXPECT_EQ(held.size(), 15u) << "each has its guard page";
  EXPECT_EQ(w.vmap.free(held.back()), AreaFault::None);
  EXPECT_TRUE(w.alloc(kMiB - kPageSize)) << "addresses of what is lazy are taken back";
}

TEST(Vmap, a_hundred_thousand_areas_do_not_make_the_next_one_slower) {
  if (SmallMachine::kNarrow) GTEST_SKIP() << "takes more addresses than there are";
  World w({{4096, 1024}});
  const auto add = [&](int nr) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < nr; ++i)
      if (!w.alloc(kPageSize)) ADD_FAILURE();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  // The best of eight, so that who else is on the machine does not count.
  const auto best = [&] {
    double least = 1e9;
    for (int i = 0; i < 8; ++i) least = std::min(least, add(1000));
    return least;
  };
  add(2000);
  const double first = best();
  add(84000);
  const double last = best();
  EXPECT_EQ(w.vmap.nr_areas(), 102000u);
  EXPECT_LT(last, 20 * first) << "a scan would make it a hundred times slower; the benchmark holds it to 2";
}

// High memory ---------------------------------------------------------------------------------------------------------

constexpr Gfp kHighUser = gfp::kKernel | gfp::kHighMem;

struct HighWorld : World {
  HighWorld() : World({{4096, 64}}, 0, 32) {}
  bool is_high(Page* page) { return kmap.is_high(pages.pfn_of(page)); }
  Page* high() { return pages.alloc(kHighUser, {0}, kNoNode); }
};

TEST(HighMemory, it_comes_first_for_who_asks_and_never_for_who_does_not) {
  HighWorld w;
  Page* low = w.pages.alloc(gfp::kKernel, {0}, kNoNode);
  Page* high = w.high();
  EXPECT_FALSE(w.is_high(low));
  EXPECT_TRUE(w.is_high(high));
  EXPECT_EQ(w.kmap.address(high), nullptr);
  EXPECT_NE(w.kmap.address(low), nullptr);
  uint64_t nr = 0;
  while (Page* page = w.pages.alloc(gfp::kKernel | gfp::kNoRetry, {0}, kNoNode)) {
    ASSERT_FALSE(w.is_high(page));
    ++nr;
  }
  EXPECT_GT(nr, 7000u);
  EXPECT_TRUE(w.is_high(w.high())) << "there is still some of it";
}

TEST(HighMemory, vmalloc_prefers_it) {
  HighWorld w;
  char* p = w.alloc(20 * kPageSize);
  for (uint64_t i = 0; i < 20; ++i) EXPECT_TRUE(w.kmap.is_high(*w.vmap.frame_at(p + i * kPageSize)));
}

TEST(HighMemory, contents_stay_between_two_mappings) {
  HighWorld w;
  Page* page = w.high();
  char* at = static_cast<char*>(w.kmap.map(page));
  EXPECT_EQ(w.kmap.address(page), at);
  EXPECT_EQ(w.kmap.page_of(at), page);
  memset(at, 0x11, kPageSize);
  w.kmap.map(page);
  w.kmap.unmap(page);
  EXPECT_EQ(w.kmap.address(page), at);
  w.kmap.unmap(page);
  EXPECT_EQ(w.kmap.address(page), nullptr);
  at = static_cast<char*>(w.kmap.map_local(page));
  EXPECT_EQ(at[4095], 0x11);
  EXPECT_EQ(w.kmap.address(page), nullptr);
  w.kmap.unmap_local(at + 100);
  EXPECT_EQ(w.kmap.nr_local(), 0u);
}

TEST(HighMemory, vmap_shows_it_and_its_contents_come_home) {
  HighWorld w;
  Page* pages[20];
  for (int i = 0; i < 20; ++i) {
    pages[i] = w.high();
    *static_cast<int*>(w.kmap.map(pages[i])) = i;
    w.kmap.unmap(pages[i]);
  }
  auto* p = static_cast<char*>(w.vmap.map_pages(pages, 20, 0, Access::ReadWrite, nullptr));
  ASSERT_TRUE(p);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(*reinterpret_cast<int*>(p + static_cast<size_t>(i) * kPageSize), i);
    EXPECT_EQ(w.kmap.map(pages[i]), p + static_cast<size_t>(i) * kPageSize) << "kmap tells where it is";
  }
  EXPECT_EQ(w.vmap.unmap(p), AreaFault::None);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(*static_cast<int*>(w.kmap.map(pages[i])), i);
}

template <typename F>
std::string log_of(F&& f) {
  testing::internal::CaptureStderr();
  f();
  return testing::internal::GetCapturedStderr();
}
bool mentions(const std::string& text, const char* words) { return text.find(words) != text.npos; }

TEST(HighMemory, what_is_undone_too_often_or_out_of_order_is_reported) {
  HighWorld w;
  Page *a = w.high(), *b = w.high();
  EXPECT_TRUE(mentions(log_of([&] { w.kmap.unmap(a); }), "is not mapped"));
  void *at_a = w.kmap.map_local(a), *at_b = w.kmap.map_local(b);
  EXPECT_TRUE(mentions(log_of([&] { w.kmap.unmap_local(at_a); }), "not the last that was mapped"));
  w.kmap.unmap_local(at_b);
  w.kmap.unmap_local(at_a);
  EXPECT_TRUE(mentions(log_of([&] { w.kmap.unmap_local(at_a); }), "not mapped by this task"));
  std::vector<void*> many;
  for (unsigned i = 0; i < Kmap::kMaxLocal; ++i) many.push_back(w.kmap.map_local(i % 2 ? a : b));
  EXPECT_TRUE(mentions(log_of([&] { many.push_back(w.kmap.map_local(a)); }), "no more than 16"));
  for (; !many.empty(); many.pop_back()) w.kmap.unmap_local(many.back());
  EXPECT_EQ(w.kmap.nr_local(), 0u);
}

// The walkers ---------------------------------------------------------------------------------------------------------

TEST(Vmap, the_walker_sees_lost_frames_double_ones_and_wrong_counts) {
  World w;
  char *a = w.alloc(10 * kPageSize), *b = w.alloc(10 * kPageSize);
  VmapTestPeer::frames(w.vmap).add();
  EXPECT_TRUE(w.vmap.check().is("V3"));
  VmapTestPeer::frames(w.vmap).sub();
  VmapTestPeer::lazy(w.vmap).add();
  EXPECT_TRUE(w.vmap.check().is("V4"));
  VmapTestPeer::lazy(w.vmap).sub();
  Window& window = w.vmap.window();
  VmArea *first = window.at(a), *second = window.at(b);
  const Pfn was = window.frame(first, 3);
  window.set_frames(first, 3, window.frame(second, 3), 1);
  EXPECT_TRUE(w.vmap.check().is("V2"));
  window.set_frames(first, 3, {}, 1);
  EXPECT_TRUE(w.vmap.check().is("V1"));
  window.set_frames(first, 3, was, 1);
  w.pages.zone_of(was)->give_back_run(was, 1);
  EXPECT_TRUE(w.vmap.check().is("V1"));
  EXPECT_TRUE(w.pages.zone_of(was)->claim_at(was, 1));
  EXPECT_FALSE(w.vmap.check());
  // A page of the first area that names the second, by a distance that leads there.
  window.set_frames(second, first->first + uint64_t{3} - second->first, was, 1);
  EXPECT_TRUE(window.check().is("W6"));
  window.set_frames(first, 3, was, 1);
  EXPECT_FALSE(w.vmap.check());
}

// One that waits to be disposed of may have lost pages that callers hold, and none of those it has.
TEST(Vmap, V1_of_lazy_areas_and_of_those_that_wait_to_be_disposed_of) {
  World w;
  char *kept = w.alloc(10 * kPageSize), *waiting = w.alloc(12 * kPageSize);
  Window& window = w.vmap.window();
  VmArea *lazy = window.at(kept), *deferred = window.at(waiting);
  EXPECT_EQ(w.vmap.free(kept), AreaFault::None);
  ASSERT_TRUE(window.withdraw(deferred));
  w.vmap.lazy().defer(deferred);
  EXPECT_FALSE(w.vmap.check()) << w.vmap.check().rule;

  const Pfn one = window.frame(lazy, 4), other = window.frame(deferred, 5);
  window.set_frames(lazy, 4, {}, 1);
  EXPECT_TRUE(w.vmap.check().is("V1")) << "a hole in an area that is given out again";
  window.set_frames(lazy, 4, one, 1);
  window.set_frames(deferred, 5, {}, 1);
  VmapTestPeer::frames(w.vmap).sub();
  EXPECT_FALSE(w.vmap.check()) << w.vmap.check().rule;
  VmapTestPeer::frames(w.vmap).add();
  window.set_frames(deferred, 5, other, 1);
  w.pages.zone_of(other)->give_back_run(other, 1);
  EXPECT_TRUE(w.vmap.check().is("V1")) << "a frame that is not the area's any more";
  EXPECT_TRUE(w.pages.zone_of(other)->claim_at(other, 1));
  EXPECT_EQ(w.vmap.purge_all(Wait::Allowed), 10u);
  EXPECT_EQ(w.vmap.nr_frames(), 0u);
}

}  // namespace
}  // namespace kmem
