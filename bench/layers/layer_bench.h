#pragma once
// What the benchmarks of all layers share.  bench/layers/run reads what tell() says, and prints
// time / operations, and that divided by the same of the benchmark `against`.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "empty_pair.h"

namespace kmem::bench {

/// Operations in one iteration of each thread; and the benchmark of the same program to compare with.
inline void tell(benchmark::State& state, double operations, const char* against = "") {
  state.counters["operations"] = benchmark::Counter(operations, benchmark::Counter::kAvgThreads);
  state.SetLabel(against);
}

/// Instead of tell(), for a figure that this machine does not give. Not an error: where some repetitions of a benchmark have
/// one, the library (1.7) crashes while it computes their mean.
inline void leave_out(benchmark::State& state, const char* why) { tell(state, 0, why); }

/// The numbers below n in an order that is random, and the same in every run.
inline std::vector<uint32_t> shuffled(size_t n) {
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  std::shuffle(order.begin(), order.end(), std::mt19937_64(1));
  return order;
}

/// Yardstick of what goes through a shared object: an empty pair of calls, neither of them inlined.
inline void empty_pair(benchmark::State& state) {
  for (auto _ : state) {
    void* p = empty_alloc(64);
    benchmark::DoNotOptimize(p);
    empty_free(p);
  }
  tell(state, 1);
}

/// Yardstick of what is lock-free: one locked instruction on a cache line that nobody else wants.
inline void one_atomic(benchmark::State& state) {
  alignas(64) uint64_t word = 0;
  for (auto _ : state) __atomic_fetch_add(&word, 1, __ATOMIC_SEQ_CST);
  benchmark::DoNotOptimize(word);
  tell(state, 1);
}

}  // namespace kmem::bench
