// Whole heaps over time: fragmentation, reuse of one size's memory for another, and an ordinary container.
#include <string>
#include <unordered_map>

#include "bench.h"

namespace kmem::bench {
namespace {

/// Objects in the order of their birth, with what was asked for them.
class Herd {
 public:
  explicit Herd(std::size_t most) : objects_(most), sizes_(most) {}

  void add(std::size_t size) {
    if (count_ == objects_.size()) fail("a pattern's table is too small");
    objects_[count_] = touched(std::malloc(size));
    sizes_[count_++] = static_cast<std::uint16_t>(size);
    bytes_ += size;
  }
  void drop(std::size_t at) {
    std::free(objects_[at]);
    bytes_ -= sizes_[at];
    objects_[at] = objects_[--count_];
    sizes_[at] = sizes_[count_];
  }
  std::size_t count() const { return count_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  Array<void*> objects_;
  Array<std::uint16_t> sizes_;  // at most 4,096
  std::size_t count_ = 0;
  std::uint64_t bytes_ = 0;
};

/// How large the working set is in each phase, in eighths of the largest, and the size of object it moves to.
struct Phase {
  unsigned eighths;
  std::uint32_t size;
};
constexpr Phase kPhases[] = {{8, 48},  {3, 200}, {4, 32},  {2, 1024}, {7, 80},  {4, 4096},
                             {8, 160}, {1, 24},  {6, 640}, {3, 2048}, {7, 112}, {2, 320}};

/// Ages the working set: objects go at random until a tenth of the new phase's size is left, then new ones come.
std::uint64_t enter(const Phase& phase, std::uint64_t largest, Herd& herd, Random& random) {
  const std::uint64_t target = largest * phase.eighths / 8;
  std::uint64_t steps = 0;
  for (; herd.count() && herd.bytes() > target / 10; ++steps) herd.drop(random.below(herd.count()));
  for (; herd.bytes() < target; ++steps) herd.add(random.between(phase.size * 3 / 4, phase.size));
  return steps;
}

}  // namespace

/// A working set that shrinks, grows and changes its size of object; a tenth of each phase survives into the next,
/// spread over all its pages.  An operation is one malloc or one free; live_kb is the most that was asked for.
void shift(Bench& bench) {
  const std::uint64_t largest = bench.scaled(32 << 20);
  Herd herd(1 << 20);
  bench.repeats(3);
  bench.measure_counted([&] {
    Random random(7);
    std::uint64_t steps = 0;
    for (const Phase& phase : kPhases) {
      steps += enter(phase, largest, herd, random);
      bench.live(herd.bytes());
    }
    for (; herd.count(); ++steps) herd.drop(random.below(herd.count()));
    return steps;
  });
}

/// A million objects freed in random order, then the same memory in objects of another size, freed in random order.
/// An operation is one malloc and one free.
void heap_regrow(Bench& bench) {
  const auto first = static_cast<std::size_t>(bench.scaled(1'000'000));
  const std::size_t second = first / 4;
  Array<void*> objects(first);
  Random random(8);
  Array<std::uint32_t> first_order(first);
  Array<std::uint32_t> second_order(second ? second : 1);
  shuffle(first_order, random);
  shuffle(second_order, random);
  const auto fill_and_free = [&](const Array<std::uint32_t>& order, std::uint64_t low, std::uint64_t high) {
    for (std::size_t i = 0; i < order.size(); ++i) objects[i] = touched(std::malloc(random.between(low, high)));
    for (std::size_t i = 0; i < order.size(); ++i) std::free(objects[order[i]]);
  };
  bench.repeats(3);
  bench.measure(first + second, [&] {
    fill_and_free(first_order, 16, 128);
    fill_and_free(second_order, 192, 384);
  });
}

/// Keys come and go in a map of strings, as caches and indexes in C++ programs do.  An operation is one lookup that
/// either inserts a pair of strings or erases one.
void string_map(Bench& bench) {
  constexpr std::uint64_t kKeys = 40'000;
  const std::uint64_t steps = bench.scaled(150'000);
  {
    std::unordered_map<std::string, std::string> map;
    Random random(9);
    bench.measure(steps, [&] {
      for (std::uint64_t i = 0; i < steps; ++i) {
        const std::uint64_t number = random.below(kKeys);
        std::string key = "session:" + std::to_string(number * 7919) + std::string(number % 24, '.');
        const auto found = map.find(key);
        if (found == map.end()) map.emplace(std::move(key), std::string(random.between(8, 200), 'v'));
        else map.erase(found);
      }
    });
  }
}

}  // namespace kmem::bench
