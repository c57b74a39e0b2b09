// The frame bits alone, over two million frames: no counters of a zone, no descriptors, no per-CPU lists.
//
// In the figures: the search, the atomic operations on the words of bits, the summaries.  A set of 63 frames is what a
// page list is refilled with, so divide: per frame it costs a 63rd.
//
// Compare with one locked instruction, which is the least that anything lock-free can cost; and with zone_bench, which
// adds counters and watermarks, and page_bench, which adds the lists.
#include "layer_bench.h"

#include "page/frame_bits.h"

namespace kmem::bench {
namespace {

constexpr uint64_t kFrames = 2 * 1000 * 1024;  // whole largest blocks

/// All frames free and clean.
class Bits : public FrameBits {
 public:
  Bits() : metadata_(metadata_bytes(kFrames) / sizeof(uint64_t) + 8) {
    const auto at = (reinterpret_cast<uintptr_t>(metadata_.data()) + 63) & ~uintptr_t{63};
    init(Pfn{0}, kFrames, reinterpret_cast<void*>(at));
    give_back_run(Pfn{0}, kFrames, Frames::Clean);
  }

 private:
  std::vector<uint64_t> metadata_;
};
Bits& bits() {
  static Bits all;
  return all;
}

void claim_63_and_give_back(benchmark::State& state) {
  for (auto _ : state) bits().give_back(bits().claim_some(63));
  tell(state, 1, "one_atomic");
}

void claim_run_and_give_back(benchmark::State& state) {
  const Order order{static_cast<uint8_t>(state.range(0))};
  for (auto _ : state) {
    uint64_t clean;
    bits().give_back_run(*bits().claim_run(order, clean), order.pages(), Frames::Clean);
  }
  tell(state, 1, "one_atomic");
}

void claim_all() {
  while (bits().claim_some(64).mask) {
  }
}

void claim_two_million_by_64(benchmark::State& state) {
  for (auto _ : state) {
    claim_all();
    state.PauseTiming();
    bits().give_back_run(Pfn{0}, kFrames, Frames::Clean);
    state.ResumeTiming();
  }
  tell(state, kFrames, "one_atomic");
}

/// Worst case: each frame lies in another cache line than the one before.
void free_two_million(benchmark::State& state, bool at_random) {
  std::vector<uint32_t> order = shuffled(kFrames);
  if (!at_random) std::sort(order.begin(), order.end());
  for (auto _ : state) {
    state.PauseTiming();
    claim_all();
    state.ResumeTiming();
    for (const uint64_t pfn : order) bits().give_back({Pfn{pfn & ~uint64_t{63}}, uint64_t{1} << (pfn % 64), 0});
  }
  tell(state, kFrames, "one_atomic");
}
void free_two_million_in_order(benchmark::State& state) { free_two_million(state, false); }
void free_two_million_at_random(benchmark::State& state) { free_two_million(state, true); }

BENCHMARK(one_atomic);
BENCHMARK(claim_63_and_give_back);
BENCHMARK(claim_run_and_give_back)->DenseRange(0, kMaxOrder);
BENCHMARK(claim_two_million_by_64)->Iterations(1);
BENCHMARK(free_two_million_in_order)->Iterations(1);
BENCHMARK(free_two_million_at_random)->Iterations(1);

}  // namespace
}  // namespace kmem::bench
