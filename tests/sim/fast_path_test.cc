// The per-CPU stacks alone, instruction by instruction: what comes between two of them must not lose a pointer, nor
// give one out twice.

#include <algorithm>

#include "sim/world.h"
#include "sync/cpu_words.h"

namespace sim {
namespace {

constexpr Slot kSlot{9};
void* thing(uintptr_t n) { return reinterpret_cast<void*>(n * 16); }

/// Two CPUs with a sheaf each, and users who keep what they pop.
struct Stacks {
  Stacks(unsigned nr_first, unsigned nr_second) {
    fill(0, nr_first);
    fill(1, nr_second);
  }
  void fill(uint32_t cpu, unsigned n) {
    Sheaf sheaf = Sheaf::empty(world.sheaves.get_shared(), 4);
    while (n--) sheaf.put(make());
    CpuStack::words({cpu})[kSlot.index] = sheaf.as_word(world.sheaves.base());
  }
  void* make() {
    all.push_back(thing(all.size() + 1));
    return all.back();
  }
  void keep(void* p) {
    if (p) held.push_back(p);
  }
  void push(void* p) {
    if (CpuStack::try_push(kSlot, p) != Push::Done) keep(p);
  }
  void collect(Sheaf sheaf) {
    while (sheaf && !sheaf.is_empty()) held.push_back(sheaf.take());
  }
  void exchange_empty() {
    Sheaf fresh = Sheaf::empty(world.sheaves.get_shared(), 4), old;
    fresh.put(make());
    collect(exchange_if_empty(world.sheaves, kSlot, fresh, old) ? old : fresh);
  }
  void exchange_full() {
    Sheaf old;
    if (exchange_if_full(world.sheaves, kSlot, Sheaf::empty(world.sheaves.get_shared(), 4), old)) collect(old);
  }
  /// True: each thing is where exactly one can find it.
  bool complete() {
    for (uint32_t cpu = 0; cpu < 4; ++cpu) collect(Sheaf::of_word(world.sheaves.base(), CpuStack::word({cpu}, kSlot)));
    std::sort(all.begin(), all.end());
    std::sort(held.begin(), held.end());
    return held == all;
  }

