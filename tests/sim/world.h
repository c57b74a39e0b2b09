#pragma once
// A small system over a simulated machine, and the bookkeeping that tells whether anything was lost or given out twice.

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <set>
#include <vector>

#include "kmem_port/sim_host.h"
#include "kmem_port/sim_tasks.h"
#include "page/fast_path.h"
#include "port/port.h"
#include "slab/cache.h"
#include "slab/cache_node.h"
#include "slab/fast_path.h"
#include "sync/shuffle.h"

namespace sim {

using kmem::Cache;
using kmem::CpuId;
using kmem::CpuStack;
using kmem::Order;
using kmem::Page;
using kmem::Pfn;
using kmem::Push;
using kmem::Sheaf;
using kmem::Slot;
using sim_port::Event;
using sim_port::Facts;
using sim_port::host;
using sim_port::Outcome;
using sim_port::Script;
using sim_port::Tasks;

inline unsigned nr_double_frees = 0;

/// Seeds of a random test: so many, times what KMEM_SIM_MORE says for a longer search.
inline uint64_t seeds(uint64_t n) {
  const char* more = std::getenv("KMEM_SIM_MORE");
  return more ? n * std::strtoull(more, nullptr, 10) : n;
}

/// Sheaves and pages over a machine that was just switched on, and caches as a test asks for them.
struct World {
  explicit World(const Facts& facts = {}) {
    power_on(facts);
    nr_double_frees = 0;
    kmem_port_boot(machine.get());
    kmem_base = machine->base;
    kmem_direct_map = machine->direct_map;
    kmem_descriptors = machine->descriptors;
    sheaves.init(machine->base, 2 * uint64_t{machine->nr_cpus} * kmem::kCpuStride, machine->nr_sheaves);
    EXPECT_TRUE(pages.init(*machine, sheaves, 0));
    kmem_frames_end = pages.frames_end();
    slabs.pages = &pages;
    slabs.sheaves = &sheaves;
    slabs.frame_class = reinterpret_cast<uint8_t*>(machine->base + kmem::kFrameTable);
    slabs.divisors = reinterpret_cast<kmem::Divisor*>(machine->base + kmem::kDivisors);
    slabs.class_sizes = reinterpret_cast<uint32_t*>(machine->base + kmem::kClassSizes);
    slabs.report_double_free = [](const Cache&, const void*) { ++nr_double_frees; };
  }

  /// Objects of caches that are made from now on are sealed: those of the hardened level 1 or, where they are zero while they
  /// are free, 2.
  void seal_objects(bool zeroes) {
    static std::vector<uint8_t> by_64, by_16;  // of all worlds, for a new slab forgets what was there
    by_64.resize(pages.frames_end() * kmem::kPageSize >> 6);
    by_16.resize(pages.frames_end() * kmem::kPageSize >> 4);
    kmem_seal_key = 0x1234'5678'9abc'def1;
    slabs.seals.init(by_64.data(), by_16.data(), machine->direct_map);
    slabs.zeroes = zeroes;
    dice.seed(1);
    slabs.dice = &dice;
  }

  Cache& cache(uint32_t size, const char* name = "things") {
    caches.push_back(std::make_unique<Cache>());
    EXPECT_TRUE(
        caches.back()->init(slabs, static_cast<uint32_t>(caches.size()), {.name = name, .object_size = size}, new_nodes()));
    return *caches.back();
  }

  std::unique_ptr<kmem::Machine> machine = std::make_unique<kmem::Machine>();
  /// Memory for one more cache, with as many parts as in a whole system.
  kmem::CacheNodes new_nodes() {
    const unsigned nr = machine->nr_nodes, log2 = kmem::Barn::log2_parts_for((machine->nr_cpus + nr - 1) / nr);
    nodes.push_back(std::make_unique<kmem::CacheNode[]>(nr));
    parts.push_back(std::make_unique<kmem::BarnPart[]>(size_t{nr} << log2));
    return {nodes.back().get(), parts.back().get(), log2};
  }

