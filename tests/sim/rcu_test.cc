// Readers and grace periods, disturbed at every step: whatever comes between, nobody reads what was freed, every wait ends,
// and what is to be called is called once.

#include "sync/rcu.h"

#include "sim/world.h"

extern "C" void kmem_sim_step();

namespace sim {
namespace {

using kmem::Rcu;
using kmem::RcuHead;

/// Things of which the newest is published, and the one before is freed behind a grace period.
struct Published {
  struct Thing {
    RcuHead head{};
    Published* owner = nullptr;
    unsigned number = 0;
    bool freed = false;
  };
  static constexpr unsigned kMost = 64;

  Published() {
    sim_port::power_on({});
    kmem_port_boot(machine.get());
    for (unsigned i = 0; i < kMost; ++i) things[i].owner = this, things[i].number = i;
    current.poke(make());
  }
  Thing* make() { return &things[nr_made++]; }

  /// Looks at the newest thing, for some steps.
  void read() {
    rcu->read_lock();
    Thing* thing = current.load();
    look(thing);
    rcu->read_lock();
    look(current.load());
    rcu->read_unlock();
    look(thing);
    rcu->read_unlock();
    ++nr_reads;
  }
  void look(const Thing* thing) {
    kmem_sim_step();
    EXPECT_FALSE(thing->freed) << "thing " << thing->number << " was freed while somebody reads it";
  }
  void replace_and_wait() {
    Thing* old = current.exchange(make());
    rcu->synchronize();
    old->freed = true;
  }
  void replace_and_call() {
    Thing* old = current.exchange(make());
    rcu->call(&old->head, [](RcuHead* head) {
      auto* thing = reinterpret_cast<Thing*>(head);
      EXPECT_FALSE(thing->freed) << "called twice";
      thing->freed = true;
      thing->owner->called.push_back(thing->number);
      kmem_sim_step();
    });
  }
  void expect_all_called() {
    rcu->poll();
    EXPECT_EQ(rcu->nr_waiting(), 0u);
    unsigned nr_freed = 0;
    for (const Thing& thing : things) nr_freed += thing.freed;
    EXPECT_EQ(nr_freed, nr_made - 1) << "all but the one that is published";
  }

