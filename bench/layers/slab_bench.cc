// One slab alone: free bits and their count; no lists, no sheaves of CPUs, no pages.
//
// In the figures: taking objects into a private sheaf and setting their bits again.  One at a time is the worst case, a
// word at a time what refills and drains come to; per object.
//
// Compare with one locked instruction: each take and each put has two.  cache_bench adds all the rest.
#include "layer_bench.h"

#include "base/bits.h"
#include "slab/slab.h"
#include "sync/sheaf.h"

namespace kmem::bench {
namespace {

constexpr uint32_t kSize = 64;

void take_and_put(benchmark::State& state) {
  const SlabShape shape = SlabShape::choose({.size = kSize});
  std::vector<Page> descriptors(shape.order.pages());
  Slab& slab = Slab::of(descriptors.data());
  slab.init(shape, 0, 1);
  // Nobody touches the objects, so they need no memory.
  char* const start = reinterpret_cast<char*>(uintptr_t{1} << 30);
  uint64_t words[kSheafWords];
  const auto n = static_cast<unsigned>(state.range(0));
  for (auto _ : state) {
    Sheaf sheaf = Sheaf::empty(words, kSheafCapacity);
    slab.take(shape, start, n, sheaf);
    benchmark::DoNotOptimize(sheaf);
    slab.put(0, low_mask(n));  // the lowest go first
  }
  tell(state, n, "one_atomic");
}

void make(benchmark::State& state) {
  const SlabShape shape = SlabShape::choose({.size = kSize});
  std::vector<Page> descriptors(shape.order.pages());
  for (auto _ : state) {
    Slab::of(descriptors.data()).init(shape, 0, 1);
    benchmark::ClobberMemory();
  }
  tell(state, 1, "one_atomic");
}

BENCHMARK(one_atomic);
BENCHMARK(take_and_put)->Arg(1)->Arg(8)->Arg(32)->Arg(64);
BENCHMARK(make);

}  // namespace
}  // namespace kmem::bench
