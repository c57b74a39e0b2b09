// Several threads.  An operation is one malloc and one free *in each thread*: with enough CPUs and no contention the
// figure is that of one thread.  The CPU figure beside it adds the threads up.
#include <sched.h>

#include <atomic>
#include <cstring>
#include <memory>

#include "bench.h"
#include "team.h"

namespace kmem::bench {
namespace {

constexpr std::size_t kCacheLine = 64;

/// Pointers from one thread to one other, handed over 32 at a time and with each side's indices on its own cache
/// line, so that the ring costs little beside the objects.  Both ends spin shortly, then give the CPU away.
class Ring {
 public:
  void push(void* object) {
    Side& mine = producer_;
    for (unsigned spins = 0; mine.at - mine.other == kSlots; ++spins) {
      publish(mine);
      mine.other = consumer_.shown.load(std::memory_order_acquire);
      rest(spins);
    }
    slots_[mine.at++ % kSlots] = object;
    if (mine.at % kBlock == 0) publish(mine);
  }
  void* pop() {
    Side& mine = consumer_;
    for (unsigned spins = 0; mine.at == mine.other; ++spins) {
      publish(mine);
      mine.other = producer_.shown.load(std::memory_order_acquire);
      rest(spins);
    }
    void* object = slots_[mine.at++ % kSlots];
    if (mine.at % kBlock == 0) publish(mine);
    return object;
  }
  /// The producer's last objects, when they fill no block.
  void flush() { publish(producer_); }

 private:
  static constexpr std::size_t kSlots = 1024;
  static constexpr std::size_t kBlock = 32;

  struct Side {
    alignas(kCacheLine) std::atomic<std::size_t> shown{0};  // what the other side may read
    alignas(kCacheLine) std::size_t at = 0;                 // how far this side is
    std::size_t other = 0;                                  // the other's index when last looked at
  };
  static void publish(Side& side) { side.shown.store(side.at, std::memory_order_release); }
  static void rest(unsigned spins) {
    if (spins > 64) sched_yield();
  }

  Side producer_;
  Side consumer_;
  alignas(kCacheLine) void* slots_[kSlots] = {};
};

constexpr std::size_t kObject = 64;

void produce(Ring& ring, std::uint64_t objects) {
  for (std::uint64_t i = 0; i < objects; ++i) {
    void* object = touched(std::malloc(kObject));
    std::memset(object, static_cast<int>(i), kObject);
    ring.push(object);
  }
  ring.flush();
}

void consume(Ring& ring, std::uint64_t objects) {
  for (std::uint64_t i = 0; i < objects; ++i) {
    auto* bytes = static_cast<unsigned char*>(ring.pop());
    if (bytes[0] != static_cast<unsigned char>(i) || bytes[kObject - 1] != static_cast<unsigned char>(i))
      fail("an object changed on its way to the consumer");
    std::free(bytes);
  }
}

/// Every thread for itself: 1,000 objects allocated, then freed in order.
void batches(Bench& bench, unsigned threads, std::uint64_t rounds) {
  constexpr std::size_t kBatch = 1000;
  Array<void*> objects(threads * kBatch);
  Team team(threads, threads == 2 ? Team::Place::kOwnCpu : Team::Place::kAnywhere, [&](unsigned member) {
    void** mine = &objects[member * kBatch];
    for (std::uint64_t round = 0; round < rounds; ++round) {
      for (std::size_t i = 0; i < kBatch; ++i) mine[i] = touched(std::malloc(64));
      for (std::size_t i = 0; i < kBatch; ++i) std::free(mine[i]);
    }
  });
  bench.measure(rounds * kBatch, [&] { team.run(); });
}

}  // namespace

/// One thread allocates and writes, the other reads and frees; nothing ever flows back.
void producer_consumer(Bench& bench) {
  Array<Ring> memory(1);
  Ring& ring = *new (&memory[0]) Ring;
  const std::uint64_t objects = bench.scaled(400'000);
  Team team(2, Team::Place::kOwnCpu, [&](unsigned member) { member == 0 ? produce(ring, objects) : consume(ring, objects); });
  bench.measure(objects, [&] { team.run(); });
}

void two_threads(Bench& bench) { batches(bench, 2, bench.scaled(5000)); }
void eight_threads(Bench& bench) { batches(bench, 8, bench.scaled(1500)); }

/// Four new threads a wave.  Each frees what an earlier thread left it, allocates 1,000 objects, frees nine of ten
/// and leaves the rest to a later thread: what a heap per thread is worst at.
void come_and_go(Bench& bench) {
  constexpr unsigned kThreads = 4;
  constexpr std::size_t kObjects = 1000;
  constexpr std::size_t kLeft = kObjects / 10;
  Array<void*> objects(kThreads * kObjects);
  Array<void*> left(kThreads * kLeft);

  const auto life = [&](unsigned member, std::uint64_t wave) {
    void** mine = &objects[member * kObjects];
    void** inherited = &left[((member + wave) % kThreads) * kLeft];
    Random random(wave * kThreads + member);
    for (std::size_t i = 0; i < kLeft; ++i) std::free(inherited[i]);
    for (std::size_t i = 0; i < kObjects; ++i) mine[i] = touched(std::malloc(random.between(16, 512)));
    for (std::size_t i = 0; i < kLeft; ++i) inherited[i] = mine[i * 10];
    for (std::size_t i = 0; i < kObjects; ++i)
      if (i % 10) std::free(mine[i]);
  };

  const std::uint64_t waves = bench.scaled(100);
  bench.measure(waves * kObjects, [&] {
    for (std::uint64_t wave = 0; wave < waves; ++wave) {
      std::thread threads[kThreads];
      for (unsigned member = 0; member < kThreads; ++member)
        threads[member] = std::thread([&life, member, wave] { life(member, wave); });
      for (std::thread& thread : threads) thread.join();
    }
  });
  for (std::size_t i = 0; i < left.size(); ++i) std::free(left[i]);
}

/// A server under load: four threads replace objects in one shared table, so that three of four frees are of what
/// another thread allocated.
void server(Bench& bench) {
  constexpr unsigned kThreads = 4;
  constexpr std::size_t kSlots = 4096;
  Array<std::atomic<void*>> table(kSlots);
  const std::uint64_t steps = bench.scaled(300'000);
  std::uint64_t turn = 0;
  {
    Team team(kThreads, Team::Place::kAnywhere, [&](unsigned member) {
      Random random(turn * kThreads + member);
      for (std::uint64_t i = 0; i < steps; ++i) {
        void* fresh = touched(std::malloc(random.between(8, 1000)));
        std::free(table[random.below(kSlots)].exchange(fresh, std::memory_order_acq_rel));
      }
    });
    bench.measure(steps, [&] {
      ++turn;
      team.run();
    });
  }
  for (std::size_t i = 0; i < kSlots; ++i) std::free(table[i].load());
}

}  // namespace kmem::bench
