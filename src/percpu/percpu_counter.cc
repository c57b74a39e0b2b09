#include "percpu/percpu_counter.h"

#include "port/port.h"

namespace kmem {
namespace {

uint64_t magnitude(int64_t n) { return n < 0 ? 0 - static_cast<uint64_t>(n) : static_cast<uint64_t>(n); }

/// Tries to get an exact sum; after that one that a fold may disturb is returned.
constexpr unsigned kTries = 1000;

}  // namespace

void PercpuCounter::add(Copies& copies, int64_t amount, int64_t batch) {
  if (magnitude(amount) >= magnitude(batch)) {
    count.fetch_add(amount);
    return;
  }
  const auto here = static_cast<int64_t>(copies.step({parts, CpuOp::AddReturn, 8, static_cast<uint64_t>(amount)}));
  if (magnitude(here) >= magnitude(batch)) fold(copies);
}

void PercpuCounter::fold(Copies& copies) {
  begun.fetch_add(1);
  const auto taken = static_cast<int64_t>(copies.step({parts, CpuOp::Xchg, 8, 0}));
  count.fetch_add(taken);
  ended.fetch_add(1);
}

int64_t PercpuCounter::add_up(const Copies& copies) const {
  int64_t total = count.load();
  for (uint32_t copy = 0; copy < copies.nr_copies(); ++copy)
    total += reinterpret_cast<const Atomic<int64_t>*>(parts + percpu_distance(copy))->load();
  return total;
}

int64_t PercpuCounter::sum(const Copies& copies) const {
  int64_t total = 0;
  for (unsigned i = 0; i < kTries; ++i) {
    const uint32_t done = ended.load(), started = begun.load();
    total = add_up(copies);
    if (done == started && begun.load() == started) break;
  }
  return total;
}

void PercpuCounter::set(Copies& copies, int64_t amount) {
  for (uint32_t copy = 0; copy < copies.nr_copies(); ++copy)
    reinterpret_cast<Atomic<int64_t>*>(parts + percpu_distance(copy))->store(0);
  count.store(amount);
}

int PercpuCounter::compare(const Copies& copies, int64_t value, int64_t batch) const {
  const int64_t rough = count.load();
  const int64_t exact = magnitude(rough - value) > magnitude(batch) * copies.nr_copies() ? rough : sum(copies);
  return exact < value ? -1 : exact > value;
}

}  // namespace kmem