  World world;
  std::vector<void*> all, held;
};

struct Operation {
  const char* name;
  void (*run)(Stacks&);
};
const Operation kOperations[] = {
    {"pop", [](Stacks& s) { s.keep(CpuStack::try_pop(kSlot)); }},
    {"push", [](Stacks& s) { s.push(s.make()); }},
    {"pop and push the same",
     [](Stacks& s) {
       if (void* p = CpuStack::try_pop(kSlot)) s.push(p);
     }},
    {"push and pop", [](Stacks& s) { s.push(s.make()), s.keep(CpuStack::try_pop(kSlot)); }},
    {"pop for any thread", [](Stacks& s) { s.keep(CpuStack::pop(kSlot)); }},
    {"push for any thread",
     [](Stacks& s) {
       void* p = s.make();
       if (CpuStack::push(kSlot, p) != Push::Done) s.keep(p);
     }},
    {"exchange if empty", [](Stacks& s) { s.exchange_empty(); }},
    {"exchange if full", [](Stacks& s) { s.exchange_full(); }},
    {"take the sheaf", [](Stacks& s) { s.collect(take_local(s.world.sheaves, kSlot)); }},
};

enum class Who { Interrupt, SameCpu, OtherCpu };

/// One run; true if nothing was lost.
bool run_is_complete(const Operation& operation, const Operation& intruder, Who who, unsigned fill, const Script& script,
                     Outcome& outcome) {
  Stacks stacks(fill, 2);
  Tasks tasks;
  tasks.add(0, [&] { operation.run(stacks); });
  if (who == Who::Interrupt) tasks.add_handler([&] { intruder.run(stacks); });
  else tasks.add(who == Who::SameCpu ? 0 : 1, [&] { intruder.run(stacks); });
  outcome = tasks.run(script);
  return stacks.complete();
}

template <typename Enumerate>
void every_pair(Who who, Enumerate enumerate) {
  for (const Operation& operation : kOperations)
    for (const Operation& intruder : kOperations)
      for (const unsigned fill : {0u, 1u, 3u, 4u}) {
        SCOPED_TRACE(std::string("'") + operation.name + "' disturbed by '" + intruder.name + "', with " +
                     std::to_string(fill));
        enumerate([&](const Script& script) {
          Outcome outcome;
          EXPECT_TRUE(run_is_complete(operation, intruder, who, fill, script, outcome)) << "lost, or there twice";
          return outcome;
        });
        if (testing::Test::HasFailure()) return;
      }
}

TEST(FastPath, bears_an_interrupt_at_every_step) {
  every_pair(Who::Interrupt, [](const auto& run) { at_every_step({Event::Interrupt, 0}, run); });
}
TEST(FastPath, bears_two_interrupts_at_every_two_steps) {
  every_pair(Who::Interrupt, [](const auto& run) { at_every_two_steps({Event::Interrupt, 0}, {Event::Interrupt, 0}, run); });
}
TEST(FastPath, bears_preemption_at_every_step) {
  every_pair(Who::SameCpu, [](const auto& run) { at_every_step({Event::Switch, 1}, run); });
}
TEST(FastPath, bears_preemption_by_a_task_that_is_preempted_itself) {
  every_pair(Who::SameCpu, [](const auto& run) { at_every_two_steps({Event::Switch, 1}, {Event::Switch, 0}, run); });
}
TEST(FastPath, is_not_disturbed_by_another_cpu) {
  every_pair(Who::OtherCpu, [](const auto& run) { at_every_step({Event::Switch, 1}, run); });
}
TEST(FastPath, bears_migration_to_a_cpu_where_somebody_is_in_the_middle) {
  // The second task gets so far on CPU 1, then the first comes to that CPU.
  every_pair(Who::OtherCpu, [](const auto& run) {
    for (uint64_t n = 0; n < 8; ++n)
      for (uint64_t m = 1; m < 6; ++m) {
        SCOPED_TRACE(std::to_string(n) + " and " + std::to_string(m));
        run(sim_port::plan({{n, {Event::Switch, 1}}, {n + m, {Event::Switch, 0}}, {n + m + 1, {Event::Migrate, 1}}}));
      }
  });
}

/// What a pop would be without restarts: every instruction right, and wrong.
void* careless_pop() {
  uint64_t* word = CpuStack::words({sim_port::real_cpu()}) + kSlot.index;
  kmem_sim_step();
  const uint64_t at = *word;
  kmem_sim_step();
  void* top = *reinterpret_cast<void**>(kmem_base + at * kmem::kWordUnit);
  kmem_sim_step();
  if (top) *word = at + kmem::kWordStep;
  return top;
}

TEST(FastPath, the_enumeration_sees_a_pop_that_does_not_restart) {
  const Operation careless{"careless pop", [](Stacks& s) { s.keep(careless_pop()); }};
  for (const size_t i : {0u, 1u, 4u, 5u, 8u}) {  // the others put back what they took, or do nothing here
    const Operation& intruder = kOperations[i];
    unsigned wrong = 0;
    for (uint64_t n = 0; n < 4; ++n) {
      Outcome outcome;
      wrong += !run_is_complete(careless, intruder, Who::Interrupt, 3, sim_port::plan({{n, {Event::Interrupt, 0}}}), outcome);
    }
    EXPECT_GT(wrong, 0u) << intruder.name;
  }
}

TEST(FastPath, the_enumeration_is_quiet_about_a_careless_pop_that_nobody_disturbs) {
  const Operation careless{"careless pop", [](Stacks& s) { s.keep(careless_pop()); }};
  Outcome outcome;
  EXPECT_TRUE(run_is_complete(careless, kOperations[0], Who::OtherCpu, 3, sim_port::undisturbed(), outcome));
}

}  // namespace
}  // namespace sim
