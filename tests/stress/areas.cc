// Threads that take and give back what is not malloc's: vmalloc areas, per-CPU memory, and elements of one memory pool.
// Every byte is checked when it goes.
//
//   areas [THREADS [ROUNDS]]      (4 20000 if not said)
#include <linux/mempool.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

std::atomic<int> nr_broken{0}, nr_taken{0};

uint64_t next(uint64_t& random) {
  random ^= random << 13;
  random ^= random >> 7;
  random ^= random << 17;
  return random;
}

void note(const char* what) {
  if (nr_broken.fetch_add(1) < 10) std::fprintf(stderr, "broken: %s\n", what);
}

/// A vmalloc area whose first and last word of each page say whose it is.
struct Area {
  uint64_t* words = nullptr;
  size_t nr = 0;
  uint64_t mark = 0;

  void take(size_t bytes, uint64_t wanted) {
    words = static_cast<uint64_t*>(vmalloc(bytes));
    nr_taken += words != nullptr;
    nr = words ? bytes / sizeof(uint64_t) : 0;
    mark = wanted;
    for (size_t i = 0; i < nr; i += 511) words[i] = mark + i;
  }
  void give() {
    for (size_t i = 0; i < nr; i += 511)
      if (words[i] != mark + i) return note("an area has another's contents");
    vfree(words);
    *this = {};
  }
};

struct PerCpu {
  uint64_t __percpu* variable = nullptr;
  size_t bytes = 0;
  uint64_t mark = 0;

  void take(size_t size, uint64_t wanted) {
    variable = static_cast<uint64_t __percpu*>(__alloc_percpu(size, 8));
    nr_taken += variable != nullptr;
    bytes = size;
    mark = wanted;
    if (variable) each([&](uint64_t& word) { word ? note("per-CPU memory is not zero") : void(word = mark); });
  }
  void give() {
    if (!variable) return;
    each([&](uint64_t& word) {
      if (word != mark) note("per-CPU memory has another's contents");
    });
    free_percpu(variable);
    *this = {};
  }
  template <typename Use>
  void each(Use use) {
    unsigned cpu;
    for_each_possible_cpu(cpu) for (size_t i = 0; i < bytes / sizeof(uint64_t); ++i) use(per_cpu_ptr(variable, cpu)[i]);
  }
};

void use_all(mempool_t* pool, unsigned seed, int rounds) {
  uint64_t random = seed * 77 + 5;
  std::vector<Area> areas(12);
  std::vector<PerCpu> variables(40);
  std::vector<uint64_t*> elements(6);
  for (int round = 0; round < rounds; ++round) {
    Area& area = areas[next(random) % areas.size()];
    area.give();
    area.take(4096 * (1 + next(random) % 24), next(random));
    PerCpu& variable = variables[next(random) % variables.size()];
    variable.give();
    variable.take(8 * (1 + next(random) % 40), next(random));
    uint64_t*& element = elements[next(random) % elements.size()];
    if (element && *element != reinterpret_cast<uint64_t>(element)) note("an element is another's");
    if (element) mempool_free(element, pool);
    element = static_cast<uint64_t*>(mempool_alloc(pool, GFP_NOWAIT));
    nr_taken += element != nullptr;
    if (element) *element = reinterpret_cast<uint64_t>(element);
  }
  for (Area& area : areas) area.give();
  for (PerCpu& variable : variables) variable.give();
  for (uint64_t* element : elements)
    if (element) mempool_free(element, pool);
}

}  // namespace

int main(int argc, char** argv) {
  const int nr_threads = argc > 1 ? std::atoi(argv[1]) : 4, rounds = argc > 2 ? std::atoi(argv[2]) : 20000;
  mempool_t* pool = mempool_create_kmalloc_pool(16, 200);
  if (!pool) return 2;
  std::vector<std::thread> threads;
  for (int i = 0; i < nr_threads; ++i) threads.emplace_back(use_all, pool, static_cast<unsigned>(i + 1), rounds);
  for (std::thread& thread : threads) thread.join();
  mempool_destroy(pool);
  std::printf("%d threads, %d rounds, %d things taken, %d broken\n", nr_threads, rounds, nr_taken.load(), nr_broken.load());
  return nr_broken != 0 || nr_taken < nr_threads * rounds * 2;
}
