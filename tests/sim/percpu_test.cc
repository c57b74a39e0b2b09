// Per-CPU variables over the simulated machine: every operation, sections, and interrupts on top of both, with
// something coming between at every step.

#include "world.h"

#include "percpu/copies.h"
#include "percpu/percpu_counter.h"
#include "percpu/percpu_heap.h"
#include "percpu/percpu_ref.h"

namespace sim {
namespace {

using kmem::Copies;
using kmem::CpuAccess;
using kmem::CpuOp;

/// A machine with nothing but per-CPU variables: one page of them, all zero.
struct PercpuMachine {
  explicit PercpuMachine(uint32_t nr_cpus, bool sequences = true) {
    Facts facts;
    facts.nr_cpus = nr_cpus;
    power_on(facts);
    copies->init(nr_cpus, sequences);
    copies_at = static_cast<char*>(kmem_port_map(copies->nr_copies() * kmem::kPercpuStride, kmem::kPercpuStride));
  }

  /// The address of the variable at `offset`.
  char* variable(size_t offset) const { return copies_at - kmem::kPercpuDistance + offset; }
  template <typename T>
  T& at(uint32_t copy, size_t offset) {
    return *reinterpret_cast<T*>(variable(offset) + kmem::percpu_distance(copy));
  }
  template <typename T>
  uint64_t sum(size_t offset) {
    uint64_t total = 0;
    for (uint32_t copy = 0; copy < copies->nr_copies(); ++copy) total += at<T>(copy, offset);
    return total;
  }

  uint64_t step(CpuOp op, unsigned size, size_t offset, uint64_t value = 0, uint64_t expected = 0) {
    return copies->step({variable(offset), op, static_cast<uint8_t>(size), value, expected});
  }

