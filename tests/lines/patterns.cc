#include "patterns.h"

#include <linux/gfp.h>
#include <linux/mempool.h>
#include <linux/percpu.h>
#include <linux/percpu_counter.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>

#include "kmem_port/sim_host.h"
#include "kmem_port/sim_tasks.h"
#include "line_model.h"
#include "system/system.h"

namespace lines {

/// What the tasks of one run have in their hands.
struct Table {
  explicit Table(uint32_t cpus) : nr_cpus(cpus), held(cpus), sent(cpus), dice(cpus) {
    for (uint32_t cpu = 0; cpu < cpus; ++cpu) dice[cpu] = cpu * 2 + 1;
  }
  uint64_t draw(uint32_t cpu, uint64_t n) {
    uint64_t& state = dice[cpu];
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % n;
  }

  uint32_t nr_cpus;
  std::vector<std::vector<void*>> held;  // by CPU
  std::vector<std::deque<void*>> sent;   // to a CPU, which gives it back
  std::vector<uint64_t> dice;
  uint64_t operations = 0;
  kmem_cache* cache = nullptr;
  mempool_t* pool = nullptr;
  percpu_counter* counter = nullptr;
  uint64_t* variable = nullptr;
};

namespace {

void need(bool got) {
  if (got) return;
  std::fputs("shared_lines: the simulated machine is out of memory\n", stderr);
  std::abort();
}

void* some(size_t bytes) {
  void* p = kmalloc(bytes, GFP_KERNEL);
  need(p);
  return p;
}

// The patterns ---------------------------------------------------------------------------------------------------------

void pair(uint32_t, Table& t) {
  kfree(some(64));
  t.operations += 2;
}

template <typename Take, typename Give>
void batch(uint32_t cpu, Table& t, unsigned n, Take take, Give give) {
  auto& held = t.held[cpu];
  while (held.size() < n) {
    held.push_back(take());
    need(held.back());
  }
  for (void* p : held) give(p);
  held.clear();
  t.operations += 2 * n;
}

void batch_of_1000(uint32_t cpu, Table& t) {
  batch(
      cpu, t, 1000, [] { return kmalloc(64, GFP_KERNEL); }, [](void* p) { kfree(p); });
}

void come_and_go(uint32_t cpu, Table& t) {
  batch(
      cpu, t, 400, [&] { return kmalloc(16 + t.draw(cpu, 2033), GFP_KERNEL); }, [](void* p) { kfree(p); });
}

void cache_batch(uint32_t cpu, Table& t) {
  batch(
      cpu, t, 1000, [&] { return kmem_cache_alloc(t.cache, GFP_KERNEL); }, [&](void* p) { kmem_cache_free(t.cache, p); });
}

/// Each CPU of even number allocates for its neighbour, which frees.
void producer_to_consumer(uint32_t cpu, Table& t) {
  constexpr size_t kMostSent = 500;
  auto& queue = t.sent[cpu | 1];
  if (cpu % 2) {
    if (queue.empty()) return kmem_sim_step();
    kfree(queue.front());
    queue.pop_front();
  } else {
    if (queue.size() == kMostSent) return kmem_sim_step();
    queue.push_back(some(64));
  }
  ++t.operations;
}

/// A thousand objects of many sizes, replaced one by one; every eighth is another CPU's to free.
void server(uint32_t cpu, Table& t) {
  auto& held = t.held[cpu];
  while (held.size() < 1000) held.push_back(some(16 + t.draw(cpu, 500)));
  void*& one = held[t.draw(cpu, held.size())];
  if (t.draw(cpu, 8)) kfree(one);
  else t.sent[t.draw(cpu, t.nr_cpus)].push_back(one);
  one = some(16 + t.draw(cpu, 500));
  t.operations += 2;
  auto& mine = t.sent[cpu];
  while (!mine.empty()) {
    kfree(mine.front());
    mine.pop_front();
  }
}

void page_pair(uint32_t, Table& t) {
  const unsigned long page = __get_free_page(GFP_KERNEL);
  need(page != 0);
  free_page(page);
  t.operations += 2;
}

void page_batch(uint32_t cpu, Table& t) {
  batch(
      cpu, t, 500, [] { return reinterpret_cast<void*>(__get_free_page(GFP_KERNEL)); },
      [](void* p) { free_page(reinterpret_cast<unsigned long>(p)); });
}

void area(uint32_t cpu, Table& t) {
  batch(
      cpu, t, 8, [] { return vmalloc(16384); }, [](void* p) { vfree(p); });
}

void pool_pair(uint32_t, Table& t) {
  void* element = mempool_alloc(t.pool, GFP_KERNEL);
  need(element);
  mempool_free(element, t.pool);
  t.operations += 2;
}

void count(uint32_t, Table& t) {
  percpu_counter_add(t.counter, 1);
  ++t.operations;
}

void increment(uint32_t, Table& t) {
  this_cpu_inc(*t.variable);
  ++t.operations;
}

/// What no allocator should do.
void count_together(uint32_t, Table& t) {
  static kmem::Atomic<uint64_t> of_all_cpus;
  of_all_cpus.fetch_add(1);
  ++t.operations;
}

// A run ----------------------------------------------------------------------------------------------------------------

/// At least two CPUs a node, at most four nodes.
uint32_t nodes_of(uint32_t nr_cpus) {
  constexpr uint32_t kMostNodes = 4;
  if (nr_cpus < 4) return 1;
  return nr_cpus / 2 < kMostNodes ? nr_cpus / 2 : kMostNodes;
}

void switch_on(uint32_t nr_cpus) {
  sim_port::Facts facts;
  facts.nr_cpus = nr_cpus;
  facts.nr_nodes = nodes_of(nr_cpus);
  for (uint32_t cpu = 0; cpu < nr_cpus; ++cpu)  // node by node: neighbours are partners, see above
    facts.cpu_node.push_back(static_cast<uint8_t>(cpu * facts.nr_nodes / nr_cpus));
  facts.nr_sheaves = 16384;
  facts.ram.clear();
  for (uint8_t node = 0; node < facts.nr_nodes; ++node)
    facts.ram.push_back({{(4 + 2 * uint64_t{node}) * sim_port::kGiB}, 512 * sim_port::kMiB, {node}});
  kmem::sim_reset();
  power_on(facts);
  need(kmem::boot());
}

void lay(Table& t) {
  t.cache = kmem_cache_create("lines", 200, 0, SLAB_NO_MERGE, nullptr);
  need(t.cache != nullptr);
  t.pool = mempool_create_kmalloc_pool(16, 128);
  need(t.pool != nullptr);
  t.variable = alloc_percpu(uint64_t);
  t.counter = static_cast<percpu_counter*>(kzalloc(sizeof *t.counter, GFP_KERNEL));
  need(t.variable && t.counter && !percpu_counter_init(t.counter, 0, GFP_KERNEL));
}

/// Now this CPU and now that, a few steps each, so that they are in the middle of things at the same time.  Not one after the
/// other: the next one may be asleep.
sim_port::Script in_turns(uint32_t nr_cpus) {
  constexpr uint64_t kSteps = 3;
  return [nr_cpus, drawn = uint64_t{1}](const sim_port::Moment& now) mutable -> sim_port::Event {
    if (now.step % kSteps) return {};
    drawn = drawn * 6364136223846793005u + 1442695040888963407u;
    return {sim_port::Event::Switch, static_cast<unsigned>((drawn >> 33) % nr_cpus)};
  };
}

void run(const Pattern& pattern, Table& t) {
  sim_port::Tasks tasks;
  tasks.step_limit = uint64_t{1} << 40;
  for (uint32_t cpu = 0; cpu < t.nr_cpus; ++cpu)
    tasks.add(cpu, [&, cpu] {
      // Not all at the same place of the same round.
      const unsigned rounds = pattern.rounds + static_cast<unsigned>(t.draw(cpu, pattern.rounds / 8 + 1));
      for (unsigned i = 0; i < rounds; ++i) pattern.round(cpu, t);
    });
  const sim_port::Outcome outcome = tasks.run(in_turns(t.nr_cpus));
  if (outcome) return;
  std::fprintf(stderr, "shared_lines: %s: %s\n", pattern.name, outcome.failure.c_str());
  std::abort();
}

}  // namespace

const std::vector<Pattern>& patterns() {
  static const std::vector<Pattern> all = {
      {"pair", "kmalloc(64) or its kfree()", false, 2000, pair},
      {"batch", "the same, a thousand held", false, 6, batch_of_1000},
      {"come-and-go", "16 to 2,048 bytes, 400 held", false, 30, come_and_go},
      {"cache-batch", "kmem_cache_alloc(), a thousand held", false, 6, cache_batch},
      {"producer-consumer", "one CPU allocates, another frees", true, 6000, producer_to_consumer},
      {"server", "a thousand held, one replaced, 1 of 8 freed elsewhere", false, 3000, server},
      {"page-pair", "a page, or its free_page()", false, 2000, page_pair},
      {"page-batch", "the same, 500 held", false, 8, page_batch},
      {"vmalloc", "vmalloc() of 4 pages, 8 held", false, 60, area},
      {"mempool", "mempool_alloc() or its mempool_free()", false, 2000, pool_pair},
      {"percpu-counter", "percpu_counter_add()", false, 4000, count},
      {"this-cpu-inc", "this_cpu_inc()", false, 4000, increment},
  };
  return all;
}

Pattern planted() { return {"planted", "a counter that all CPUs write", false, 1000, count_together}; }

Figure measure(const Pattern& pattern, uint32_t nr_cpus) {
  Table table(nr_cpus);
  {
    const Unseen setting_up;
    switch_on(nr_cpus);
    model().clear();
    lay(table);
  }
  run(pattern, table);
  const uint64_t operations = table.operations, fences = sim_port::host().fence.calls();
  model().count_from_here();
  run(pattern, table);
  return {table.operations - operations, model().transfers(), sim_port::host().fence.calls() - fences};
}

}  // namespace lines
