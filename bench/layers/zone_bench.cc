// A zone: frame bits, counters, sections, what goes back to the host.  64 MiB, online and clean, none of it touched.
//
// In the figures: what frame_bits_bench measures, and the zone's counters.  Not in them: host calls, since what is
// given back stays below what a zone keeps.
//
// Compare with one locked instruction, and with frame_bits_bench: the difference is the zone's own.
#include "layer_bench.h"

#include "unit/page/small_machine.h"

namespace kmem::bench {
namespace {

Zone& zone() {
  static test::PageWorld world;
  return world.pages.zone(0);
}

void claim_63_and_give_back(benchmark::State& state) {
  for (auto _ : state) zone().give_back(zone().claim_some(63));
  tell(state, 1, "one_atomic");
}

void claim_run_and_give_back(benchmark::State& state) {
  const Order order{static_cast<uint8_t>(state.range(0))};
  for (auto _ : state) {
    bool clean;
    zone().give_back_run(*zone().claim_run(order, Use::Unknown, clean), order.pages(), frames_are(clean));
  }
  tell(state, 1, "one_atomic");
}

/// What whoever has freed pays to see that nothing has to go back.
void settle(benchmark::State& state) {
  for (auto _ : state) zone().reporting().return_surplus();
  tell(state, 1, "one_atomic");
}

BENCHMARK(one_atomic);
BENCHMARK(claim_63_and_give_back)->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK(claim_run_and_give_back)->Arg(0)->Arg(3)->Arg(9)->Arg(10);
BENCHMARK(settle);

}  // namespace
}  // namespace kmem::bench
