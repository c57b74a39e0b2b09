// A memory pool whose every step is disturbed: by interrupts that allocate and free, by other tasks on the same CPU and
// on others, by the clock.  A wait that nobody ends is found by the simulated machine: every task asleep is a deadlock.

#include "pool/mempool.h"

#include <map>

#include "sim/world.h"

namespace sim {
namespace {

using kmem::kForever;
using kmem::Mempool;
using kmem::PoolList;
using kmem::PoolWorld;

constexpr kmem::Gfp kKernel = kmem::gfp::kKernel, kAtomic = kmem::gfp::kAtomic;

/// A pool over an allocator that has elements while it is not dry, and a ledger of who holds what.
struct PoolOfTest {
  explicit PoolOfTest(uint32_t min_nr, unsigned nr_elements = 1000) : left(nr_elements) {
    sim_port::power_on({});
    kmem_port_boot(machine.get());
    pools = std::make_unique<PoolList>();
    EXPECT_TRUE(pool.init(world(), *pools, {min_nr, alloc, free, this}));
  }
  static const PoolWorld& world() {
    static const PoolWorld w{[](size_t bytes, kmem::Gfp, int) { return calloc(1, bytes); }, [](void* p) { ::free(p); }, nullptr,
                             false, 2};
    return w;
  }
  static void* alloc(kmem::Gfp gfp, void* self) { return static_cast<PoolOfTest*>(self)->give(gfp); }
  static void free(void* element, void* self) { static_cast<PoolOfTest*>(self)->take_back(element); }

  void* give(kmem::Gfp gfp) {
    kmem_sim_step();
    if (asked) asked(gfp);
    if (!left || (fails && fails())) return nullptr;
    --left;
    void* element = reinterpret_cast<void*>(uintptr_t{64} * ++nr_made);
    known.insert(element);
    last_given[kmem_port_task()] = element;
    return element;
  }
  void take_back(void* element) {
    kmem_sim_step();
    ++left;
    EXPECT_EQ(known.erase(element), 1u) << "freed twice, or never made";
  }

  void* get(kmem::Gfp gfp, uint64_t deadline = kForever) {
    void* element = pool.alloc(gfp, deadline);
    if (element) {
      EXPECT_TRUE(held.insert(element).second) << "given out twice";
    } else {
      EXPECT_TRUE(!(gfp & kmem::gfp::kDirectReclaim) || deadline != kForever) << "an allocation that may sleep failed";
    }
    return element;
  }
  void put(void* element) {
    if (!element) return;
    EXPECT_EQ(held.erase(element), 1u);
    pool.free(element);
  }
  /// On a quiet system, with nothing held: the pool holds back what it wants, and nothing else exists.
  void expect_all_home() {
    expect_sound(pools->check());
    EXPECT_TRUE(held.empty());
    EXPECT_EQ(pool.nr_waiting(), 0u);
    EXPECT_EQ(pool.nr_out(), 0);
    EXPECT_EQ(known.size(), static_cast<size_t>(pool.nr_reserved())) << "elements are lost";
    EXPECT_TRUE(pool.saturated());
    EXPECT_EQ(pool.exit(), 0);
    EXPECT_TRUE(known.empty());
  }