  kmem::SheafPool sheaves;
  kmem::PageAllocator pages;
  kmem::SlabWorld slabs;
  kmem::Dice dice;
  std::vector<std::unique_ptr<Cache>> caches;
  std::vector<std::unique_ptr<kmem::CacheNode[]>> nodes;
  std::vector<std::unique_ptr<kmem::BarnPart[]>> parts;
};

inline void expect_sound(const kmem::Fault& fault) {
  EXPECT_FALSE(fault) << fault.rule << ": at " << std::hex << fault.where << " want " << fault.want << " got " << fault.got;
}

/// What users hold.  Everything that is held carries its own address at both ends, so that whoever else writes there,
/// or takes its memory away, is seen.
class Ledger {
 public:
  void* took(void* p, size_t bytes) {
    if (!p) return p;
    EXPECT_TRUE(held_.insert(p).second) << p << " was given out twice";
    mark(p, bytes);
    return p;
  }
  void gives(void* p, size_t bytes) {
    EXPECT_EQ(held_.erase(p), 1u);
    EXPECT_TRUE(is_marked(p, bytes)) << "somebody else wrote to " << p;
  }
  size_t size() const { return held_.size(); }
  void* any() const { return held_.empty() ? nullptr : *held_.begin(); }

 private:
  static uint64_t* last_word(void* p, size_t bytes) { return static_cast<uint64_t*>(p) + bytes / sizeof(uint64_t) - 1; }
  static void mark(void* p, size_t bytes) {
    *static_cast<uint64_t*>(p) = ~reinterpret_cast<uint64_t>(p);
    *last_word(p, bytes) = ~reinterpret_cast<uint64_t>(p);
  }
  static bool is_marked(void* p, size_t bytes) {
    return *static_cast<uint64_t*>(p) == ~reinterpret_cast<uint64_t>(p) &&
           *last_word(p, bytes) == ~reinterpret_cast<uint64_t>(p);
  }

  std::set<void*> held_;
};

/// A user of one cache, by the two halves that kmem_cache_alloc() and kmem_cache_free() are made of.
class User {
 public:
  User(Cache& cache, Ledger& ledger) : cache_(cache), ledger_(ledger) {}

  /// n more objects of which this user takes care.
  void take(unsigned n = 1) {
    while (n--) {
      void* p = CpuStack::try_pop(cache_.sheaves().slot());
      if (p && seal().on()) seal().open(static_cast<char*>(p), cache_.object_size());
      if (!p) p = cache_.alloc(kmem::gfp::kKernel);
      if (ledger_.took(p, cache_.object_size())) mine_.push_back(p);
    }
  }
  /// Gives n of its objects back, the last one first.
  void give(unsigned n = 1) {
    for (; n && !mine_.empty(); --n) {
      void* p = mine_.back();
      mine_.pop_back();
      ledger_.gives(p, cache_.object_size());
      if (seal().on()) give_sealed(p);
      else if (kmem::fast::free_to(cache_.fast().class_byte, p) != Push::Done) cache_.free(p);
    }
  }
  /// The same at once, as kmem_cache_alloc_bulk() and kmem_cache_free_bulk() do.
  void take_at_once(unsigned n) {
    void* some[8];
    if (!cache_.alloc_bulk(kmem::gfp::kKernel, n, some)) return;
    for (unsigned i = 0; i < n; ++i) mine_.push_back(ledger_.took(some[i], cache_.object_size()));
  }
  void give_at_once(unsigned n) {
    void* some[8];
    unsigned held = 0;
    for (; held < n && !mine_.empty(); ++held, mine_.pop_back()) {
      some[held] = mine_.back();
      ledger_.gives(some[held], cache_.object_size());
    }
    for (unsigned at = 0; at < held;) {
      const unsigned moved = kmem::fast::free_some(cache_.fast().class_byte, some + at, held - at);
      if (!moved) cache_.free(some[at]);
      at += moved ? moved : 1;
    }
  }
  void give_all() { give(static_cast<unsigned>(mine_.size())); }
  size_t holds() const { return mine_.size(); }
  Cache& cache() const { return cache_; }

 private:
  const kmem::Seal& seal() const { return cache_.checked().seal(); }
  // As slab/hardened_path.h has it.
  void give_sealed(void* p) {
    EXPECT_EQ(seal().close(static_cast<char*>(p)), kmem::Seal::Finding::Whole);
    if (CpuStack::try_push(kmem::SheafLayer::freed_slot(cache_.id()), p) != Push::Done) cache_.put_away(p);
  }

