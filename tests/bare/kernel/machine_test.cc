// The machine's memory as kmem has it: zones that are true, nodes that the firmware named, windows, the last page of all.

#include <gtest/gtest.h>
#include <kmem/profile.h>
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <string.h>

#include <thread>
#include <vector>

#include "dma_limit.h"
#include "kernel.h"
#include "watch/profile.h"

namespace {

constexpr uint64_t kDma32End = uint64_t{4} << 30;

bool is_memory(uint64_t phys) { return bare::firmware.ram.contains(phys) && !bare::firmware.taken.contains(phys); }

/// Pages by a list through themselves, until there are no more.
struct Pages {
  unsigned long take_all(gfp_t gfp, uint64_t below) {
    while (struct page* page = alloc_page(gfp | __GFP_NOWARN | __GFP_NORETRY)) {
      const uint64_t phys = page_to_phys(page);
      if (phys >= below || !is_memory(phys)) ++wrong;
      auto* at = static_cast<void**>(page_address(page));
      at[0] = last;
      at[511] = at;
      last = at;
      ++nr;
    }
    return nr;
  }
  ~Pages() { give_back(); }
  void give_back() {
    for (void** at = last; at;) {
      if (at[511] != at) ++wrong;
      void** before = static_cast<void**>(at[0]);
      free_page(reinterpret_cast<unsigned long>(at));
      at = before;
    }
    last = nullptr;
  }
  void** last = nullptr;
  unsigned long nr = 0, wrong = 0;
};

}  // namespace

TEST(Zones, dma_memory_lies_where_the_firmware_says_and_dma32_below_4_gib) {
  struct page* dma = alloc_pages(GFP_KERNEL | GFP_DMA, 3);
  struct page* dma32 = alloc_pages(GFP_KERNEL | GFP_DMA32, 3);
  ASSERT_TRUE(dma && dma32);
  EXPECT_LT(page_to_phys(dma) + (8 << 12), kmem::test::dma_end() + 1);
  EXPECT_LT(page_to_phys(dma32) + (8 << 12), kDma32End + 1);
  __free_pages(dma, 3);
  __free_pages(dma32, 3);
}

TEST(Zones, each_is_given_out_to_its_last_page_and_comes_back) {
  for (const gfp_t gfp : {GFP_DMA, GFP_DMA32, gfp_t{0}}) {
    unsigned long first = 0;
    for (int round = 0; round < 2; ++round) {
      Pages pages;
      const unsigned long nr = pages.take_all(GFP_ATOMIC | gfp, gfp == GFP_DMA     ? kmem::test::dma_end()
                                                                : gfp == GFP_DMA32 ? kDma32End
                                                                                   : ~uint64_t{0});
      EXPECT_EQ(pages.wrong, 0u) << "frames that are no memory, or another zone's";
      if (!round) first = nr;
      EXPECT_GE(nr + 64, first) << "what came back is there again";
      pages.give_back();
      EXPECT_EQ(pages.wrong, 0u) << "two had the same page";
    }
    EXPECT_GT(first, gfp == GFP_DMA ? 500u : 1000u);
  }
}

TEST(Nodes, memory_comes_from_the_node_that_is_asked_for) {
  if (bare::firmware.nr_nodes < 2) GTEST_SKIP() << "one node";
  for (int nid = 0; nid < static_cast<int>(bare::firmware.nr_nodes); ++nid) {
    // On i386 a node may have nothing but high memory.
    struct page* page = alloc_pages_node(nid, GFP_KERNEL | __GFP_HIGHMEM | __GFP_THISNODE, 0);
    ASSERT_NE(page, nullptr);
    const uint64_t phys = page_to_phys(page);
    for (unsigned i = 0; i < bare::firmware.ram.nr; ++i) {
      const bare::Range& range = bare::firmware.ram.all[i];
      if (phys < range.start || phys >= range.end) continue;
      EXPECT_EQ(range.node, static_cast<uint32_t>(nid));
    }
    __free_page(page);
  }
}