  std::unique_ptr<kmem::Machine> machine = std::make_unique<kmem::Machine>();
  std::unique_ptr<PoolList> pools;
  Mempool pool;
  unsigned left, nr_made = 0;
  std::function<bool()> fails;
  std::function<void(kmem::Gfp)> asked;
  std::set<void*> known, held;
  std::map<const kmem::TaskState*, void*> last_given;  // by the allocator
};

struct Operation {
  const char* name;
  void (*run)(PoolOfTest&);
  bool sleeps = false;
};
const Operation kOperations[] = {
    {"take and give, asleep if need be", [](PoolOfTest& t) { t.put(t.get(kKernel)); }, true},
    {"take and give twice",
     [](PoolOfTest& t) {
       for (int i = 0; i < 2; ++i) t.put(t.get(kKernel));
     },
     true},
    {"take and give in no time", [](PoolOfTest& t) { t.put(t.get(kAtomic)); }},
    {"take two and give them in no time",
     [](PoolOfTest& t) {
       void* a = t.get(kAtomic);
       void* b = t.get(kAtomic);
       t.put(a), t.put(b);
     }},
    {"take with a deadline", [](PoolOfTest& t) { t.put(t.get(kKernel, host().now_ns + 1000)); }, true},
    {"take a reserved one and give it",
     [](PoolOfTest& t) {
       void* e = t.pool.alloc_reserved();
       EXPECT_TRUE(!e || t.held.insert(e).second);
       t.put(e);
     }},
    {"resize up and down",
     [](PoolOfTest& t) {
       t.pool.resize(3, kAtomic);
       t.pool.resize(1, kAtomic);
     }},
};

enum class Who { Interrupt, SameCpu, OtherCpu };

/// `source`: elements that the allocator has beyond those held back.
Outcome disturbed(const Operation& operation, const Operation& intruder, Who who, unsigned source, const Script& script) {
  PoolOfTest t(1, 1 + source);
  Tasks tasks;
  tasks.add(0, [&] { operation.run(t); });
  if (who == Who::Interrupt) tasks.add_handler([&] { intruder.run(t); });
  else tasks.add(who == Who::SameCpu ? 0 : 1, [&] { intruder.run(t); });
  const Outcome outcome = tasks.run(script);
  if (outcome) t.expect_all_home();
  return outcome;
}

void every_pair(Who who, const Event& event) {
  uint64_t runs = 0;
  for (const Operation& operation : kOperations)
    for (const Operation& intruder : kOperations)
      for (const unsigned source : {0u, 1u}) {
        if (who == Who::Interrupt && intruder.sleeps) continue;
        SCOPED_TRACE(std::string("'") + operation.name + "' disturbed by '" + intruder.name + "', source " +
                     std::to_string(source));
        runs += at_every_step(event, [&](const Script& s) { return disturbed(operation, intruder, who, source, s); });
        if (testing::Test::HasFailure()) return;
      }
  EXPECT_GT(runs, 500u) << "the scenarios have become too short to show anything";
}

TEST(Mempool, an_interrupt_may_use_the_pool_at_every_step) { every_pair(Who::Interrupt, {Event::Interrupt, 0}); }
TEST(Mempool, a_task_that_preempts_another_may_use_the_pool_at_every_step) { every_pair(Who::SameCpu, {Event::Switch, 1}); }
TEST(Mempool, a_task_on_another_cpu_may_use_the_pool_at_every_step) { every_pair(Who::OtherCpu, {Event::Switch, 1}); }

// The second gets so far, then the first goes on, then whoever can.
TEST(Mempool, two_tasks_may_alternate_at_any_two_steps) {
  uint64_t runs = 0;
  for (const unsigned a : {0u, 1u, 3u, 4u, 6u})
    for (const unsigned b : {0u, 2u, 4u}) {
      SCOPED_TRACE(std::string("'") + kOperations[a].name + "' and '" + kOperations[b].name + "'");
      runs += at_every_two_steps({Event::Switch, 1}, {Event::Switch, 0}, [&](const Script& s) {
        return disturbed(kOperations[a], kOperations[b], Who::OtherCpu, 0, s);
      });
      if (HasFailure()) return;
    }
  EXPECT_GT(runs, 3000u);
}

// Eight tasks and a reserve of one, over an allocator that fails at random and in the end always.  From the moment that
// a task stands in line, each of the other seven is served twice at most: once because it stood before it, and once
// because it had seen that nobody waits.
TEST(Mempool, nobody_who_may_sleep_fails_and_everybody_gets_through_in_so_many_turns) {
  constexpr unsigned kTasks = 8, kRounds = 6;
  uint64_t longest = 0;
  for (uint64_t seed = 0; seed < seeds(60); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    PoolOfTest t(1);
    uint64_t draw = seed * 2 + 1, nr_served = 0;
    uint64_t in_line_since[kTasks] = {};
    bool in_line[kTasks] = {};
    unsigned nr_asked = 0;
    t.fails = [&] {
      draw = draw * 6364136223846793005u + 1442695040888963407u;
      return ++nr_asked > 60 || (draw >> 40) % 4 != 0;
    };
    std::map<const kmem::TaskState*, unsigned> who;
    t.asked = [&](kmem::Gfp gfp) {
      const auto task = who.find(kmem_port_task());
      // The patient question comes when the task has its ticket.
      if (task == who.end() || !(gfp & kmem::gfp::kDirectReclaim) || in_line[task->second]) return;
      in_line[task->second] = true;
      in_line_since[task->second] = nr_served;
    };
    Tasks tasks;
    for (unsigned k = 0; k < kTasks; ++k)
      tasks.add(k % 2, [&, k] {
        who[kmem_port_task()] = k;
        for (unsigned round = 0; round < kRounds; ++round) {
          void* element = t.get(kKernel);
          if (in_line[k]) {
            const uint64_t turns = nr_served - in_line_since[k];
            if (turns > longest) longest = turns;
            EXPECT_LE(turns, 2 * (kTasks - 1)) << "others went first";
          }
          in_line[k] = false;
          nr_served += t.last_given[kmem_port_task()] != element;
          kmem_sim_step();
          t.put(element);
        }
      });
    tasks.add_handler([&] { t.put(t.get(kAtomic)); });
    const Outcome outcome = tasks.run(sim_port::random(seed, {.odds = 6, .nr_tasks = kTasks, .nr_handlers = 1, .nr_cpus = 2}));
    ASSERT_TRUE(outcome) << outcome.failure;
    t.fails = nullptr;
    t.expect_all_home();
    if (HasFailure()) return;
  }
  RecordProperty("longest wait in turns", std::to_string(longest));
}

// One waits, one comes later: whatever the order of steps, the first is served first.
TEST(Mempool, waiters_are_woken_in_the_order_in_which_they_came) {
  for (uint64_t seed = 0; seed < seeds(100); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    PoolOfTest t(1, 1);
    void* only = t.get(kKernel);
    std::vector<unsigned> served;
    Tasks tasks;
    for (unsigned k = 0; k < 5; ++k)
      tasks.add(k % 2, [&, k] {
        void* element = t.get(kKernel);
        served.push_back(k);
        t.put(element);
      });
    tasks.add(0, [&] {
      while (t.pool.nr_waiting() < 5)
        kmem_port_wait(reinterpret_cast<const uint32_t*>(&only), *reinterpret_cast<uint32_t*>(&only), host().now_ns + 10);
      t.put(only);
    });
    // They come one after the other, and are disturbed once all stand in line.
    const Script later = sim_port::random(seed, {.odds = 4, .nr_tasks = 6, .nr_cpus = 2});
    const Outcome outcome =
        tasks.run([&](const sim_port::Moment& m) { return t.pool.nr_waiting() < 5 && served.empty() ? Event{} : later(m); });
    ASSERT_TRUE(outcome) << outcome.failure;
    EXPECT_EQ(served, (std::vector<unsigned>{0, 1, 2, 3, 4}));
    t.expect_all_home();
    if (HasFailure()) return;
  }
}

TEST(Mempool, a_wait_that_nobody_ends_is_told_by_its_deadline) {
  PoolOfTest t(1, 1);
  void* only = t.get(kKernel);
  Tasks tasks;
  std::vector<void*> got(3, only);
  for (unsigned k = 0; k < 3; ++k) tasks.add(k, [&, k] { got[k] = t.get(kKernel, host().now_ns + 1000 * (k + 1)); });
  EXPECT_TRUE(tasks.run(sim_port::undisturbed()));
  EXPECT_EQ(got, std::vector<void*>(3, nullptr));
  EXPECT_EQ(t.pool.nr_waiting(), 0u);
  t.put(only);
  t.expect_all_home();
}

}  // namespace
}  // namespace sim
