// The simulated machine itself: does what its script says happen, and only that?

#include "kmem_port/sim_host.h"
#include "kmem_port/sim_tasks.h"

#include <gtest/gtest.h>

#include "base/atomic.h"
#include "port/port.h"

namespace sim_port {
namespace {

/// So many steps, and whether each sequence of one step was disturbed.
struct Trace {
  std::string words;
  void step(char name) {
    words += name;
    kmem_sim_step();
  }
};

Script switch_at(uint64_t step, unsigned task) { return plan({{step, {Event::Switch, task}}}); }

TEST(Tasks, run_one_after_the_other_when_nothing_happens) {
  Trace t;
  Tasks tasks;
  for (const char c : {'a', 'b', 'c'}) tasks.add(0, [&t, c] { t.step(c), t.step(c); });
  const Outcome outcome = tasks.run(undisturbed());
  EXPECT_TRUE(outcome);
  EXPECT_EQ(outcome.steps, 6u);
  EXPECT_EQ(t.words, "aabbcc");
}

TEST(Tasks, switch_where_the_script_says) {
  for (uint64_t n = 0; n < 3; ++n) {
    Trace t;
    Tasks tasks;
    for (const char c : {'a', 'b'}) tasks.add(0, [&t, c] { t.step(c), t.step(c), t.step(c); });
    EXPECT_TRUE(tasks.run(switch_at(n, 1)));
    EXPECT_EQ(t.words, std::string(n + 1, 'a') + "bbb" + std::string(2 - n, 'a'));
  }
}

TEST(Tasks, may_go_back_and_forth) {
  Trace t;
  Tasks tasks;
  for (const char c : {'a', 'b'}) tasks.add(c == 'a' ? 0 : 1, [&t, c] { t.step(c), t.step(c), t.step(c); });
  EXPECT_TRUE(tasks.run(plan({{0, {Event::Switch, 1}}, {1, {Event::Switch, 0}}, {3, {Event::Switch, 1}}})));
  EXPECT_EQ(t.words, "abaabb");
}

TEST(Tasks, interrupts_run_on_top_of_who_runs) {
  Trace t;
  Tasks tasks;
  tasks.add(0, [&] { t.step('a'), t.step('a'); });
  tasks.add_handler([&] { t.step('i'), t.step('i'); });
  EXPECT_TRUE(tasks.run(plan({{0, {Event::Interrupt, 0}}, {1, {Event::Interrupt, 0}}})));
  EXPECT_EQ(t.words, "aiiiia") << "the second within the first";
}

/// Is a sequence of the first task disturbed by that event, with a second task on the CPU?
bool disturbed_by(const Event& event, uint32_t cpu_of_second) {
  bool disturbed = false;
  Tasks tasks;
  tasks.add(0, [&] {
    Sequence sequence;                 // step 0
    disturbed = sequence.disturbed();  // step 1
  });
  tasks.add(cpu_of_second, [] {});
  tasks.add_handler([] {});
  EXPECT_TRUE(tasks.run(plan({{1, event}})));
  return disturbed;
}

TEST(Sequences, restart_after_an_interrupt_a_preemption_or_a_migration) {
  EXPECT_FALSE(disturbed_by({}, 0));
  EXPECT_TRUE(disturbed_by({Event::Interrupt, 0}, 0));
  EXPECT_TRUE(disturbed_by({Event::Switch, 1}, 0));
  EXPECT_TRUE(disturbed_by({Event::Migrate, 3}, 0));
}

TEST(Sequences, go_on_while_another_cpu_runs) { EXPECT_FALSE(disturbed_by({Event::Switch, 1}, 1)); }

TEST(Sequences, restart_after_a_fence_from_another_cpu) {
  bool disturbed = false;
  Tasks tasks;
  tasks.add(0, [&] {
    Sequence sequence;
    disturbed = sequence.disturbed();
  });
  tasks.add(1, [] { EXPECT_TRUE(kmem_port_fence_cpus(kmem::Fence::Asked)); });
  EXPECT_TRUE(tasks.run(switch_at(1, 1)));
  EXPECT_TRUE(disturbed);
}

TEST(Tasks, who_makes_no_progress_is_given_up) {
  Tasks tasks;
  tasks.step_limit = 100;
  tasks.add(0, [] {
    for (;;) kmem_sim_step();
  });
  const Outcome outcome = tasks.run(undisturbed());
  EXPECT_FALSE(outcome);
  EXPECT_NE(outcome.failure.find("no progress"), std::string::npos) << outcome.failure;
}

TEST(Tasks, a_panic_ends_the_run_and_not_the_program) {
  power_on({});
  Tasks tasks;
  tasks.add(0, [] { kmem_port_panic(); });
  const Outcome outcome = tasks.run(undisturbed());
  EXPECT_NE(outcome.failure.find("panic"), std::string::npos) << outcome.failure;
  EXPECT_EQ(host().nr_panics, 1u);
}

TEST(Waiting, ends_when_somebody_wakes_the_word) {
  power_on({});
  uint32_t word = 0;
  std::string order;
  Tasks tasks;
  for (const char c : {'a', 'b'})
    tasks.add(0, [&, c] {
      while (!word) kmem_port_wait(&word, 0, kmem::kForever);
      order += c;
    });
  tasks.add(1, [&] {
    word = 1;
    kmem_port_wake(&word, 1);
    order += 'w';
    kmem_port_wake(&word, 1);
  });
  EXPECT_TRUE(tasks.run(undisturbed()));
  EXPECT_EQ(order, "wab");
}

TEST(Waiting, moves_the_clock_to_the_deadline_when_nobody_can_run) {
  power_on({});
  const uint64_t start = host().now_ns;
  uint32_t word = 0;
  Tasks tasks;
  tasks.add(0, [&] { kmem_port_wait(&word, 0, start + 500); });
  tasks.add(0, [&] { kmem_port_wait(&word, 0, start + 300); });
  EXPECT_TRUE(tasks.run(undisturbed()));
  EXPECT_EQ(host().now_ns, start + 500);
}

TEST(Waiting, of_everybody_for_ever_is_a_deadlock_and_in_an_interrupt_a_mistake) {
  power_on({});
  uint32_t word = 0;
  {
    Tasks tasks;
    tasks.add(0, [&] { kmem_port_wait(&word, 0, kmem::kForever); });
    EXPECT_NE(tasks.run(undisturbed()).failure.find("deadlock"), std::string::npos);
  }
  Tasks tasks;
  tasks.add(0, [] { kmem_sim_step(); });
  tasks.add_handler([&] {
    EXPECT_TRUE(kmem_port_in_interrupt());
    kmem_port_wait(&word, 0, kmem::kForever);
  });
  EXPECT_NE(tasks.run(plan({{0, {Event::Interrupt, 0}}})).failure.find("interrupt waits"), std::string::npos);
}

TEST(TaskState, is_each_task_s_own_and_zero_at_first) {
  power_on({});
  Tasks tasks;
  for (int i = 0; i < 2; ++i)
    tasks.add(0, [] {
      EXPECT_EQ(kmem_port_task()->preempt_count.peek(), 0u);
      kmem_port_task()->preempt_count.poke(1);
      kmem_sim_step();
    });
  EXPECT_TRUE(tasks.run(plan({{0, {Event::Switch, 1}}})));
  EXPECT_EQ(kmem_port_task()->preempt_count.peek(), 0u);
}

TEST(Scripts, with_the_same_seed_are_the_same) {
  const auto run = [](uint64_t seed) {
    Trace t;
    Tasks tasks;
    for (const char c : {'a', 'b', 'c'})
      tasks.add(0, [&t, c] {
        for (int i = 0; i < 20; ++i) t.step(c);
      });
    EXPECT_TRUE(tasks.run(random(seed, {.odds = 3, .nr_tasks = 3, .nr_cpus = 2})));
    return t.words;
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

TEST(Host, refuses_the_call_that_it_was_told_to) {
  power_on({});
  kmem::Machine machine;
  ASSERT_TRUE(kmem_port_boot(&machine));
  host().online.refuse(2);
  char* at = machine.direct_map + machine.ram[0].start.value;
  EXPECT_EQ(kmem_port_online(at, kMiB), kmem::Online::Done);
  EXPECT_EQ(kmem_port_online(at + kMiB, kMiB), kmem::Online::Refused);
  EXPECT_EQ(kmem_port_online(at + kMiB, kMiB), kmem::Online::Done);
  EXPECT_EQ(host().online.refused(), 1u);
  at[0] = 7;
  host().discard.refuse(1);
  EXPECT_FALSE(kmem_port_discard(at, kMiB));
  EXPECT_NE(at[0], 0) << "after a refusal nobody knows what is there";
  EXPECT_TRUE(kmem_port_discard(at, kMiB));
  EXPECT_EQ(at[0], 0);
}

TEST(Host, is_as_new_after_power_on) {
  kmem::Machine machine;
  power_on({});
  kmem_port_boot(&machine);
  machine.metadata[5] = 1;
  kmem_port_log("words", 5);
  EXPECT_TRUE(host().logged("words"));
  power_on({});
  kmem_port_boot(&machine);
  EXPECT_EQ(machine.metadata[5], 0);
  EXPECT_EQ(host().log, "");
  EXPECT_EQ(host().online.calls(), 0u);
}

}  // namespace
}  // namespace sim_port
