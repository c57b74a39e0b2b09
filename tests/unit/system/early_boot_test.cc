// Boot memory before the page allocator has it: the early hook, boot words, and what is left of both afterwards.
//
// The hook runs once, before main(), in a process that was started with the words below; it notes what it saw, and the
// tests look.
//
//   |====|  memory      |####|  taken      ....  nothing

#include <gtest/gtest.h>
#include <kmem/boot.h>
#include <kmem/stats.h>
#include <linux/bootmem.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "unit/kernel_face/log.h"

namespace {

using kmem::test::log_of;
using kmem::test::mentions;

constexpr char kWords[] =
    "mem=256M kfence.sample_interval=0 reserve=ring:40M reserve=low:100@dma reserve=big:3M,huge reserve=none:1T reserve=bad "
    "reserve=twice:1M reserve=twice:2M";
constexpr unsigned long kMiB = 1ul << 20;

/// What the hook saw.
struct Early {
  int runs = 0;
  void* kmalloc_gives = &runs;
  char *small = nullptr, *next = nullptr, *pages = nullptr, *low = nullptr, *huge = nullptr, *freed = nullptr;
  phys_addr_t memory = 0, end = 0, removed = 0, nomap = 0;
  int add = -1, remove = -1, mark = -1, reserve = -1;
  bool removed_is_memory = true;
  unsigned ranges = 0, free_ranges = 0, regions = 0, reserved = 0;
  phys_addr_t found = 0, found_below = 0, from_bottom = 0;
  void *too_much = &runs, *nothing = &runs, *crooked = &runs;
} early;

bool is_zero(const char* p, size_t n) {
  for (size_t i = 0; i < n; ++i)
    if (p[i]) return false;
  return true;
}

//   memory    |==========================================|
//   removed             ....                                 4 MiB in the middle
//   nomap                        |nnnn|                       the next but one
void change_memory() {
  early.memory = memblock_phys_mem_size();
  early.end = memblock_end_of_DRAM();
  early.removed = early.end - 128 * kMiB;
  early.remove = memblock_remove(early.removed, 4 * kMiB);
  early.removed_is_memory = memblock_is_memory(early.removed + kMiB);
  early.nomap = early.end - 120 * kMiB;
  early.mark = memblock_mark_nomap(early.nomap, 4 * kMiB);
  early.add = memblock_add(early.removed, kMiB) || memblock_remove(early.removed, kMiB);
}

void take_memory() {
  early.kmalloc_gives = kmalloc(100, GFP_KERNEL);
  early.small = static_cast<char*>(alloc_bootmem(100));
  early.next = static_cast<char*>(alloc_bootmem(100));
  early.pages = static_cast<char*>(alloc_bootmem_pages(5000));
  early.low = static_cast<char*>(alloc_bootmem_low_pages(8 * PAGE_SIZE));
  early.huge = static_cast<char*>(memblock_alloc(30 * kMiB, 8 * kMiB));
  early.too_much = memblock_alloc(kMiB << 20, 0);
  early.nothing = memblock_alloc(0, 0);
  early.crooked = memblock_alloc(100, 24);
  memset(early.huge, 0xaa, 30 * kMiB);
  early.reserve = memblock_reserve(early.end - 40 * kMiB, 2 * kMiB);
  // Written, and given back: nobody may ever see it again.
  early.freed = static_cast<char*>(memblock_alloc(6 * kMiB, 2 * kMiB));
  memset(early.freed, 0x55, 6 * kMiB);
  memblock_free(early.freed, 6 * kMiB);
}

void look_around() {
  uint64_t i;
  phys_addr_t start, end;
  int nid;
  for_each_mem_range(i, &start, &end)++ early.ranges;
  for_each_free_mem_range(i, NUMA_NO_NODE, MEMBLOCK_NONE, &start, &end, &nid)++ early.free_ranges;
  for_each_reserved_mem_range(i, &start, &end)++ early.reserved;
  struct memblock_region* region;
  for_each_mem_region(region) early.regions += region->size != 0;
  early.found = memblock_find_in_range(0, MEMBLOCK_ALLOC_ANYWHERE, kMiB, kMiB);
  early.found_below = memblock_find_in_range(16 * kMiB, early.found, kMiB, kMiB);
  memblock_set_bottom_up(true);
  early.from_bottom = memblock_find_in_range(0, MEMBLOCK_ALLOC_ANYWHERE, 1000, 0);
  memblock_set_bottom_up(false);
}

void run_early() {
  if (!getenv("KMEM")) return;  // the first start, which only sets the words
  ++early.runs;
  change_memory();
  take_memory();
  look_around();
}

}  // namespace

