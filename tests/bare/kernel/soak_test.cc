// All contexts at once: tasks on every CPU, and interrupts of every CPU's timer on top of them, allocate and free by every
// door, and look at every byte.

#include <gtest/gtest.h>
#include <kmem/fault.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <string.h>

#include "kernel.h"
#include "port/port.h"

namespace {

struct Block {
  unsigned char* at = nullptr;
  uint32_t bytes = 0;
  unsigned char seed = 0, door = 0;
};

struct kmem_cache* cache = nullptr;
constexpr uint32_t kCacheBytes = 200;

/// What one task, or the interrupts of one CPU, hold.
struct Holder {
  static constexpr unsigned kMost = 64;
  Block blocks[kMost];
  uint64_t state = 1, nr_ops = 0, nr_failed = 0, nr_wrong = 0;

  uint64_t next() {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
  }
  void take(Block& b, bool may_sleep) {
    const gfp_t gfp = (may_sleep ? GFP_KERNEL : GFP_ATOMIC) | __GFP_NOWARN;
    const uint64_t r = next();
    b.door = static_cast<unsigned char>(r % (may_sleep ? 4 : 3));
    b.bytes = static_cast<uint32_t>(b.door == 1 ? kCacheBytes : b.door == 2 ? PAGE_SIZE << (r >> 8) % 3 : (r >> 8) % 3000 + 1);
    if (b.door == 3) b.bytes += 5000;
    void* p = b.door == 0   ? kmalloc(b.bytes, gfp)
              : b.door == 1 ? kmem_cache_alloc(cache, gfp)
              : b.door == 2 ? reinterpret_cast<void*>(__get_free_pages(gfp, static_cast<unsigned>((r >> 8) % 3)))
                            : vmalloc(b.bytes);
    b.at = static_cast<unsigned char*>(p);
    if (!p) return void(++nr_failed);
    b.seed = static_cast<unsigned char>(r >> 32);
    memset(p, b.seed, b.bytes);
  }
  void give(Block& b) {
    for (uint32_t i = 0; i < b.bytes; ++i) nr_wrong += b.at[i] != b.seed;
    unsigned order = 0;
    while (PAGE_SIZE << order < b.bytes) ++order;
    if (b.door == 0) kfree(b.at);
    else if (b.door == 1) kmem_cache_free(cache, b.at);
    else if (b.door == 2) free_pages(reinterpret_cast<unsigned long>(b.at), order);
    else vfree(b.at);
    b.at = nullptr;
  }
  void step(bool may_sleep) {
    Block& b = blocks[next() % kMost];
    b.at ? give(b) : take(b, may_sleep);
    ++nr_ops;
  }
  void give_all() {
    for (Block& b : blocks)
      if (b.at) give(b);
  }
};

constexpr unsigned kTasksPerCpu = 2;
Holder of_tasks[bare::kMostCpus * kTasksPerCpu], of_interrupts[bare::kMostCpus];
volatile bool stop = false;
uint32_t nr_running = 0;

void run_task(void* p) {
  Holder& mine = *static_cast<Holder*>(p);
  while (!stop) mine.step(true);
  mine.give_all();
  __atomic_sub_fetch(&nr_running, 1, __ATOMIC_SEQ_CST);
}

void in_interrupt() {
  if (stop) return;
  Holder& mine = of_interrupts[bare::this_cpu_id()];
  for (int i = 0; i < 4; ++i) mine.step(false);
}

}  // namespace

TEST(AnyContext, tasks_and_interrupts_on_all_cpus_keep_every_byte) {
  cache = kmem_cache_create("soak", kCacheBytes, 0, 0, nullptr);
  ASSERT_NE(cache, nullptr);
  const uint32_t nr_tasks = bare::firmware.nr_cpus * kTasksPerCpu;
  stop = false;
  for (uint32_t i = 0; i < bare::firmware.nr_cpus; ++i) of_interrupts[i].state = 77 + i;
  for (uint32_t i = 0; i < nr_tasks; ++i) {
    of_tasks[i].state = 1000 + i;
    __atomic_add_fetch(&nr_running, 1, __ATOMIC_SEQ_CST);
    ASSERT_NE(bare::spawn("soak", run_task, &of_tasks[i]), nullptr);
  }
  bare::on_tick = in_interrupt;
  bare::sleep_until(bare::now_ns() + word_number("soak", 5) * 1000000000);
  stop = true;
  bare::on_tick = nullptr;
  while (__atomic_load_n(&nr_running, __ATOMIC_SEQ_CST)) bare::sleep_until(bare::now_ns() + 1000000);
  uint64_t task_ops = 0, interrupt_ops = 0, restarts = 0, failed = 0;
  for (uint32_t i = 0; i < nr_tasks; ++i) {
    EXPECT_EQ(of_tasks[i].nr_wrong, 0u);
    task_ops += of_tasks[i].nr_ops;
    failed += of_tasks[i].nr_failed;
  }
  for (uint32_t i = 0; i < bare::firmware.nr_cpus; ++i) {
    of_interrupts[i].give_all();
    EXPECT_EQ(of_interrupts[i].nr_wrong, 0u);
    EXPECT_GT(of_interrupts[i].nr_ops, 0u) << "interrupts of every CPU took part";
    interrupt_ops += of_interrupts[i].nr_ops;
    restarts += bare::cpus[i].nr_restarts;
  }
  bare::say("# %ju steps of tasks, %ju in interrupts, %ju failed, %ju sequences began again\n", task_ops, interrupt_ops, failed,
            restarts);
  EXPECT_GT(task_ops, 100u);
  kmem_cache_destroy(cache);
}

TEST(Faults, every_allocation_of_a_scenario_may_fail_once) {
  for (unsigned n = 1; n < 200; ++n) {
    kmem_fail_nth_set(n);
    void* a = kmalloc(100, GFP_KERNEL | __GFP_NOWARN);
    void* b = vmalloc(3 * PAGE_SIZE);
    struct page* c = alloc_pages(GFP_KERNEL | __GFP_NOWARN, 2);
    struct kmem_cache* d = kmem_cache_create("fails", 77, 0, 0, nullptr);
    void* e = d ? kmem_cache_alloc(d, GFP_KERNEL | __GFP_NOWARN) : nullptr;
    const bool all = kmem_fail_nth_get() != 0;
    kmem_fail_nth_set(0);
    kfree(a);
    vfree(b);
    if (c) __free_pages(c, 2);
    if (e) kmem_cache_free(d, e);
    if (d) kmem_cache_destroy(d);
    if (all) return;
  }
  FAIL() << "the scenario has no end";
}
