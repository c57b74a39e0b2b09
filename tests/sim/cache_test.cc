// A cache's operations, each disturbed at every step by each other: as an interrupt, as another task on the same CPU,
// as a task on another CPU.  Objects are so large that sheaves hold four and slabs have four: every slow path is near.

#include "sim/world.h"

namespace sim {
namespace {

constexpr uint32_t kSize = 16384;

struct Operation {
  const char* name;
  void (*run)(User&);
};

/// Each alone is short; the long ones cross refills, drains and the barn.
const Operation kOperations[] = {
    {"take one", [](User& u) { u.take(1); }},
    {"give one", [](User& u) { u.give(1); }},
    {"take one and give it back", [](User& u) { u.take(1), u.give(1); }},
    {"give one and take one", [](User& u) { u.give(1), u.take(1); }},
    {"take six", [](User& u) { u.take(6); }},
    {"give six", [](User& u) { u.give(6); }},
    {"shrink everywhere", [](User& u) { u.cache().shrink(kmem::OtherCpus::Interrupt); }},
    {"shrink here", [](User& u) { u.cache().shrink(kmem::OtherCpus::Leave); }},
};

enum class Who { Interrupt, SameCpu, OtherCpu };
enum class Fill { Fresh, HalfFull, Full, Idle };
enum class Seals { Off, Marks, Zeroes };

/// What the sheaf of the first CPU looks like before.
void prepare(User& first, User& second, Fill fill) {
  if (fill == Fill::Fresh) return;
  if (fill == Fill::Idle) {
    // More than 1 MiB of slabs, nearly all of it free again but for one object in a slab here and there.
    first.take(40);
    for (int i = 0; i < 11; ++i) second.take(1), first.take(3);
    first.give(64);
    return;
  }
  first.take(7);
  second.take(7);
  first.give(fill == Fill::Full ? 4 : 1);
}

Outcome disturbed(const Operation& operation, const Operation& intruder, Who who, Fill fill, const Script& script,
                  Seals seals = Seals::Off) {
  World world;
  if (seals != Seals::Off) world.seal_objects(seals == Seals::Zeroes);
  Cache& cache = world.cache(kSize);
  Ledger ledger;
  User first(cache, ledger), second(cache, ledger);
  prepare(first, second, fill);
  Tasks tasks;
  tasks.add(0, [&] { operation.run(first); });
  if (who == Who::Interrupt) tasks.add_handler([&] { intruder.run(second); });
  else tasks.add(who == Who::SameCpu ? 0 : 1, [&] { intruder.run(second); });
  const Outcome outcome = tasks.run(script);
  if (!outcome) return outcome;
  expect_all_accounted_for(world, cache, ledger.size());
  first.give_all();
  second.give_all();
  expect_all_accounted_for(world, cache, 0);
  expect_nothing_stays(world);
  return outcome;
}

void every_pair(Who who, const Event& event) {
  uint64_t runs = 0;
  for (const Operation& operation : kOperations)
    for (const Operation& intruder : kOperations)
      for (const Fill fill : {Fill::Fresh, Fill::HalfFull, Fill::Full}) {
        SCOPED_TRACE(std::string("'") + operation.name + "' disturbed by '" + intruder.name + "', fill " +
                     std::to_string(static_cast<int>(fill)));
        runs += at_every_step(
            event, [&](const Script& s) { return disturbed(operation, intruder, who, fill, s); }, Steps::MayBeNone);
        if (testing::Test::HasFailure()) return;
      }
  EXPECT_GT(runs, 5000u) << "the scenarios have become too short to show anything";
  testing::Test::RecordProperty("runs", std::to_string(runs));
}

TEST(Cache, an_interrupt_may_use_the_cache_at_every_step_of_every_operation) {
  every_pair(Who::Interrupt, {Event::Interrupt, 0});
}

TEST(Cache, a_task_that_preempts_another_may_use_the_cache_at_every_step) { every_pair(Who::SameCpu, {Event::Switch, 1}); }

TEST(Cache, a_task_on_another_cpu_may_use_the_cache_at_every_step) { every_pair(Who::OtherCpu, {Event::Switch, 1}); }

TEST(Cache, a_task_may_be_migrated_at_every_step_of_every_operation) {
  const Operation nothing{"nothing", [](User&) {}};
  uint64_t runs = 0;
  for (const Operation& operation : kOperations)
    for (const Fill fill : {Fill::Fresh, Fill::HalfFull, Fill::Full}) {
      SCOPED_TRACE(operation.name);
      runs += at_every_step(
          {Event::Migrate, 1}, [&](const Script& s) { return disturbed(operation, nothing, Who::OtherCpu, fill, s); },
          Steps::MayBeNone);
    }
  EXPECT_GT(runs, 100u);
}

// Several objects in one step: against those who change the same sheaf.
TEST(Cache, objects_may_be_moved_at_once_whatever_comes_between) {
  const Operation at_once[] = {{"take three at once", [](User& u) { u.take_at_once(3); }},
                               {"give three at once", [](User& u) { u.give_at_once(3); }}};
  for (const Who who : {Who::Interrupt, Who::SameCpu, Who::OtherCpu})
    for (const Operation& operation : at_once)
      for (const Operation& intruder : {kOperations[2], kOperations[3], kOperations[6], at_once[0], at_once[1]})
        for (const Fill fill : {Fill::HalfFull, Fill::Full}) {
          SCOPED_TRACE(std::string("'") + operation.name + "' disturbed by '" + intruder.name + "'");
          const Event event{who == Who::Interrupt ? Event::Interrupt : Event::Switch, who == Who::Interrupt ? 0u : 1u};
          at_every_step(event, [&](const Script& s) { return disturbed(operation, intruder, who, fill, s); });
          if (HasFailure()) return;
        }
}

// What a cache does when it finds that it holds much for few: barns and CPUs are emptied, slabs go.
TEST(Cache, an_idle_cache_bears_everybody_at_every_step) {
  for (const Who who : {Who::Interrupt, Who::OtherCpu})
    for (const size_t a : {3u, 4u, 5u})
      for (const size_t b : {0u, 4u, 5u, 6u}) {
        SCOPED_TRACE(std::string("'") + kOperations[a].name + "' disturbed by '" + kOperations[b].name + "'");
        const Event event{who == Who::Interrupt ? Event::Interrupt : Event::Switch, who == Who::Interrupt ? 0u : 1u};
        at_every_step(event, [&](const Script& s) { return disturbed(kOperations[a], kOperations[b], who, Fill::Idle, s); });
        if (HasFailure()) return;
      }
}

// What is freed lies in a sheaf of its own, which is exchanged for the empty one that objects are taken from.
TEST(Cache, sealed_objects_bear_everybody_at_every_step) {
  const Operation both[] = {{"give two and take six", [](User& u) { u.give(2), u.take(6); }},
                            {"take one and give six", [](User& u) { u.take(1), u.give(6); }}};
  for (const Seals seals : {Seals::Marks, Seals::Zeroes})
    for (const Who who : {Who::Interrupt, Who::SameCpu, Who::OtherCpu})
      for (const Operation& operation : {both[0], both[1], kOperations[6]})
        for (const Operation& intruder : {both[0], both[1], kOperations[6], kOperations[7]}) {
          SCOPED_TRACE(std::string("'") + operation.name + "' disturbed by '" + intruder.name + "', seals " +
                       std::to_string(static_cast<int>(seals)));
          const Event event{who == Who::Interrupt ? Event::Interrupt : Event::Switch, who == Who::Interrupt ? 0u : 1u};
          at_every_step(event, [&](const Script& s) { return disturbed(operation, intruder, who, Fill::Full, s, seals); });
          if (HasFailure()) return;
        }
}

// Interrupts one step apart, the second often within the first.
TEST(Cache, two_interrupts_may_come_at_any_two_steps) {
  const auto cycle = [](User& u) { u.take(1), u.give(1); };
  const Operation operation{"take two and give two", [](User&u) { u.take(2), u.give(2); }}, intruder{"", cycle};
  const uint64_t runs = at_every_two_steps({Event::Interrupt, 0}, {Event::Interrupt, 0}, [&](const Script& s) {
    return disturbed(operation, intruder, Who::Interrupt, Fill::HalfFull, s);
  });
  EXPECT_GT(runs, 500u);
}

// The second task gets so far, then the first goes on, then the second ends.
TEST(Cache, tasks_on_two_cpus_may_alternate_at_any_two_steps) {
  for (const char* names : {"take one|shrink everywhere", "give one|shrink everywhere", "take one|give one"}) {
    const std::string both = names;
    const auto find = [](const std::string& name) {
      for (const Operation& o : kOperations)
        if (name == o.name) return o;
      return kOperations[0];
    };
    const Operation a = find(both.substr(0, both.find('|'))), b = find(both.substr(both.find('|') + 1));
    SCOPED_TRACE(names);
    at_every_two_steps({Event::Switch, 1}, {Event::Switch, 0},
                       [&](const Script& s) { return disturbed(a, b, Who::OtherCpu, Fill::HalfFull, s); });
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace sim