  std::unique_ptr<kmem::Machine> machine = std::make_unique<kmem::Machine>();
  std::unique_ptr<Rcu> rcu = std::make_unique<Rcu>();
  Thing things[kMost];
  unsigned nr_made = 0, nr_reads = 0;
  kmem::Atomic<Thing*> current;
  std::vector<unsigned> called;
};

struct Operation {
  const char* name;
  void (*run)(Published&);
  bool sleeps = false;
};
const Operation kOperations[] = {
    {"read", [](Published& p) { p.read(); }},
    {"read twice", [](Published& p) { p.read(), p.read(); }},
    {"replace and wait", [](Published& p) { p.replace_and_wait(); }, true},
    {"replace and wait, twice", [](Published& p) { p.replace_and_wait(), p.replace_and_wait(); }, true},
    {"replace, and call later", [](Published& p) { p.replace_and_call(); }},
    {"replace, call later, and drive", [](Published& p) { p.replace_and_call(), p.rcu->poll(); }, true},
};

enum class Who { Interrupt, SameCpu, OtherCpu };

Outcome disturbed(const Operation& operation, const Operation& intruder, Who who, const Script& script) {
  Published p;
  Tasks tasks;
  tasks.add(0, [&] { operation.run(p); });
  if (who == Who::Interrupt) tasks.add_handler([&] { intruder.run(p); });
  else tasks.add(who == Who::SameCpu ? 0 : 1, [&] { intruder.run(p); });
  const Outcome outcome = tasks.run(script);
  if (outcome) p.expect_all_called();
  return outcome;
}

void every_pair(Who who, const Event& event) {
  uint64_t runs = 0;
  for (const Operation& operation : kOperations)
    for (const Operation& intruder : kOperations) {
      if (who == Who::Interrupt && intruder.sleeps) continue;
      SCOPED_TRACE(std::string("'") + operation.name + "' disturbed by '" + intruder.name + "'");
      runs += at_every_step(event, [&](const Script& s) { return disturbed(operation, intruder, who, s); });
      if (testing::Test::HasFailure()) return;
    }
  EXPECT_GT(runs, 1000u) << "the scenarios have become too short to show anything";
}

TEST(Rcu, an_interrupt_may_read_and_replace_at_every_step) { every_pair(Who::Interrupt, {Event::Interrupt, 0}); }
TEST(Rcu, a_task_that_preempts_another_may_do_so_at_every_step) { every_pair(Who::SameCpu, {Event::Switch, 1}); }
TEST(Rcu, a_task_on_another_cpu_may_do_so_at_every_step) { every_pair(Who::OtherCpu, {Event::Switch, 1}); }

TEST(Rcu, a_reader_may_leave_on_another_cpu_than_it_entered) {
  for (const Operation& operation : kOperations)
    at_every_two_steps(
        {Event::Migrate, 1}, {Event::Switch, 1},
        [&](const Script& s) { return disturbed(operation, kOperations[2], Who::OtherCpu, s); }, 3);
}

// A reader that has read the phase, then two grace periods, of which the second must see it: the reason that each turns the
// phase twice.  The reader is held up at each of its steps, goes on at each of the writer's, and is held up again.
TEST(Rcu, a_reader_that_was_held_up_between_any_two_of_its_steps_is_seen_by_every_grace_period) {
  uint64_t runs = 0;
  bool in_reader = true;
  for (uint64_t n = 0; in_reader; ++n) {
    bool more = true;
    for (uint64_t m = n + 1; more; m += 3) {
      for (uint64_t l = m + 1; l < m + 30; ++l, ++runs) {
        Published p;
        Tasks tasks;
        tasks.add(0, [&] { p.read(); });
        tasks.add(1, [&] {
          for (int i = 0; i < 3; ++i) p.replace_and_wait();
        });
        bool reading = true;
        const Script script =
            [&, plan = sim_port::plan({{n, {Event::Switch, 1}}, {m, {Event::Switch, 0}}, {l, {Event::Switch, 1}}})](
                const sim_port::Moment& moment) {
              if (moment.step == n) reading = !p.nr_reads;
              return plan(moment);
            };
        const Outcome outcome = tasks.run(script);
        ASSERT_TRUE(outcome) << outcome.failure;
        p.expect_all_called();
        ASSERT_FALSE(testing::Test::HasFailure()) << "held up at step " << n << ", on at " << m << ", held up at " << l;
        in_reader = reading;
        more = outcome.steps > m;
        if (outcome.steps <= l) break;
      }
      if (!in_reader) break;
    }
  }
  EXPECT_GT(runs, 5000u);
}

// One reader stays, another has read the phase and is held up; at each step of the writer's sum the second enters and leaves.
// What it adds to both sums must not hide the first.
TEST(Rcu, a_reader_that_comes_and_goes_while_the_sums_are_taken_hides_no_other) {
  bool more = true;
  for (unsigned held_at = 1; held_at < 8; ++held_at)
    for (unsigned at = 1; at == 1 || more; ++at) {
      Published p;
      Tasks tasks;
      enum { Writer, Stays, Comes };
      tasks.add(0, [&] { p.replace_and_wait(); });
      bool reads = false;
      unsigned nr_looks = 0;
      tasks.add(1, [&] {
        p.rcu->read_lock();
        Published::Thing* thing = p.current.load();
        for (reads = true; nr_looks < 3; ++nr_looks) p.look(thing);
        p.rcu->read_unlock();
      });
      tasks.add(1, [&] { p.read(); });
      unsigned steps[3] = {};
      more = false;
      const Outcome outcome = tasks.run([&](const sim_port::Moment& moment) -> Event {
        const unsigned n = ++steps[moment.task];
        if (moment.task == Writer && n == 1) return {Event::Switch, Stays};
        if (moment.task == Stays && reads && !steps[Comes]) return {Event::Switch, Comes};
        if (moment.task == Comes && n == held_at) return {Event::Switch, Writer};
        if (moment.task == Writer && steps[Comes] == held_at && n == at + 1) return more = true, Event{Event::Switch, Comes};
        return {};
      });
      ASSERT_TRUE(outcome) << outcome.failure;
      p.expect_all_called();
      ASSERT_FALSE(testing::Test::HasFailure()) << "held up at its step " << held_at << ", on at the writer's " << at;
    }
}

TEST(Rcu, what_one_task_gives_is_called_in_its_order_whoever_drives) {
  at_every_two_steps({Event::Switch, 1}, {Event::Switch, 0}, [](const Script& script) {
    Published p;
    Tasks tasks;
    tasks.add(0, [&] { p.replace_and_call(), p.replace_and_call(), p.rcu->poll(); });
    tasks.add(1, [&] { p.rcu->poll(), p.read(); });
    const Outcome outcome = tasks.run(script);
    if (outcome) p.expect_all_called();
    EXPECT_EQ(p.called, (std::vector<unsigned>{0, 1}));
    return outcome;
  });
}

TEST(Rcu, eight_tasks_and_interrupts_at_random_read_nothing_that_was_freed) {
  for (uint64_t seed = 1; seed <= seeds(200); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Published p;
    Tasks tasks;
    for (unsigned i = 0; i < 8; ++i)
      tasks.add(
          i % 2,
          [&p, i] {
            for (unsigned n = 0; n < 4; ++n) kOperations[(i + n) % 6].run(p);
          },
          i != 7);
    tasks.add_handler([&] { p.read(); });
    const Outcome outcome = tasks.run(sim_port::random(seed, {.odds = 3, .nr_tasks = 8, .nr_handlers = 1, .nr_cpus = 2}));
    ASSERT_TRUE(outcome) << outcome.failure;
    p.expect_all_called();
    ASSERT_FALSE(testing::Test::HasFailure());
  }
}

// Slabs that are kept for readers --------------------------------------------------------------------------------------

/// A cache whose slabs stay while anybody may read, one object of which is published.
struct KeptSlabs {
  KeptSlabs() {
    world.slabs.rcu = rcu.get();
    world.caches.push_back(std::make_unique<Cache>());
    EXPECT_TRUE(cache().init(world.slabs, 1, {.name = "kept", .object_size = 1024, .keeps_slabs = true}, world.new_nodes()));
    user = std::make_unique<User>(cache(), ledger);
    for (int i = 0; i < 6; ++i) objects.push_back(cache().alloc(kmem::gfp::kKernel));
    published.poke(objects[2]);
  }
  Cache& cache() { return *world.caches[0]; }
  void withdraw_and_reap() {
    published.store(nullptr);
    for (void* object : objects) cache().free(object);
    cache().reap(kmem::OtherCpus::Interrupt);
  }
  void read() {
    rcu->read_lock();
    if (const void* object = published.load())
      for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(cache().slabs().owns(object)) << "its slab went while somebody reads";
        kmem_sim_step();
      }
    rcu->read_unlock();
  }
  void expect_all_back() {
    user->give_all();
    cache().reap(kmem::OtherCpus::Interrupt);  // what was on its way
    cache().reap(kmem::OtherCpus::Interrupt);  // and what became empty meanwhile
    EXPECT_EQ(cache().nr_slabs(), 0);
    EXPECT_TRUE(cache().rcu_slabs().stop());
    expect_sound(cache().check());
    EXPECT_EQ(nr_double_frees, 0u);
  }

