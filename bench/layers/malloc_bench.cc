// malloc and free of libkmem-malloc.so, with which this program is linked; beside glibc's in the same process.
//
// In the figures: the calls.  Batches of 1,000 go beyond this CPU's sheaf, at random shows what the order of frees
// costs.  Nobody touches the blocks, so a cache miss is the allocator's own; per block.
//
// Compare with an empty pair of calls, and a batch with glibc's.  Other allocators: bench/peers.
#include "layer_bench.h"

#include <cstdlib>

// glibc's own, under the names that it keeps exporting.
extern "C" void* __libc_malloc(size_t size);
extern "C" void __libc_free(void* p);

namespace kmem::bench {
namespace {

constexpr size_t kBatch = 1000, kSize = 64;

template <void* (*kAlloc)(size_t), void (*kFree)(void*)>
void pair(benchmark::State& state) {
  const auto size = static_cast<size_t>(state.range(0));
  for (auto _ : state) {
    void* p = kAlloc(size);
    benchmark::DoNotOptimize(p);
    kFree(p);
  }
  tell(state, 1, "empty_pair");
}

template <void* (*kAlloc)(size_t), void (*kFree)(void*)>
void batch(benchmark::State& state, const char* against) {
  const bool at_random = state.range(0) != 0;
  std::vector<uint32_t> order = shuffled(kBatch);
  if (!at_random) std::sort(order.begin(), order.end());
  std::vector<void*> held(kBatch);
  for (auto _ : state) {
    for (void*& p : held) p = kAlloc(kSize);
    for (const uint32_t i : order) kFree(held[i]);
  }
  tell(state, kBatch, against);
}
void batch_in_order_or_at_random(benchmark::State& state) { batch<malloc, free>(state, "glibc_batch"); }
void glibc_batch(benchmark::State& state) { batch<__libc_malloc, __libc_free>(state, ""); }

BENCHMARK(empty_pair);
BENCHMARK(pair<malloc, free>)->Name("pair")->Arg(64)->Arg(1024)->Arg(32768)->Arg(65536);
BENCHMARK(pair<__libc_malloc, __libc_free>)->Name("glibc_pair")->Arg(64)->Arg(1024);
BENCHMARK(batch_in_order_or_at_random)->Name("batch")->Arg(0)->Arg(1)->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK(glibc_batch)->Arg(0)->Arg(1)->Threads(1)->Threads(2)->UseRealTime();

}  // namespace
}  // namespace kmem::bench