  Cache& cache_;
  Ledger& ledger_;
  std::vector<void*> mine_;
};

/// Objects in sheaves, counted one by one.
inline uint64_t count_cached(World& world, Cache& cache) {
  if (cache.checked().seal().on()) return cache.sheaves().nr_objects();  // they lie in more places
  uint64_t sum = 0;
  for (unsigned n = 0; n < world.machine->nr_nodes; ++n)
    cache.slabs().node(n).barn.each(world.sheaves, [&](const Sheaf& sheaf) { sum += sheaf.count(); });
  for (uint32_t cpu = 0; cpu < 2 * world.machine->nr_cpus; ++cpu)
    if (const uint64_t word = CpuStack::word({cpu}, cache.sheaves().slot()))
      sum += Sheaf::of_word(world.sheaves.base(), word).count();
  return sum;
}

inline int64_t count_out(World& world, Cache& cache) {
  int64_t sum = 0;
  for (unsigned n = 0; n < world.machine->nr_nodes; ++n) sum += cache.slabs().node(n).slabs.nr_out();
  return sum;
}

/// On a quiet system: every walker is content, and every object is with a user, in a sheaf or in its slab.
inline void expect_all_accounted_for(World& world, Cache& cache, size_t held) {
  expect_sound(cache.check());
  expect_sound(world.pages.check());
  EXPECT_EQ(count_out(world, cache), static_cast<int64_t>(held + count_cached(world, cache)));
  EXPECT_EQ(nr_double_frees, 0u);
}

/// On a quiet system where nobody holds a frame: every frame that is online is free again.
inline void expect_all_frames_free(World& world) {
  world.pages.drain();
  expect_sound(world.pages.check());
  for (unsigned i = 0; i < world.pages.nr_zones(); ++i)
    EXPECT_EQ(world.pages.zone(i).nr_free(), world.pages.zone(i).counts().nr_online()) << "frames are lost in zone " << i;
}

/// The same for sheaves, where no CPU has one but that of its spares.
inline void expect_all_sheaves_free(World& world) {
  uint32_t n = 1;  // the one that is never handed out
  for (uint32_t cpu = 0; cpu < 2 * world.machine->nr_cpus; ++cpu)
    if (const uint64_t word = CpuStack::word({cpu}, kmem::kSpareSheaves))
      n += 1 + Sheaf::of_word(world.sheaves.base(), word).count();
  while (world.sheaves.get_shared()) ++n;
  EXPECT_EQ(n, world.machine->nr_sheaves) << "sheaves are lost";
}

/// When all is given back, the caches let everything go.
inline void expect_nothing_stays(World& world) {
  for (auto& cache : world.caches) {
    cache->shrink(kmem::OtherCpus::Interrupt);
    EXPECT_EQ(cache->nr_slabs(), 0) << "slabs of cache " << cache->name() << " are lost";
    EXPECT_EQ(count_out(world, *cache), 0);
    for (unsigned n = 0; n < world.machine->nr_nodes; ++n)
      EXPECT_EQ(cache->slabs().node(n).slabs.nr_empty(), 0) << "a slab is counted as empty for ever";
  }
  expect_all_frames_free(world);
  expect_all_sheaves_free(world);
}

enum class Steps : uint8_t { Some, MayBeNone };

/// Runs the scenario again and again, each time with the event one step later, until it ends before the event comes.
/// The scenario makes its world anew, runs its tasks by the script and checks.  Answers the number of runs.
/// One without any step would test nothing: a failure, unless the caller says that it may be so.
template <typename Scenario>
uint64_t at_every_step(const Event& event, Scenario scenario, Steps steps = Steps::Some) {
  for (uint64_t n = 0;; ++n) {
    SCOPED_TRACE("the event comes at step " + std::to_string(n));
    const Outcome outcome = scenario(sim_port::plan({{n, event}}));
    EXPECT_TRUE(outcome) << outcome.failure;
    if (testing::Test::HasFailure()) return n;
    if (outcome.steps > n) continue;
    EXPECT_TRUE(n || steps == Steps::MayBeNone) << "the scenario has no step at which anything could come";
    return n;
  }
}

/// The same with two events, the second at every step after the first.
template <typename Scenario>
uint64_t at_every_two_steps(const Event& first, const Event& second, Scenario scenario, uint64_t stride = 1) {
  uint64_t runs = 0;
  for (uint64_t n = 0;; n += stride) {
    for (uint64_t m = n + 1;; m += stride, ++runs) {
      SCOPED_TRACE("the events come at steps " + std::to_string(n) + " and " + std::to_string(m));
      const Outcome outcome = scenario(sim_port::plan({{n, first}, {m, second}}));
      EXPECT_TRUE(outcome) << outcome.failure;
      if (testing::Test::HasFailure() || outcome.steps <= n) return runs;
      if (outcome.steps <= m) break;
    }
  }
}

}  // namespace sim
