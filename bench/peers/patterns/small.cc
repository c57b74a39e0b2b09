// One thread, small objects: where the fast path is all there is.
//
// An operation is one malloc and one free (aligned: one aligned_alloc and one free).
#include "bench.h"

namespace kmem::bench {
namespace {

constexpr std::size_t kBatch = 1000;

/// Allocates 1,000 objects and frees them in the order given.
class Batch {
 public:
  template <class Order>
  void run(std::uint64_t rounds, Order&& order) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      for (std::size_t i = 0; i < kBatch; ++i) objects_[i] = touched(std::malloc(64));
      for (std::size_t i = 0; i < kBatch; ++i) std::free(objects_[order(round, i)]);
    }
  }

 private:
  Array<void*> objects_{kBatch};
};

/// Sizes as real programs ask for them: most below 128 bytes, a tail to 8 KiB, one in 2,000 much larger.
std::uint32_t realistic_size(Random& random) {
  const std::uint64_t of_2000 = random.below(2000);
  if (of_2000 == 0) return static_cast<std::uint32_t>(random.between(32 << 10, 256 << 10));
  if (of_2000 < 1100) return static_cast<std::uint32_t>(random.between(8, 64));
  if (of_2000 < 1600) return static_cast<std::uint32_t>(random.between(65, 256));
  if (of_2000 < 1900) return static_cast<std::uint32_t>(random.between(257, 1024));
  return static_cast<std::uint32_t>(random.between(1025, 8192));
}

}  // namespace

/// Best case: the object just freed is the next one handed out, and is in cache.
void hot_pair(Bench& bench) {
  const std::uint64_t pairs = bench.scaled(10'000'000);
  bench.measure(pairs, [&] {
    for (std::uint64_t i = 0; i < pairs; ++i) std::free(touched(std::malloc(64)));
  });
}

void batch_lifo(Bench& bench) {
  Batch batch;
  const std::uint64_t rounds = bench.scaled(8000);
  bench.measure(rounds * kBatch, [&] { batch.run(rounds, [](std::uint64_t, std::size_t i) { return kBatch - 1 - i; }); });
}

void batch_fifo(Bench& bench) {
  Batch batch;
  const std::uint64_t rounds = bench.scaled(8000);
  bench.measure(rounds * kBatch, [&] { batch.run(rounds, [](std::uint64_t, std::size_t i) { return i; }); });
}

/// A different one of 64 orders each time, so that the branch predictor can't learn a list.
void batch_random(Bench& bench) {
  constexpr std::size_t kOrders = 64;
  Random random(1);
  Array<std::uint16_t> orders(kOrders * kBatch);
  Array<std::uint32_t> order(kBatch);
  for (std::size_t k = 0; k < kOrders; ++k) {
    shuffle(order, random);
    for (std::size_t i = 0; i < kBatch; ++i) orders[k * kBatch + i] = static_cast<std::uint16_t>(order[i]);
  }
  Batch batch;
  const std::uint64_t rounds = bench.scaled(8000);
  bench.measure(rounds * kBatch, [&] {
    batch.run(rounds, [&](std::uint64_t round, std::size_t i) { return orders[(round % kOrders) * kBatch + i]; });
  });
}

/// 4,096 live objects of realistic sizes; each operation replaces one at random.
void mixed_sizes(Bench& bench) {
  constexpr std::size_t kSlots = 4096;
  constexpr std::size_t kPlanned = 1 << 16;
  Random random(2);
  Array<void*> slots(kSlots);
  Array<std::uint32_t> sizes(kPlanned);
  Array<std::uint16_t> places(kPlanned);
  for (std::size_t i = 0; i < kPlanned; ++i) {
    sizes[i] = realistic_size(random);
    places[i] = static_cast<std::uint16_t>(random.below(kSlots));
  }
  const std::uint64_t steps = bench.scaled(4'000'000);
  bench.measure(steps, [&] {
    for (std::uint64_t i = 0; i < steps; ++i) {
      void*& slot = slots[places[i % kPlanned]];
      std::free(slot);
      slot = touched(std::malloc(sizes[i % kPlanned]));
    }
  });
  for (std::size_t i = 0; i < kSlots; ++i) std::free(slots[i]);
}

/// 512 live objects on cache lines and pages: every fourth is aligned to 4,096, the others to 64.
void aligned(Bench& bench) {
  constexpr std::size_t kSlots = 512;
  Array<void*> slots(kSlots);
  const std::uint64_t steps = bench.scaled(1'000'000);
  bench.measure(steps, [&] {
    Random random(3);
    for (std::uint64_t i = 0; i < steps; ++i) {
      void*& slot = slots[random.below(kSlots)];
      const std::size_t alignment = i % 4 == 0 ? 4096 : 64;
      std::free(slot);
      slot = touched(std::aligned_alloc(alignment, alignment * random.between(1, alignment == 64 ? 32 : 4)));
      if (reinterpret_cast<std::uintptr_t>(slot) % alignment) fail("aligned_alloc: not aligned");
    }
  });
  for (std::size_t i = 0; i < kSlots; ++i) std::free(slots[i]);
}

}  // namespace kmem::bench