  std::unique_ptr<Copies> copies = std::make_unique<Copies>();
  char* copies_at = nullptr;
};

/// Adds one to a variable of each size by each operation that can; `offset` of 8 bytes for each.
constexpr unsigned kWays = 5, kSizes = 4;
size_t offset_of(unsigned way, unsigned log_size) { return (way * kSizes + log_size) * 16; }

void count_one(PercpuMachine& m, unsigned way, unsigned log_size) {
  const unsigned size = 1u << log_size;
  const size_t at = offset_of(way, log_size);
  switch (way) {
    case 0: m.step(CpuOp::Add, size, at, 1); break;
    case 1: m.step(CpuOp::AddReturn, size, at, 1); break;
    case 2:  // takes it out and puts it back elsewhere, perhaps on another CPU
      m.step(CpuOp::Add, size, at, m.step(CpuOp::Xchg, size, at, 0) + 1);
      break;
    case 3:
      for (uint64_t seen = m.step(CpuOp::Read, size, at);;) {
        const uint64_t found = m.step(CpuOp::Cmpxchg, size, at, seen + 1, seen);
        if (found == seen) break;
        seen = found;
      }
      break;
    default: m.step(CpuOp::Add, size, at, 2), m.step(CpuOp::Add, size, at, ~uint64_t{0});
  }
}

void count_every_way(PercpuMachine& m) {
  for (unsigned way = 0; way < kWays; ++way)
    for (unsigned log_size = 0; log_size < kSizes; ++log_size) count_one(m, way, log_size);
}

void expect_counted(PercpuMachine& m, uint64_t n) {
  for (unsigned way = 0; way < kWays; ++way) {
    EXPECT_EQ(m.sum<uint8_t>(offset_of(way, 0)) & 0xff, n & 0xff) << "way " << way;
    EXPECT_EQ(m.sum<uint16_t>(offset_of(way, 1)) & 0xffff, n & 0xffff) << "way " << way;
    EXPECT_EQ(m.sum<uint32_t>(offset_of(way, 2)) & 0xffffffff, n) << "way " << way;
    EXPECT_EQ(m.sum<uint64_t>(offset_of(way, 3)), n) << "way " << way;
  }
  expect_sound(m.copies->check());
}

// Steps ------------------------------------------------------------------------------------------------------------

TEST(PercpuSteps, each_does_its_one_thing_on_this_cpus_copy) {
  PercpuMachine m(2);
  sim_port::stand_on(1);
  for (const unsigned size : {1u, 2u, 4u, 8u}) {
    const uint64_t mask = size == 8 ? ~uint64_t{0} : (uint64_t{1} << 8 * size) - 1;
    m.step(CpuOp::Write, size, 0, 0xf0f0f0f0f0f0f0f0);
    EXPECT_EQ(m.step(CpuOp::Read, size, 0), 0xf0f0f0f0f0f0f0f0 & mask);
    m.step(CpuOp::And, size, 0, 0x3f);
    m.step(CpuOp::Or, size, 0, 1);
    EXPECT_EQ(m.step(CpuOp::AddReturn, size, 0, 2), 0x33u);
    EXPECT_EQ(m.step(CpuOp::Xchg, size, 0, 5), 0x33u);
    EXPECT_EQ(m.step(CpuOp::Cmpxchg, size, 0, 7, 4), 5u) << "not what was expected: nothing changes";
    EXPECT_EQ(m.step(CpuOp::Cmpxchg, size, 0, 7, 5), 5u);
    m.step(CpuOp::Add, size, 0, ~uint64_t{0});
    EXPECT_EQ(m.step(CpuOp::Read, size, 0), 6u);
    EXPECT_EQ(m.at<uint8_t>(1, size), 0) << "the neighbour";
    EXPECT_EQ(m.at<uint64_t>(0, 0), 0u) << "the other CPU";
    m.at<uint64_t>(1, 0) = 0;
  }
}

Outcome two_count(const Script& script, uint32_t second_cpu, bool registered, bool sequences) {
  PercpuMachine m(2, sequences);
  Tasks tasks;
  tasks.add(0, [&] { count_every_way(m); });
  tasks.add(
      second_cpu, [&] { count_every_way(m); }, registered);
  tasks.add_handler([&] { count_every_way(m); });
  uint64_t handled = 0;
  const Outcome outcome = tasks.run([&](const sim_port::Moment& moment) {
    const Event event = script(moment);
    handled += event.kind == Event::Interrupt;
    return event;
  });
  expect_counted(m, 2 + handled);
  return outcome;
}

TEST(PercpuSteps, a_switch_a_migration_or_an_interrupt_at_every_step_loses_nothing) {
  for (const bool sequences : {true, false})
    for (const bool registered : {true, false})
      for (const Event& event : {Event{Event::Switch, 1}, Event{Event::Migrate, 1}, Event{Event::Interrupt, 0}}) {
        if (testing::Test::HasFailure()) return;
        at_every_step(event, [&](const Script& script) { return two_count(script, 0, registered, sequences); });
      }
}

TEST(PercpuSteps, sixty_four_cpus_with_something_at_every_step) {
  constexpr unsigned kCpus = 64, kTasks = 96;
  for (uint64_t seed = 1; seed <= seeds(3); ++seed)
    for (const bool sequences : {true, false}) {
      PercpuMachine m(kCpus, sequences);
      Tasks tasks;
      tasks.step_limit = 20000000;
      for (unsigned i = 0; i < kTasks; ++i)
        tasks.add(
            i % kCpus,
            [&] {
              for (int n = 0; n < 3; ++n) count_every_way(m);
            },
            i % 8 != 7);
      tasks.add_handler([&] { count_every_way(m); });
      uint64_t handled = 0;
      // Odds of one: nothing runs two steps in a row.
      const Script script = sim_port::random(seed, {.odds = 1, .nr_tasks = kTasks, .nr_handlers = 0, .nr_cpus = kCpus});
      const Outcome outcome = tasks.run([&](const sim_port::Moment& moment) -> Event {
        if (moment.depth == 0 && moment.step % 997 == 0) {
          ++handled;
          return {Event::Interrupt, 0};
        }
        return script(moment);
      });
      ASSERT_TRUE(outcome) << outcome.failure << " seed " << seed;
      expect_counted(m, 3 * kTasks + handled);
    }
}

// Sections ---------------------------------------------------------------------------------------------------------

/// In a section: reads, lets others come, writes.  Whoever else wrote meanwhile is seen, since the count then is less.
void count_in_a_section(PercpuMachine& m, unsigned nr = 1) {
  for (; nr; --nr) {
    const uint32_t copy = m.copies->take();
    uint64_t& word = m.at<uint64_t>(copy, 0);
    const uint64_t seen = word;
    kmem_sim_step();
    kmem_sim_step();
    EXPECT_EQ(word, seen) << "somebody was in copy " << copy;
    word = seen + 1;
    kmem_sim_step();
    EXPECT_EQ(word, seen + 1);
    EXPECT_EQ(m.copies->take(), copy) << "a section within stays where it is";
    m.step(CpuOp::Add, 8, 8, 1);
    EXPECT_EQ(m.at<uint64_t>(copy, 16), 0u);
    m.copies->give();
  }
}

/// One task in sections, the other between: by sections and by single steps on the same word.
Outcome sections_and_steps(const Script& script, uint32_t second_cpu, bool sequences) {
  PercpuMachine m(2, sequences);
  Tasks tasks;
  tasks.add(0, [&] { count_in_a_section(m, 2); });
  tasks.add(second_cpu, [&] {
    m.step(CpuOp::Add, 8, 0, 1);
    count_in_a_section(m);
    m.step(CpuOp::Xchg, 8, 0, m.step(CpuOp::Read, 8, 24));
    m.step(CpuOp::Add, 8, 0, 1);
  });
  const Outcome outcome = tasks.run(script);
  expect_sound(m.copies->check());
  return outcome;
}

TEST(PercpuSections, nobody_else_enters_a_copy_that_is_taken) {
  for (const bool sequences : {true, false})
    for (const uint32_t cpu : {0u, 1u}) {
      at_every_step({Event::Switch, 1}, [&](const Script& s) { return sections_and_steps(s, cpu, sequences); });
      at_every_two_steps({Event::Switch, 1}, {Event::Switch, 0},
                         [&](const Script& s) { return sections_and_steps(s, cpu, sequences); });
      at_every_two_steps({Event::Migrate, 1}, {Event::Switch, 1},
                         [&](const Script& s) { return sections_and_steps(s, cpu, sequences); });
    }
}

TEST(PercpuSections, a_step_in_a_section_falls_on_the_copy_of_the_section) {
  PercpuMachine m(2);
  Tasks tasks;
  tasks.add(0, [&] {
    const uint32_t copy = m.copies->take();
    EXPECT_EQ(copy, 0u);
    kmem_sim_step();
    m.step(CpuOp::Add, 8, 0, 1);
    EXPECT_EQ(m.at<uint64_t>(0, 0), 1u) << "although it runs on CPU 1 now";
    m.copies->give();
    m.step(CpuOp::Add, 8, 0, 1);
    EXPECT_EQ(m.at<uint64_t>(1, 0), 1u);
  });
  bool taken = false;
  ASSERT_TRUE(tasks.run([&](const sim_port::Moment&) -> Event {
    uint32_t copy;
    if (taken || !m.copies->held(copy)) return {};
    taken = true;
    return {Event::Migrate, 1};
  }));
}

/// get_cpu() and put_cpu(), by the count that tells an interrupt whether it is within a section.
uint32_t enter(PercpuMachine& m) {
  kmem::Atomic<uint32_t>& count = kmem_port_task()->preempt_count;
  count.poke(count.peek() + 1);
  return m.copies->take();
}
void leave(PercpuMachine& m) {
  kmem::Atomic<uint32_t>& count = kmem_port_task()->preempt_count;
  count.poke(count.peek() - 1);
  if (!count.peek()) m.copies->give();
}

TEST(PercpuSections, interrupts_may_have_sections_and_steps_of_their_own_at_any_step) {
  for (const bool sequences : {true, false}) {
    const auto scenario = [&](const Script& script) {
      PercpuMachine m(1, sequences);
      Tasks tasks;
      uint64_t handled = 0;
      const auto work = [&] {
        const uint32_t copy = enter(m);
        m.step(CpuOp::Add, 8, 0, 1);
        kmem_sim_step();
        EXPECT_EQ(m.copies->take(), copy);
        leave(m);
        m.step(CpuOp::Add, 8, 0, 1);
      };
      tasks.add(0, work);
      tasks.add(0, work);
      tasks.add_handler([&] {
        const uint32_t copy = enter(m);
        m.step(CpuOp::Add, 8, 0, 1);
        EXPECT_EQ(m.copies->take(), copy);
        leave(m);
        ++handled;
      });
      const Outcome outcome = tasks.run(script);
      EXPECT_EQ(m.sum<uint64_t>(0), 4 + handled);
      expect_sound(m.copies->check());
      return outcome;
    };
    at_every_two_steps({Event::Interrupt, 0}, {Event::Switch, 1}, scenario);
    at_every_two_steps({Event::Switch, 1}, {Event::Interrupt, 0}, scenario);
    at_every_two_steps({Event::Interrupt, 0}, {Event::Interrupt, 0}, scenario);
  }
}

TEST(PercpuSections, who_finds_everything_taken_waits_and_is_woken) {
  for (const bool sequences : {true, false}) {
    PercpuMachine m(1, sequences);
    const unsigned nr = m.copies->nr_copies();
    Tasks tasks;
    std::set<uint32_t> in_use;
    for (unsigned i = 0; i < nr + 3; ++i)
      tasks.add(0, [&] {
        const uint32_t copy = m.copies->take();
        EXPECT_TRUE(in_use.insert(copy).second) << "two tasks have copy " << copy;
        for (int n = 0; n < 50; ++n) kmem_sim_step();
        in_use.erase(copy);
        m.copies->give();
      });
    const Outcome outcome = tasks.run(sim_port::random(7, {.odds = 2, .nr_tasks = nr + 3, .nr_handlers = 0, .nr_cpus = 1}));
    EXPECT_TRUE(outcome) << outcome.failure;
    expect_sound(m.copies->check());
  }
}

TEST(PercpuSections, many_on_many_cpus_with_something_at_every_step) {
  constexpr unsigned kCpus = 64, kTasks = 80;
  for (uint64_t seed = 1; seed <= seeds(4); ++seed)
    for (const bool sequences : {true, false}) {
      PercpuMachine m(kCpus, sequences);
      Tasks tasks;
      tasks.step_limit = 20000000;
      for (unsigned i = 0; i < kTasks; ++i)
        tasks.add(
            i % (i % 2 ? kCpus : 2),
            [&] {
              for (int n = 0; n < 20; ++n) {
                count_in_a_section(m);
                m.step(CpuOp::Add, 8, 0, 1);
              }
            },
            i % 8 != 7);
      const Outcome outcome =
          tasks.run(sim_port::random(seed, {.odds = 1, .nr_tasks = kTasks, .nr_handlers = 0, .nr_cpus = kCpus}));
      ASSERT_TRUE(outcome) << outcome.failure << " seed " << seed;
      EXPECT_EQ(m.sum<uint64_t>(0), kTasks * 40u);
      EXPECT_EQ(m.sum<uint64_t>(8), kTasks * 20u);
      expect_sound(m.copies->check());
    }
}

TEST(PercpuSections, a_copy_that_is_not_given_back_is_found) {
  PercpuMachine m(1);
  expect_sound(m.copies->check());
  m.copies->take();
  EXPECT_TRUE(m.copies->check().is("D1"));
  m.copies->give();
  PercpuMachine without(1, false);
  without.copies->take();
  EXPECT_TRUE(without.copies->check().is("D2"));
  without.copies->after_fork();
  EXPECT_TRUE(without.copies->check().is("D2")) << "the forking task keeps what it has";
  without.copies->give();
  expect_sound(without.copies->check());
}

// On top -----------------------------------------------------------------------------------------------------------

unsigned nr_released = 0;

// Dynamic memory ---------------------------------------------------------------------------------------------------

/// Takes three pieces, gives two back, and keeps the third's address; pieces of others must not lie in them.
void take_and_give(kmem::PercpuHeap& heap, size_t bytes, std::vector<char*>& kept) {
  char* pieces[3];
  for (size_t i = 0; i < 3; ++i) {
    pieces[i] = heap.alloc(bytes + i * 600, 8 << i, kmem::gfp::kKernel);
    ASSERT_NE(pieces[i], nullptr);
    memset(pieces[i] + kmem::percpu_distance(0), static_cast<int>(bytes), bytes + i * 600);
  }
  for (size_t i = 0; i < 3; ++i)
    for (size_t at = 0; at < bytes + i * 600; ++at)
      ASSERT_EQ(pieces[i][kmem::percpu_distance(0) + at], static_cast<char>(bytes)) << "somebody else has it too";
  EXPECT_TRUE(heap.free(pieces[1]));
  EXPECT_TRUE(heap.free(pieces[0]));
  kept.push_back(pieces[2]);
}

TEST(PercpuMemory, pieces_do_not_overlap_and_room_is_not_lost_whatever_comes_between) {
  const auto scenario = [&](const Script& script) {
    sim_port::power_on({});
    auto heap = std::make_unique<kmem::PercpuHeap>();
    heap->init(2);
    std::vector<char*> kept;
    char* before = heap->alloc(4000, 8, kmem::gfp::kKernel);
    Tasks tasks;
    tasks.add(0, [&] { take_and_give(*heap, 500, kept); });
    tasks.add(0, [&] {
      EXPECT_TRUE(heap->free(before));
      take_and_give(*heap, 3000, kept);
    });
    tasks.add_handler([&] { take_and_give(*heap, 40, kept); });
    const Outcome outcome = tasks.run(script);
    for (char* p : kept) EXPECT_TRUE(heap->free(p));
    const kmem::Fault fault = heap->check();
    EXPECT_FALSE(fault) << fault.rule << " at " << fault.where;
    EXPECT_NE(heap->alloc(kmem::kPercpuStride, 8, kmem::gfp::kAtomic), nullptr) << "a whole chunk is free again";
    return outcome;
  };
  at_every_step({Event::Switch, 1}, scenario);
  at_every_step({Event::Interrupt, 0}, scenario);
}

TEST(PercpuRefs, the_last_reference_is_seen_once_whatever_comes_between) {
  for (const bool sequences : {true, false}) {
    const auto scenario = [&](const Script& script) {
      PercpuMachine m(2, sequences);
      kmem::PercpuRef ref;
      nr_released = 0;
      ref.init(sequences ? m.variable(0) : nullptr, [](kmem::PercpuRef*) { ++nr_released; }, {});
      Tasks tasks;
      for (const uint32_t cpu : {0u, 1u})
        tasks.add(cpu, [&] {
          if (!ref.try_get_live(*m.copies, 1)) return;
          EXPECT_EQ(nr_released, 0u);
          ref.get(*m.copies, 2);
          ref.put(*m.copies, 1);
          EXPECT_EQ(nr_released, 0u);
          ref.put(*m.copies, 2);
        });
      tasks.add(0, [&] {
        EXPECT_TRUE(ref.mark_dead(*m.copies));
        EXPECT_EQ(nr_released, 0u);
        ref.put(*m.copies, 1);
      });
      const Outcome outcome = tasks.run(script);
      EXPECT_EQ(nr_released, 1u);
      EXPECT_TRUE(ref.is_zero());
      return outcome;
    };
    at_every_two_steps({Event::Switch, 2}, {Event::Switch, 1}, scenario);
    at_every_two_steps({Event::Switch, 2}, {Event::Switch, 0}, scenario);
    at_every_two_steps({Event::Switch, 1}, {Event::Switch, 2}, scenario);
  }
}

TEST(PercpuCounters, the_sum_is_exact_when_all_have_added) {
  for (const bool sequences : {true, false})
    for (const Event& event : {Event{Event::Switch, 1}, Event{Event::Migrate, 1}, Event{Event::Interrupt, 0}})
      at_every_step(event, [&](const Script& script) {
        PercpuMachine m(2, sequences);
        kmem::PercpuCounter counter{};
        counter.parts = m.variable(0);
        uint64_t handled = 0;
        Tasks tasks;
        const auto add = [&] {
          for (int i = 0; i < 5; ++i) counter.add(*m.copies, 1, 3);
          counter.add(*m.copies, -7, 3);
        };
        tasks.add(0, add);
        tasks.add(0, add);
        tasks.add_handler([&] {
          ++handled;
          add();
          counter.sum(*m.copies);
        });
        const Outcome outcome = tasks.run(script);
        EXPECT_EQ(counter.sum(*m.copies), -2 * static_cast<int64_t>(2 + handled));
        return outcome;
      });
}

}  // namespace
}  // namespace sim
