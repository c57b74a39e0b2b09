// kmalloc() and its relations by their kernel names, over a whole system: boot, refills, large blocks, the caches of
// the DMA zones, with an interrupt that allocates and frees at every step.

#include <linux/slab.h>

#include "sim/world.h"
#include "system/system.h"

namespace sim {
namespace {

/// A machine with all zones, switched on and not booted.
Facts machine() {
  Facts facts;
  facts.ram = {{{sim_port::kMiB * 8}, 8 * sim_port::kMiB, {}},
               {{sim_port::kMiB * 16}, 16 * sim_port::kMiB, {}},
               {{4 * sim_port::kGiB}, 64 * sim_port::kMiB, {}}};
  return facts;
}

void switch_on(const char* boot_words = "") {
  kmem::sim_reset();
  Facts facts = machine();
  facts.command_line = boot_words;
  power_on(facts);
}

/// Somebody who calls kmalloc() and kfree().
class Caller {
 public:
  explicit Caller(Ledger& ledger) : ledger_(ledger) {}

  void take(size_t size, gfp_t flags = GFP_KERNEL) { hold(kmalloc(size, flags), size); }
  void hold(void* p, size_t size) {
    if (ledger_.took(p, size)) mine_.push_back({p, size});
  }
  void give() {
    if (mine_.empty()) return;
    const auto [p, size] = mine_.back();
    mine_.pop_back();
    ledger_.gives(p, size);
    kfree(p);
  }
  void resize(size_t size) {
    if (mine_.empty()) return take(size);
    auto [p, old] = mine_.back();
    mine_.pop_back();
    ledger_.gives(p, old);
    void* moved = krealloc(p, size, GFP_KERNEL);
    hold(moved ? moved : p, moved ? size : old);
  }
  void give_all() {
    while (!mine_.empty()) give();
  }