  World world;
  std::unique_ptr<Rcu> rcu = std::make_unique<Rcu>();
  Ledger ledger;
  std::unique_ptr<User> user;
  std::vector<void*> objects;
  kmem::Atomic<void*> published;
};

// At each step of who reclaims another task begins to read, is held up at one of its steps until reclaim is over, and goes on.
TEST(ReclaimBehindReaders, takes_no_slab_away_from_a_reader_wherever_it_begins) {
  uint64_t runs = 0;
  for (unsigned held_at = 1; held_at < 14; ++held_at)
    for (unsigned at = 1, more = 1; more; ++at, ++runs) {
      KeptSlabs k;
      Tasks tasks;
      tasks.add(0, [&] { k.withdraw_and_reap(); });
      tasks.add(1, [&] { k.read(); });
      unsigned steps[2] = {};
      more = 0;
      const Outcome outcome = tasks.run([&](const sim_port::Moment& moment) -> Event {
        const unsigned n = ++steps[moment.task];
        if (moment.task == 0 && n == at) return more = 1, Event{Event::Switch, 1};
        if (moment.task == 1 && n == held_at) return {Event::Switch, 0};
        return {};
      });
      ASSERT_TRUE(outcome) << outcome.failure;
      k.expect_all_back();
      ASSERT_FALSE(testing::Test::HasFailure()) << "it begins at step " << at << " and is held up at its step " << held_at;
    }
  EXPECT_GT(runs, 1000u);
}

TEST(ReclaimBehindReaders, others_may_allocate_free_and_reclaim_at_every_step) {
  for (const Event& event : {Event{Event::Switch, 1}, Event{Event::Interrupt, 0}})
    at_every_step(event, [&](const Script& script) {
      KeptSlabs k;
      Tasks tasks;
      tasks.add(0, [&] { k.withdraw_and_reap(); });
      tasks.add(1, [&] {
        k.user->take(3);
        k.cache().reap(kmem::OtherCpus::Interrupt);
        k.user->give(2);
      });
      User handler(k.cache(), k.ledger);
      tasks.add_handler([&] {
        handler.take(2);
        k.read();
        handler.give(2);
      });
      const Outcome outcome = tasks.run(script);
      if (outcome) k.expect_all_back();
      return outcome;
    });
}

}  // namespace
}  // namespace sim
