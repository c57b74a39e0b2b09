// What the layers above are made of: index stacks, the pool of sheaves, and this CPU's stack of pointers.
//
// In the figures: the operations alone, hot.  With two threads, what it costs that both want the same cache line.
//
// Compare with one locked instruction: an index stack is two of them a pair; a CPU's stack has none, which is why the
// fast paths stand on it; the pool takes its sheaves from such a stack, get_shared() from an index stack.
#include "layer_bench.h"

#include <sched.h>

#include "unit/page/small_machine.h"

namespace kmem::bench {
namespace {

test::SmallMachine& machine() {
  static test::SmallMachine world{{{4096, 4}}, 64};
  return world;
}

/// Stays on one CPU, which it has equipped.
class OnOneCpu {
 public:
  OnOneCpu() {
    sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
    machine().sheaves.equip_this_cpu();
  }
  ~OnOneCpu() { sched_setaffinity(0, sizeof before_, &before_); }

 private:
  cpu_set_t before_;
};

struct Links {
  Atomic<uint32_t> next[64];
  Atomic<uint32_t>& link(uint32_t index) { return next[index]; }
};

void index_stack_pair(benchmark::State& state) {
  static Links links;
  static IndexStack stack;
  const auto mine = static_cast<uint32_t>(state.thread_index() + 1);
  uint32_t index = mine;
  for (auto _ : state) {
    stack.push(links, index);
    while (!(index = stack.pop(links))) {
    }
  }
  tell(state, 1, "one_atomic");
}

void cpu_stack_pair(benchmark::State& state) {
  const OnOneCpu pinned;
  void* sheaf = CpuStack::try_pop(kSpareSheaves);
  if (!sheaf) sheaf = machine().sheaves.get_shared();
  for (auto _ : state) {
    CpuStack::try_push(kSpareSheaves, sheaf);
    sheaf = CpuStack::try_pop(kSpareSheaves);
    benchmark::DoNotOptimize(sheaf);
  }
  machine().sheaves.put(static_cast<uint64_t*>(sheaf));
  tell(state, 1, "one_atomic");
}

void sheaf_get_and_put(benchmark::State& state) {
  const OnOneCpu pinned;
  SheafPool& pool = machine().sheaves;
  pool.put(pool.get_shared());
  for (auto _ : state) pool.put(pool.get());
  tell(state, 1, "one_atomic");
}

void sheaf_get_and_put_shared(benchmark::State& state) {
  SheafPool& pool = machine().sheaves;
  for (auto _ : state) pool.put_shared(pool.get_shared());
  tell(state, 1, "one_atomic");
}

BENCHMARK(one_atomic);
BENCHMARK(cpu_stack_pair);
BENCHMARK(index_stack_pair)->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK(sheaf_get_and_put);
BENCHMARK(sheaf_get_and_put_shared);

}  // namespace
}  // namespace kmem::bench