TEST(Vmalloc, its_pages_are_the_frames_of_the_direct_map) {
  constexpr size_t kPages = 600;
  auto* p = static_cast<char*>(vmalloc(kPages * PAGE_SIZE));
  ASSERT_NE(p, nullptr);
  for (size_t i = 0; i < kPages; ++i) {
    p[i * PAGE_SIZE] = static_cast<char>(i);
    const char* home = static_cast<char*>(page_address(vmalloc_to_page(p + i * PAGE_SIZE)));
    ASSERT_NE(home, p + i * PAGE_SIZE);
    ASSERT_EQ(*home, static_cast<char>(i)) << "seen at both addresses";
  }
  vfree(p);
}

TEST(Vmalloc, a_thousand_areas_come_and_go) {
  void* areas[100] = {};
  for (unsigned i = 0; i < 1000; ++i) {
    void*& p = areas[i * 37 % 100];
    vfree(p);
    p = vmalloc((i % 17 + 1) * PAGE_SIZE);
    ASSERT_NE(p, nullptr);
    memset(p, static_cast<int>(i), (i % 17 + 1) * PAGE_SIZE);
  }
  for (void* p : areas) vfree(p);
}

// Per-CPU variables ------------------------------------------------------------------------------------------------------

namespace {
DEFINE_PER_CPU(long, hits);
DEFINE_PER_CPU(uint8_t, small_hits);
long hits_of_interrupts = 0;
}  // namespace

TEST(Percpu, no_step_is_lost_to_interrupts_or_to_a_change_of_cpu) {
  constexpr long kTimes = 200000, kTasks = 8;
  bare::on_tick = [] {
    for (int i = 0; i < 10; ++i) this_cpu_inc(hits);
    __atomic_add_fetch(&hits_of_interrupts, 10, __ATOMIC_SEQ_CST);
  };
  std::vector<std::thread> tasks;
  for (long task = 0; task < kTasks; ++task)
    tasks.emplace_back([] {
      for (long i = 0; i < kTimes; ++i) {
        this_cpu_inc(hits);
        this_cpu_add(small_hits, 3);
      }
    });
  for (std::thread& task : tasks) task.join();
  bare::on_tick = nullptr;
  bare::sleep_until(bare::now_ns() + 5000000);
  long sum = 0;
  uint8_t small = 0;
  int cpu;
  for_each_possible_cpu(cpu) {
    sum += per_cpu(hits, cpu);
    small = static_cast<uint8_t>(small + per_cpu(small_hits, cpu));
  }
  EXPECT_EQ(sum, kTasks * kTimes + hits_of_interrupts);
  EXPECT_EQ(small, static_cast<uint8_t>(3 * kTasks * kTimes));
}

TEST(Percpu, a_section_has_one_copy_to_itself) {
  long* mine = &get_cpu_var(hits);
  const long before = *mine;
  this_cpu_inc(hits);
  EXPECT_EQ(*mine, before + 1) << "the section's copy";
  put_cpu_var(hits);
  long __percpu* dynamic = alloc_percpu(long);
  ASSERT_NE(dynamic, nullptr);
  for (int i = 0; i < 1000; ++i) this_cpu_add(*dynamic, 2);
  long sum = 0;
  int cpu;
  for_each_possible_cpu(cpu) sum += *per_cpu_ptr(dynamic, cpu);
  EXPECT_EQ(sum, 2000);
  free_percpu(dynamic);
}

// Profiles -------------------------------------------------------------------------------------------------------------

extern "C" char bare_image_text[], bare_image_text_end[];
namespace {
bool is_code(uint64_t at) {
  return at >= reinterpret_cast<uint64_t>(bare_image_text) && at < reinterpret_cast<uint64_t>(bare_image_text_end);
}
}  // namespace

TEST(Profile, has_addresses_of_code_from_the_innermost_caller_out) {
  ASSERT_EQ(kmem_profile_start(256), 0);
  for (int i = 0; i < 1000; ++i) kfree(kmalloc(200, GFP_KERNEL));
  kmem_profile_stop();
  unsigned sites = 0;
  for (uint32_t i = 0; i < kmem::ProfileWorld::kNrSites; ++i) {
    const kmem::ProfileSite& site = kmem_profile.world.sites.peek()[i];
    if (site.key.peek() <= 1) continue;
    ++sites;
    EXPECT_GE(site.nr_frames, 4u) << "this function and those that call tests";
    for (uint32_t f = 0; f < site.nr_frames; ++f) EXPECT_TRUE(is_code(site.frames[f])) << site.frames[f];
  }
  EXPECT_GE(sites, 1u);
}
