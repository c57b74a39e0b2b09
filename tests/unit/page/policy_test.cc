// Who may go how deep: the table of docs/reclaim.md, each cell by arithmetic and by what a zone has left.

#include "page/policy.h"

#include <gtest/gtest.h>

#include "port/port.h"
#include "port/task.h"
#include "unit/page/small_machine.h"

namespace kmem::test {
namespace {

constexpr Gfp kNoWait = gfp::kKswapdReclaim;
constexpr Marks kMarks{1024, 1280, 1536};

struct Row {
  const char* who;
  Gfp gfp;
  uint32_t task_flags;
  uint64_t floor;  // of a min of 1024
};

/// In the order of docs/reclaim.md.
constexpr Row kRows[] = {
    {"GFP_KERNEL", gfp::kKernel, 0, 1024},
    {"GFP_NOWAIT", kNoWait, 0, 1024},
    {"no flag at all", 0, 0, 1024},
    {"GFP_KERNEL with __GFP_HIGH", gfp::kKernel | gfp::kHigh, 0, 512},
    {"GFP_ATOMIC", gfp::kAtomic, 0, 384},
    {"GFP_ATOMIC with __GFP_NOMEMALLOC", gfp::kAtomic | gfp::kNoMemAlloc, 0, 512},
    {"__GFP_MEMALLOC", gfp::kKernel | gfp::kMemAlloc, 0, 0},
    {"__GFP_MEMALLOC without waiting", gfp::kMemAlloc, 0, 0},
    {"__GFP_MEMALLOC with __GFP_NOMEMALLOC", gfp::kKernel | gfp::kMemAlloc | gfp::kNoMemAlloc, 0, 1024},
    {"a task that reclaims", gfp::kKernel, task_flag::kMemAlloc, 0},
    {"a task that reclaims, GFP_NOWAIT", kNoWait, task_flag::kMemAlloc, 0},
    {"a task that reclaims, __GFP_NOMEMALLOC", gfp::kKernel | gfp::kNoMemAlloc, task_flag::kMemAlloc, 1024},
    {"an out-of-memory notifier", gfp::kKernel, task_flag::kOutOfMemory, 512},
    {"an out-of-memory notifier, __GFP_HIGH", gfp::kKernel | gfp::kHigh, task_flag::kOutOfMemory, 256},
    {"an out-of-memory notifier, GFP_ATOMIC", gfp::kAtomic, task_flag::kOutOfMemory, 192},
    {"an out-of-memory notifier, __GFP_NOMEMALLOC", gfp::kKernel | gfp::kNoMemAlloc, task_flag::kOutOfMemory, 1024},
};

class TaskFlags {
 public:
  explicit TaskFlags(uint32_t flags) { kmem_port_task()->flags.poke(flags); }
  ~TaskFlags() { kmem_port_task()->flags.poke(0); }
};

TEST(Reach, the_first_try_of_everybody_stops_at_the_low_mark) { EXPECT_EQ(Reach{.low = true}.floor(kMarks), 1280u); }

TEST(Reach, goes_as_deep_as_the_table_says) {
  for (const Row& row : kRows) {
    const TaskFlags flags(row.task_flags);
    EXPECT_EQ(reach_of(row.gfp, this_asker(row.gfp)).floor(kMarks), row.floor) << row.who;
  }
}

TEST(Reach, an_interrupt_has_no_part_in_what_the_interrupted_task_may) {
  const Asker handler{.task_flags = 0, .may_sleep = false, .in_interrupt = true};
  EXPECT_EQ(reach_of(gfp_of(gfp::kAtomic, handler), handler).floor(kMarks), 384u);
}

TEST(Reach, is_what_a_zone_has_left_when_nothing_more_is_given) {
  for (const Row& row : kRows) {
    PageWorld world({{4096, 64}}, 4096);
    ASSERT_EQ(world.pages.zone(0).marks().min, 1024u);
    const TaskFlags flags(row.task_flags);
    for (const unsigned order : {6u, 0u})
      while (world.pages.alloc(row.gfp, {static_cast<uint8_t>(order)}, 0)) {
      }
    EXPECT_EQ(world.pages.zone(0).nr_free(), row.floor) << row.who;
  }
}

TEST(Reach, what_is_kept_for_the_low_zones_only_who_frees_memory_may_take) {
  for (const Row& row : kRows) {
    // 4 MiB below 16 MiB, and 64 MiB above: of the low zone a 256th of that is kept from those who could have the high one.
    PageWorld world({{12, 4}, {4096, 64}}, 4096);
    const Zone& dma = world.pages.zone(0);
    const uint64_t kept = dma.marks().lowmem_reserve[static_cast<unsigned>(ZoneKind::Normal)];
    ASSERT_EQ(kept, 64u);
    const TaskFlags flags(row.task_flags);
    for (const unsigned order : {6u, 0u})
      while (world.pages.alloc(row.gfp, {static_cast<uint8_t>(order)}, 0)) {
      }
    const uint64_t floor = reach_of(row.gfp, this_asker(row.gfp)).floor(dma.marks());
    EXPECT_EQ(dma.nr_free(), floor + (row.floor ? kept : 0)) << row.who;
  }
}

TEST(Scopes, take_flags_away) {
  const auto seen = [](Gfp gfp, uint32_t flags) {
    const TaskFlags scope(flags);
    return gfp_of(gfp, this_asker(gfp));
  };
  EXPECT_EQ(seen(gfp::kKernel, 0), gfp::kKernel);
  EXPECT_EQ(seen(gfp::kKernel, task_flag::kNoFs), gfp::kKernel & ~gfp::kFs);
  EXPECT_EQ(seen(gfp::kKernel, task_flag::kNoIo), gfp::kKernel & ~(gfp::kFs | gfp::kIo));
  EXPECT_EQ(seen(gfp::kAtomic, task_flag::kNoIo), gfp::kAtomic);
}

TEST(Scopes, a_caller_that_must_not_sleep_does_not_reclaim) {
  kmem_port_task()->preempt_count.poke(1);
  const Asker asker = this_asker(gfp::kKernel);
  kmem_port_task()->preempt_count.poke(0);
  EXPECT_FALSE(asker.may_reclaim(gfp::kKernel));
  EXPECT_EQ(gfp_of(gfp::kKernel, asker) & gfp::kDirectReclaim, 0u);
  EXPECT_TRUE(this_asker(gfp::kKernel).may_reclaim(gfp::kKernel));
}

}  // namespace
}  // namespace kmem::test
