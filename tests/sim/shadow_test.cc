// Tasks that the kernel gave no restartable sequences: they use shadow CPUs, whose lock is only tried.

#include "sim/world.h"
#include "sync/cpu_words.h"

namespace sim {
namespace {

constexpr uint32_t kSize = 16384;

struct Operation {
  const char* name;
  void (*run)(User&);
};
const Operation kOperations[] = {
    {"take one", [](User& u) { u.take(1); }},
    {"give one", [](User& u) { u.give(1); }},
    {"take six", [](User& u) { u.take(6); }},
    {"give six", [](User& u) { u.give(6); }},
    {"shrink", [](User& u) { u.cache().shrink(kmem::OtherCpus::Interrupt); }},
};

enum class Who { Interrupt, AnotherWithout, AnotherWith };

/// Fills the shadow CPU of CPU 0 to the middle, as a task without sequences would.
void prepare(User& first, User& second) {
  sim_port::stand_on(0, false);
  first.take(7), first.give(2);
  sim_port::stand_on(0, true);
  second.take(7), second.give(1);
}

Outcome disturbed(const Operation& operation, const Operation& intruder, Who who, const Script& script) {
  World world;
  Cache& cache = world.cache(kSize);
  Ledger ledger;
  User first(cache, ledger), second(cache, ledger);
  prepare(first, second);
  Tasks tasks;
  tasks.add(
      0, [&] { operation.run(first); }, false);
  if (who == Who::Interrupt) tasks.add_handler([&] { intruder.run(second); });
  else
    tasks.add(
        0, [&] { intruder.run(second); }, who == Who::AnotherWith);
  const Outcome outcome = tasks.run(script);
  if (!outcome) return outcome;
  expect_all_accounted_for(world, cache, ledger.size());
  first.give_all();
  second.give_all();
  expect_nothing_stays(world);
  return outcome;
}

void every_pair(Who who, const Event& event) {
  for (const Operation& operation : kOperations)
    for (const Operation& intruder : kOperations) {
      SCOPED_TRACE(std::string("'") + operation.name + "' disturbed by '" + intruder.name + "'");
      at_every_step(event, [&](const Script& s) { return disturbed(operation, intruder, who, s); });
      if (testing::Test::HasFailure()) return;
    }
}

TEST(Shadow, an_interrupt_finds_the_lock_held_and_does_without) { every_pair(Who::Interrupt, {Event::Interrupt, 0}); }
TEST(Shadow, two_tasks_without_sequences_share_a_shadow_cpu) { every_pair(Who::AnotherWithout, {Event::Switch, 1}); }
TEST(Shadow, tasks_with_and_without_sequences_meet_on_a_cpu) { every_pair(Who::AnotherWith, {Event::Switch, 1}); }

TEST(Shadow, a_task_may_be_migrated_with_the_lock_of_its_old_cpu_in_hand) {
  for (const Operation& operation : kOperations) {
    SCOPED_TRACE(operation.name);
    at_every_step({Event::Migrate, 1},
                  [&](const Script& s) { return disturbed(operation, kOperations[0], Who::AnotherWithout, s); });
  }
}

TEST(Shadow, a_task_without_sequences_reuses_what_it_freed) {
  World world;
  Cache& cache = world.cache(kSize);
  Ledger ledger;
  User user(cache, ledger);
  sim_port::stand_on(1, false);
  user.take(3);
  const int64_t slabs = cache.nr_slabs();
  for (int i = 0; i < 20; ++i) user.give(2), user.take(2);
  EXPECT_EQ(cache.nr_slabs(), slabs);
  EXPECT_NE(CpuStack::word({world.machine->nr_cpus + 1}, cache.sheaves().slot()), 0u) << "its shadow CPU has a sheaf";
  EXPECT_EQ(CpuStack::word({1}, cache.sheaves().slot()), 0u) << "and the real one has none";
  user.give_all();
  sim_port::stand_on(0);
  expect_nothing_stays(world);
}

TEST(Shadow, by_the_boot_word_everybody_uses_shadows) {
  World world;
  CpuStack::use_shadows_only();
  Cache& cache = world.cache(kSize);
  Ledger ledger;
  User user(cache, ledger);
  user.take(5), user.give(2);
  EXPECT_EQ(CpuStack::word({0}, cache.sheaves().slot()), 0u);
  EXPECT_EQ(CpuStack::where().value, world.machine->nr_cpus);
  user.give_all();
  cache.shrink(kmem::OtherCpus::Interrupt);
  EXPECT_EQ(cache.nr_slabs(), 0);
}

// The parent forks while this task is in the middle: in the child it will never go on.  What it had in hand is lost,
// and nothing else is.
TEST(Shadow, after_a_fork_at_any_step_the_child_works) {
  for (const bool registered : {true, false})
    for (const Operation& operation : kOperations)
      for (uint64_t n = 0;; ++n) {
        SCOPED_TRACE(std::string(operation.name) + ", fork at step " + std::to_string(n));
        World world;
        Cache& cache = world.cache(kSize);
        Ledger ledger;
        User first(cache, ledger), second(cache, ledger);
        prepare(first, second);
        Tasks tasks;
        tasks.add(
            1, [&] { operation.run(first); }, registered);
        tasks.add_handler([] { sim_port::give_up("fork"); });
        const Outcome outcome = tasks.run(sim_port::plan({{n, {Event::Interrupt, 0}}}));
        CpuStack::after_fork();
        reopen_after_fork(world.sheaves);
        world.pages.after_fork();
        for (uint32_t cpu = 0; cpu < world.machine->nr_cpus; ++cpu)
          for (const bool with : {true, false}) {
            sim_port::stand_on(cpu, with);
            User child(cache, ledger);
            child.take(9), child.give_all();
            void* p = cache.alloc(kmem::gfp::kKernel);
            cache.free(p);
            EXPECT_EQ(CpuStack::pop(cache.sheaves().slot()), p) << "this CPU's stack does not work any more";
            cache.free(p);
          }
        sim_port::stand_on(0);
        if (HasFailure() || outcome) break;
      }
}

}  // namespace
}  // namespace sim