 private:
  struct Block {
    void* p;
    size_t size;
  };
  Ledger& ledger_;
  std::vector<Block> mine_;
};

struct Operation {
  const char* name;
  void (*run)(Caller&);
};
const Operation kOperations[] = {
    {"small", [](Caller& c) { c.take(64), c.take(64), c.give(); }},
    {"enough to refill",
     [](Caller& c) {
       for (int i = 0; i < 10; ++i) c.take(8192);
     }},
    {"enough to drain",
     [](Caller& c) {
       for (int i = 0; i < 10; ++i) c.give();
     }},
    {"large", [](Caller& c) { c.take(100000), c.give(); }},
    {"zeroed", [](Caller& c) { c.hold(kzalloc(4000, GFP_KERNEL), 4000); }},
    {"for DMA", [](Caller& c) { c.take(512, GFP_DMA), c.give(); }},
    {"grow", [](Caller& c) { c.take(40), c.resize(100), c.resize(9000), c.resize(20000), c.resize(16); }},
    {"a cache's life",
     [](Caller&) {
       kmem_cache* cache = kmem_cache_create("short-lived", 200, 0, SLAB_NO_MERGE, nullptr);
       if (!cache) return;
       void* p = kmem_cache_alloc(cache, GFP_KERNEL);
       kmem_cache_free(cache, p);
       EXPECT_EQ(kmem_cache_destroy(cache), 0);
     }},
    {"reclaim", [](Caller&) { kmem::system().heap.caches().shrink_all(kmem::OtherCpus::Interrupt); }},
};

/// What every handler does: the same class and others, both ways.
void use_in_interrupt(Caller& c) {
  c.take(64, GFP_ATOMIC), c.take(8192, GFP_ATOMIC), c.take(200, GFP_ATOMIC);
  c.give(), c.give(), c.give();
}

/// All is free: the caches let go of every slab, the zones have every frame back but those that boot took.
void expect_system_empty(uint64_t frames_before) {
  kmem::System& s = kmem::system();
  expect_sound(kmem::check_system());
  s.heap.caches().shrink_all(kmem::OtherCpus::Interrupt);
  for (uint32_t id = 1; id <= s.heap.nr_caches(); ++id)
    EXPECT_TRUE(!s.heap.cache(id).live() || !s.heap.cache(id).nr_slabs()) << "slabs of " << s.heap.cache(id).name();
  s.pages.drain();
  expect_sound(kmem::check_system());
  uint64_t used = 0;
  for (unsigned i = 0; i < s.pages.nr_zones(); ++i) used += s.pages.zone(i).counts().nr_online() - s.pages.zone(i).nr_free();
  EXPECT_EQ(used, frames_before) << "frames are lost";
  EXPECT_EQ(host().log, "");
}

uint64_t frames_in_use() {
  kmem::System& s = kmem::system();
  uint64_t used = 0;
  for (unsigned i = 0; i < s.pages.nr_zones(); ++i) used += s.pages.zone(i).counts().nr_online() - s.pages.zone(i).nr_free();
  return used;
}

/// With a handler, and with a task on the second CPU that does the same.
Outcome disturbed(const Operation& operation, const Script& script) {
  switch_on();
  EXPECT_TRUE(kmem::boot());
  const uint64_t before = frames_in_use();
  Ledger ledger;
  Caller first(ledger), second(ledger), third(ledger);
  for (int i = 0; i < 9; ++i) first.take(8192);
  for (int i = 0; i < 3; ++i) first.take(64);
  Tasks tasks;
  tasks.add(0, [&] { operation.run(first); });
  tasks.add_handler([&] { use_in_interrupt(second); });
  tasks.add(1, [&] { use_in_interrupt(third); });
  const Outcome outcome = tasks.run(script);
  if (!outcome) return outcome;
  expect_sound(kmem::check_system());
  first.give_all();
  second.give_all();
  third.give_all();
  expect_system_empty(before);
  return outcome;
}

/// All of the steps of what is short; every few of "reclaim", which goes through all caches.
void at_every_step_of_every_call(const Event& event) {
  uint64_t runs = 0;
  for (const Operation& operation : kOperations) {
    SCOPED_TRACE(operation.name);
    const bool longish = std::string("reclaim") == operation.name;
    for (uint64_t n = 0;; n += longish ? 5 : 1, ++runs) {
      SCOPED_TRACE("at step " + std::to_string(n));
      const Outcome outcome = disturbed(operation, sim_port::plan({{n, event}}));
      EXPECT_TRUE(outcome) << outcome.failure;
      if (testing::Test::HasFailure()) return;
      if (outcome.steps <= n) break;
    }
  }
  EXPECT_GT(runs, 1000u);
}

TEST(Kmalloc, an_interrupt_may_allocate_and_free_at_every_step_of_every_call) {
  at_every_step_of_every_call({Event::Interrupt, 0});
}
TEST(Kmalloc, another_cpu_may_allocate_and_free_at_every_step_of_every_call) {
  at_every_step_of_every_call({Event::Switch, 1});
}
TEST(Kmalloc, a_task_may_be_migrated_at_every_step_of_every_call) { at_every_step_of_every_call({Event::Migrate, 1}); }

TEST(Kmalloc, two_interrupts_may_come_at_any_two_steps) {
  const uint64_t runs = at_every_two_steps(
      {Event::Interrupt, 0}, {Event::Interrupt, 0}, [](const Script& s) { return disturbed(kOperations[0], s); }, 3);
  EXPECT_GT(runs, 100u);
}

// During boot an interrupt gets nothing, and harms nothing.
TEST(Kmalloc, an_interrupt_may_come_at_any_step_of_boot) {
  uint64_t n = 0;
  for (bool ended = false; !ended; n += 7) {
    SCOPED_TRACE("interrupt at step " + std::to_string(n));
    switch_on();
    Ledger ledger;
    Caller first(ledger), second(ledger);
    Tasks tasks;
    tasks.add(0, [&] {
      first.take(64);
      EXPECT_EQ(ledger.size(), 1u) << "whoever boots is served";
    });
    bool empty_handed = false;
    tasks.add_handler([&] {
      void* p = kmalloc(64, GFP_ATOMIC | __GFP_NOWARN);
      empty_handed = !p;
      kfree(p);
    });
    const Outcome outcome = tasks.run(sim_port::plan({{n, {Event::Interrupt, 0}}}));
    EXPECT_TRUE(outcome) << outcome.failure;
    ended = outcome.steps <= n;
    first.take(64), first.take(5000), first.give_all();
    expect_sound(kmem::check_system());
    if (HasFailure()) return;
  }
  EXPECT_GT(n, 500u);
}

/// Four tasks, one of them without sequences, on two CPUs.
void expect_nothing_lost_in_any_order(const char* boot_words, uint64_t nr_seeds, unsigned nr_operations = 8) {
  for (uint64_t seed = 1; seed <= seeds(nr_seeds); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    switch_on(boot_words);
    ASSERT_TRUE(kmem::boot());
    const uint64_t before = frames_in_use();
    Ledger ledger;
    std::vector<std::unique_ptr<Caller>> callers;
    for (int i = 0; i < 5; ++i) callers.push_back(std::make_unique<Caller>(ledger));
    Tasks tasks;
    uint64_t draw = seed;
    for (unsigned i = 0; i < 4; ++i)
      tasks.add(
          i % 2,
          [&, i] {
            for (int k = 0; k < 8; ++k)
              kOperations[((draw = draw * 6364136223846793005u + 1442695040888963407u) >> 33) % nr_operations].run(*callers[i]);
          },
          i != 3);
    tasks.add_handler([&] { use_in_interrupt(*callers[4]); });
    const Outcome outcome = tasks.run(sim_port::random(seed, {.odds = 20, .nr_tasks = 4, .nr_handlers = 1, .nr_cpus = 2}));
    EXPECT_TRUE(outcome) << outcome.failure;
    if (!outcome) return;
    for (auto& caller : callers) caller->give_all();
    expect_system_empty(before);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(Kmalloc, tasks_and_interrupts_in_any_order_lose_nothing) { expect_nothing_lost_in_any_order("", 150); }
// But for a cache's life: whoever is preempted with a shadow CPU's lock in hand keeps that CPU's sheaf from being
// emptied, and nobody waits, so the cache may have to stay.
TEST(Kmalloc, nor_do_they_without_sequences) { expect_nothing_lost_in_any_order("rseq=off", 80, 7); }
TEST(Kmalloc, nor_do_they_where_every_call_is_counted) { expect_nothing_lost_in_any_order("stats", 80); }

// The n-th call to the host fails: whoever asked hears it, the rest goes on.
TEST(Kmalloc, the_host_may_refuse_memory_at_any_time) {
  for (uint64_t nth = 1; nth <= 10; ++nth) {
    SCOPED_TRACE("call " + std::to_string(nth));
    switch_on();
    ASSERT_TRUE(kmem::boot());
    host().online.refuse(nth, true);
    Ledger ledger;
    Caller caller(ledger);
    size_t nr = 0;
    for (int i = 0; i < 80; ++i) {
      void* p = kmalloc(1 << 20, GFP_KERNEL | __GFP_NOWARN);
      caller.hold(p, 1 << 20);
      nr += p != nullptr;
    }
    EXPECT_LT(nr, 80u);
    caller.give_all();
    expect_sound(kmem::check_system());
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace sim
