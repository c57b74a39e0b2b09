// The page allocator, through libkmem.so.
//
// In the figures: the calls, the flags, the descriptors, the per-CPU page lists; in batches their refills from the
// frame bits too; with two million frames everything, the return of memory to the host included.  Not in them: the
// first touch of a frame (nobody writes to one).  Frames come online in the first round, which the median leaves out.
//
// Compare an order-0 pair with an empty pair of calls (twice that at most is what we want), and everything else with
// the same work on locked_buddy.h: with two threads a tenth of its time.
#include "layer_bench.h"

#include <linux/gfp.h>
#include <time.h>

#include "locked_buddy.h"
#include "side_by_side.h"

namespace kmem::bench {
namespace {

constexpr unsigned kBatch = 1000;
constexpr size_t kMillions = 2'000'000;

/// The two sides of the comparison, with the same two functions.
struct Ours {
  using Block = struct page*;
  Block alloc(unsigned order) { return alloc_pages(GFP_KERNEL | __GFP_NOWARN, order); }
  void free(Block block, unsigned order) { __free_pages(block, order); }
};
struct Yardstick {
  using Block = LockedBuddy::Frame*;
  explicit Yardstick(LockedBuddy& b) : buddy(b) {}
  Block alloc(unsigned order) { return buddy.alloc(order); }
  void free(Block block, unsigned order) { buddy.free(block, order); }
  LockedBuddy& buddy;
};
LockedBuddy& shared_buddy() {
  static LockedBuddy buddy(1 << 16);
  return buddy;
}

template <typename Side>
void pairs(benchmark::State& state, Side side, unsigned order, const char* against) {
  for (auto _ : state) {
    auto block = side.alloc(order);
    benchmark::DoNotOptimize(block);
    side.free(block, order);
  }
  tell(state, 1, against);
}

template <typename Side>
void batches(benchmark::State& state, Side side, const char* against) {
  std::vector<typename Side::Block> held(kBatch);
  for (auto _ : state) {
    for (auto& block : held) block = side.alloc(0);
    for (auto& block : held) side.free(block, 0);
  }
  tell(state, kBatch, against);
}

/// A batch in each of two threads that run at the same time.
template <typename Side>
void two_threads(benchmark::State& state, Side side, const char* against) {
  constexpr unsigned kRounds = 200;
  std::vector<typename Side::Block> held[2] = {std::vector<typename Side::Block>(kBatch),
                                               std::vector<typename Side::Block>(kBatch)};
  bool met = true;
  for (auto _ : state) {
    const double seconds = side_by_side(kRounds, [&](unsigned who) {
      Side mine = side;
      for (auto& block : held[who]) block = mine.alloc(0);
      for (auto& block : held[who]) mine.free(block, 0);
    });
    met &= seconds > 0;
    state.SetIterationTime(seconds);
  }
  if (!met) return leave_out(state, "two threads never ran at the same time");
  tell(state, 2 * kBatch, against);
}

double cpu_seconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

enum class Part { Alloc, FreeInOrder, FreeAtRandom };

/// Takes two million single frames and gives them back; only one of the two parts is timed.
template <typename Side>
void millions(benchmark::State& state, Side side, Part part, const char* against) {
  std::vector<typename Side::Block> held(kMillions);
  auto order = shuffled(part == Part::FreeAtRandom ? kMillions : 0);
  for (auto _ : state) {
    const double start = cpu_seconds();
    for (auto& block : held) block = side.alloc(0);
    const double filled = cpu_seconds();
    if (part == Part::FreeAtRandom) {
      for (const uint32_t i : order)
        if (held[i]) side.free(held[i], 0);
    } else {
      for (auto& block : held)
        if (block) side.free(block, 0);
    }
    state.SetIterationTime(part == Part::Alloc ? filled - start : cpu_seconds() - filled);
  }
  const auto got = std::count_if(held.begin(), held.end(), [](auto block) { return block != nullptr; });
  if (static_cast<size_t>(got) < kMillions) return leave_out(state, "there are no two million frames on this machine");
  tell(state, kMillions, against);
}

void order_0_pair(benchmark::State& state) { pairs(state, Ours{}, 0, "empty_pair"); }
void order_9_pair(benchmark::State& state) { pairs(state, Ours{}, 9, "locked_order_9_pair"); }
void locked_order_0_pair(benchmark::State& state) { pairs(state, Yardstick{shared_buddy()}, 0, "empty_pair"); }
void locked_order_9_pair(benchmark::State& state) { pairs(state, Yardstick{shared_buddy()}, 9, ""); }
void batch_of_1000(benchmark::State& state) { batches(state, Ours{}, "locked_batch_of_1000"); }
void locked_batch_of_1000(benchmark::State& state) { batches(state, Yardstick{shared_buddy()}, ""); }
void two_threads_batch(benchmark::State& state) { two_threads(state, Ours{}, "locked_two_threads_batch"); }
void locked_two_threads_batch(benchmark::State& state) { two_threads(state, Yardstick{shared_buddy()}, ""); }

template <Part kPart>
void our_millions(benchmark::State& state) {
  constexpr const char* kAgainst[] = {"locked_2M_alloc", "locked_2M_free_in_order", "locked_2M_free_at_random"};
  millions(state, Ours{}, kPart, kAgainst[static_cast<int>(kPart)]);
}
template <Part kPart>
void locked_millions(benchmark::State& state) {
  static LockedBuddy buddy(kMillions + 2048);
  millions(state, Yardstick{buddy}, kPart, "");
}

BENCHMARK(empty_pair);
BENCHMARK(order_0_pair);
BENCHMARK(locked_order_0_pair);
BENCHMARK(order_9_pair);
BENCHMARK(locked_order_9_pair);
BENCHMARK(batch_of_1000);
BENCHMARK(locked_batch_of_1000);
BENCHMARK(two_threads_batch)->UseManualTime()->Iterations(1);
BENCHMARK(locked_two_threads_batch)->UseManualTime()->Iterations(1);
BENCHMARK(our_millions<Part::Alloc>)->Name("2M_alloc")->UseManualTime()->Iterations(1);
BENCHMARK(our_millions<Part::FreeInOrder>)->Name("2M_free_in_order")->UseManualTime()->Iterations(1);
BENCHMARK(our_millions<Part::FreeAtRandom>)->Name("2M_free_at_random")->UseManualTime()->Iterations(1);
BENCHMARK(locked_millions<Part::Alloc>)->Name("locked_2M_alloc")->UseManualTime()->Iterations(1);
BENCHMARK(locked_millions<Part::FreeInOrder>)->Name("locked_2M_free_in_order")->UseManualTime()->Iterations(1);
BENCHMARK(locked_millions<Part::FreeAtRandom>)->Name("locked_2M_free_at_random")->UseManualTime()->Iterations(1);

}  // namespace
}  // namespace kmem::bench