KMEM_EARLY_INIT(run_early)

namespace {

TEST(EarlyBoot, the_hook_runs_once_before_there_is_an_allocator) {
  EXPECT_EQ(early.runs, 1);
  EXPECT_EQ(early.kmalloc_gives, nullptr);
}

//   |##|##|      two in one page, at cache lines
TEST(EarlyBoot, small_pieces_share_a_page_and_pages_do_not) {
  ASSERT_TRUE(early.small && early.next && early.pages && early.low);
  EXPECT_EQ(__pa(early.small) / PAGE_SIZE, __pa(early.next) / PAGE_SIZE);
  EXPECT_EQ(__pa(early.next) % 64, 0u);
  EXPECT_EQ(__pa(early.pages) % PAGE_SIZE, 0u);
  EXPECT_LT(__pa(early.low), 4ul << 30);
}

TEST(EarlyBoot, any_size_comes_in_one_piece_and_stays) {
  ASSERT_TRUE(early.huge);
  EXPECT_EQ(__pa(early.huge) % (8 * kMiB), 0u);
  for (unsigned long i = 0; i < 30 * kMiB; i += PAGE_SIZE) ASSERT_EQ(static_cast<unsigned char>(early.huge[i]), 0xaa) << i;
  EXPECT_TRUE(memblock_is_region_reserved(__pa(early.huge), 30 * kMiB));
}

TEST(EarlyBoot, what_cannot_be_had_is_NULL) {
  EXPECT_EQ(early.too_much, nullptr);
  EXPECT_EQ(early.nothing, nullptr);
  EXPECT_EQ(early.crooked, nullptr);
}

//   |=====|....|=====|nnnn|=====|     two ranges that are mapped on each side, one hole, one that has no address
TEST(EarlyBoot, ranges_are_seen_as_they_are) {
  EXPECT_EQ(early.remove, 0);
  EXPECT_EQ(early.mark, 0);
  EXPECT_EQ(early.add, 0);
  EXPECT_EQ(early.reserve, 0);
  EXPECT_FALSE(early.removed_is_memory);
  EXPECT_EQ(early.ranges + 1, early.regions) << "the region without addresses is no range to loop over";
  EXPECT_GT(early.free_ranges, 2u);
  EXPECT_GT(early.reserved, 3u);
  EXPECT_GT(early.found, early.found_below);
  EXPECT_LT(early.from_bottom, 16 * kMiB);
}

/// All frames that the page allocator gives, until it has no more.
template <typename F>
void with_all_memory(F&& look) {
  std::vector<std::pair<struct page*, unsigned>> taken;
  for (int order = MAX_ORDER; order >= 0; --order)
    while (struct page* page =
               alloc_pages(GFP_ATOMIC | __GFP_NOWARN | __GFP_MEMALLOC | __GFP_ZERO, static_cast<unsigned>(order)))
      taken.push_back({page, static_cast<unsigned>(order)});
  ASSERT_GT(taken.size(), 16u);
  for (auto& [page, order] : taken) look(page_to_pfn(page) << PAGE_SHIFT, PAGE_SIZE << order);
  for (auto& [page, order] : taken) __free_pages(page, order);
}

TEST(EarlyBoot, the_page_allocator_never_gives_what_is_taken_removed_or_not_mapped) {
  std::vector<std::pair<unsigned long, unsigned long>> kept = {
      {early.removed, 4 * kMiB},         {early.nomap, 4 * kMiB},
      {early.end - 40 * kMiB, 2 * kMiB}, {__pa(early.huge), 30 * kMiB},
      {__pa(early.small), 100},          {__pa(early.pages), 5000},
      {__pa(early.low), 8 * PAGE_SIZE},  {__pa(kmem_reserved("ring", nullptr)), 40 * kMiB}};
  unsigned long sum = 0;
  with_all_memory([&](unsigned long at, unsigned long bytes) {
    sum += bytes;
    for (auto [start, size] : kept) ASSERT_TRUE(at + bytes <= start || start + size <= at) << at << " " << start;
    ASSERT_TRUE(is_zero(static_cast<char*>(__va(at)), bytes)) << "what was written early comes as zeroed memory";
  });
  EXPECT_GT(sum, 100 * kMiB);
}

// ---- boot words ----

TEST(Reserve, is_found_by_its_name_and_cleared) {
  size_t bytes = 0;
  auto* ring = static_cast<char*>(kmem_reserved("ring", &bytes));
  ASSERT_TRUE(ring);
  EXPECT_EQ(bytes, 40 * kMiB);
  EXPECT_TRUE(is_zero(ring, bytes));
  memset(ring, 1, bytes);
  auto* low = static_cast<char*>(kmem_reserved("low", &bytes));
  ASSERT_TRUE(low);
  EXPECT_EQ(bytes, 100u);
  EXPECT_LT(__pa(low), 16 * kMiB);
  auto* big = static_cast<char*>(kmem_reserved("big", &bytes));
  ASSERT_TRUE(big);
  EXPECT_EQ(bytes, 3 * kMiB);
  EXPECT_EQ(__pa(big) % (2 * kMiB), 0u);
  EXPECT_TRUE(kmem_reserved("twice", &bytes));
  EXPECT_EQ(bytes, 2 * kMiB) << "the last of one name counts";
}

/// KiB in huge pages of the mapping that an address lies in, as /proc/self/smaps has it.
unsigned long huge_kib(const void* address) {
  std::ifstream smaps("/proc/self/smaps");
  const auto at = reinterpret_cast<unsigned long>(address);
  bool here = false;
  for (std::string line; std::getline(smaps, line);) {
    unsigned long from = 0, to = 0, kib = 0;
    if (sscanf(line.c_str(), "%lx-%lx ", &from, &to) == 2) here = at >= from && at < to;
    if (here && sscanf(line.c_str(), "AnonHugePages: %lu kB", &kib) == 1) return kib;
  }
  return 0;
}

/// Does it give a huge page to whoever asks?
bool host_has_huge_pages() {
  void* memory = mmap(nullptr, 4 * kMiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  madvise(memory, 4 * kMiB, MADV_HUGEPAGE);
  memset(memory, 1, 4 * kMiB);
  const bool has = huge_kib(memory) != 0;
  munmap(memory, 4 * kMiB);
  return has;
}

TEST(Reserve, with_huge_it_lies_on_huge_pages) {
  void* big = kmem_reserved("big", nullptr);
  ASSERT_TRUE(big);
  if (!host_has_huge_pages()) GTEST_SKIP() << "the host has no huge pages now";
  EXPECT_GE(huge_kib(big), 2048u);
}

TEST(Reserve, what_was_not_given_is_not_found) {
  EXPECT_EQ(kmem_reserved("none", nullptr), nullptr);
  EXPECT_EQ(kmem_reserved("bad", nullptr), nullptr);
  EXPECT_EQ(kmem_reserved(nullptr, nullptr), nullptr);
  EXPECT_EQ(kmem_reserved("", nullptr), nullptr);
}

// ---- afterwards ----

TEST(AfterBoot, iomem_shows_memory_and_what_is_reserved_in_it) {
  std::string text(kmem_iomem(nullptr, 0) + 1, '\0');
  kmem_iomem(text.data(), text.size());
  EXPECT_NE(text.find(" : System RAM\n"), std::string::npos) << text;
  EXPECT_NE(text.find(" : Reserved\n"), std::string::npos) << text;
  char line[64];
  const unsigned long ring = __pa(kmem_reserved("ring", nullptr));
  snprintf(line, sizeof line, "    %08lx-%08lx : ring\n", ring, ring + 40 * kMiB - 1);
  EXPECT_NE(text.find(line), std::string::npos) << text;
}

TEST(AfterBoot, free_bootmem_gives_memory_over_to_the_page_allocator) {
  const unsigned long at = __pa(early.huge);
  EXPECT_EQ(log_of([&] { free_bootmem(at, 30 * kMiB); }), "");
  EXPECT_FALSE(memblock_is_reserved(at));
  bool seen = false;
  with_all_memory([&](unsigned long start, unsigned long bytes) { seen |= start <= at && at < start + bytes; });
  EXPECT_TRUE(seen);
  EXPECT_TRUE(mentions(log_of([&] { free_bootmem(at, 30 * kMiB); }), "BUG"));
}

TEST(AfterBoot, memory_can_be_reserved_where_it_is_free_and_nowhere_else) {
  void* used = kmalloc(100, GFP_KERNEL);
  EXPECT_EQ(memblock_reserve(__pa(used), 100), -16);
  EXPECT_EQ(memblock_reserve(early.removed, PAGE_SIZE), -16) << "there is no memory";
  const phys_addr_t free = memblock_phys_alloc(4 * PAGE_SIZE, PAGE_SIZE);
  ASSERT_NE(free, 0u);
  EXPECT_EQ(memblock_reserve(free, PAGE_SIZE), -16) << "it is reserved already";
  EXPECT_EQ(memblock_phys_free(free, 4 * PAGE_SIZE), 0);
  EXPECT_EQ(memblock_reserve(free, 4 * PAGE_SIZE), 0);
  EXPECT_TRUE(memblock_is_reserved(free));
  memblock_phys_free(free, 4 * PAGE_SIZE);
  kfree(used);
}

TEST(AfterBoot, bounds_and_directions_are_kept) {
  const phys_addr_t at = memblock_phys_alloc_range(PAGE_SIZE, PAGE_SIZE, early.end - 100 * kMiB, early.end - 90 * kMiB);
  EXPECT_GE(at, early.end - 100 * kMiB);
  EXPECT_LT(at, early.end - 90 * kMiB);
  memblock_phys_free(at, PAGE_SIZE);
  void* low = memblock_alloc_low(PAGE_SIZE, 0);
  EXPECT_LT(__pa(low), 4ul << 30);
  memblock_free(low, PAGE_SIZE);
  EXPECT_EQ(memblock_phys_alloc_range(PAGE_SIZE, 0, early.removed, early.removed + 4 * kMiB), 0u);
  EXPECT_EQ(memblock_alloc_exact_nid_raw(PAGE_SIZE, 0, 0, 0, 7), nullptr) << "there is no node 7";
}

TEST(AfterBoot, the_machine_cannot_be_changed_any_more) {
  EXPECT_EQ(memblock_add(early.end, kMiB), -16);
  EXPECT_EQ(memblock_remove(early.end - kMiB, kMiB), -16);
  EXPECT_EQ(memblock_mark_nomap(early.end - kMiB, kMiB), -16);
  EXPECT_TRUE(mentions(log_of([] { memblock_enforce_memory_limit(kMiB); }), "WARNING"));
  EXPECT_TRUE(memblock_is_memory(early.end - 1));
}

TEST(AfterBoot, the_walk_over_frames_skips_the_hole) {
  int i, nid;
  unsigned long start, end, sum = 0;
  for_each_mem_pfn_range(i, NUMA_NO_NODE, &start, &end, &nid) {
    EXPECT_FALSE(start <= early.removed >> PAGE_SHIFT && early.removed >> PAGE_SHIFT < end);
    EXPECT_EQ(nid, 0);
    sum += end - start;
  }
  EXPECT_EQ(sum << PAGE_SHIFT, memblock_phys_mem_size());
  EXPECT_EQ(memblock_phys_mem_size(), early.memory - 4 * kMiB);
}

}  // namespace

int main(int argc, char** argv) {
  if (!getenv("KMEM")) {
    setenv("KMEM", kWords, 1);
    execv("/proc/self/exe", argv);
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
