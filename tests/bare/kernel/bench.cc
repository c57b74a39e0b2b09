// Instructions of the calls that matter: on a machine whose time is its instructions (QEMU's -icount shift=0, one CPU),
// read_cycles() counts them; on arm64 in steps of 16.

#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>

#include "kernel.h"

namespace {

DEFINE_PER_CPU(long, counter);
struct kmem_cache* cache;
mempool_t* pool;

void nothing() { asm volatile(""); }
void pair_64() { kfree(kmalloc(64, GFP_KERNEL)); }
void pair_variable() {
  volatile size_t size = 300;
  kfree(kmalloc(size, GFP_KERNEL));
}
void cache_pair() { kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL)); }
void page_pair() { __free_pages(alloc_pages(GFP_KERNEL, 0), 0); }
void pages_pair() { __free_pages(alloc_pages(GFP_KERNEL, 3), 3); }
void pool_pair() { mempool_free(mempool_alloc(pool, GFP_KERNEL), pool); }
void cpu_inc() { this_cpu_inc(counter); }

struct Case {
  const char* name;
  void (*call)();
  unsigned most;  // instructions, with the call and the loop
};
constexpr Case kCases[] = {
#ifdef __aarch64__
#include "golden_arm64.inc"
#elif defined(__i386__)
#include "golden_i386.inc"
#else
#include "golden_x86_64.inc"
#endif
};

uint64_t cycles_of(void (*call)()) {
  constexpr unsigned kTimes = 1000;
  for (int i = 0; i < 100; ++i) call();
  const uint64_t flags = bare::irq_save();
  const uint64_t from = bare::read_cycles();
  for (unsigned i = 0; i < kTimes; ++i) call();
  const uint64_t cycles = bare::read_cycles() - from;
  bare::irq_restore(flags);
  return (cycles + kTimes / 2) / kTimes;
}

}  // namespace

bool run_bench(bool check) {
  cache = kmem_cache_create("bench", 256, 0, 0, nullptr);
  pool = mempool_create_kmalloc_pool(4, 128);
  const uint64_t loop = cycles_of(nothing);
  bool good = cache && pool;
  bare::say("%-28s %10s %10s\n", "call", "cycles", "at most");
  for (const Case& c : kCases) {
    const uint64_t cycles = cycles_of(c.call), own = cycles > loop ? cycles - loop : 0;
    const bool fits = !check || own <= c.most;
    good = good && fits;
    bare::say("%-28s %10ju %10u%s\n", c.name, own, c.most, fits ? "" : "  more than is written down");
  }
  return good;
}
