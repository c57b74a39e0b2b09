// The lock that tasks wait for, stepped: one holder at a time, no wake-up is lost, and an interrupt over the holder is not
// taken for somebody who may wait.

#include "sync/waiting_lock.h"

#include "sim/world.h"
#include "vmap/sleep_lock.h"

namespace sim {
namespace {

using kmem::SleepLock;
using kmem::WaitingLock;

/// clang does not see through ASSERT_TRUE that the lock is held.
void unlock(SleepLock& lock) KMEM_NO_LOCK_CHECK { lock.unlock(); }

struct Guarded {
  WaitingLock lock;
  unsigned inside = 0, done = 0;
  kmem::Atomic<uint32_t> pace{0};
  void enter() {
    lock.lock();
    EXPECT_TRUE(lock.is_mine());
    EXPECT_EQ(++inside, 1u) << "two are inside";
    pace.fetch_add(1);  // steps, at which others come
    pace.fetch_add(1);
    --inside;
    ++done;
    lock.unlock();
    EXPECT_FALSE(lock.is_mine());
  }
};

TEST(WaitingLockSteps, one_of_three_is_inside_and_all_come_out) {
  for (uint64_t seed = 1; seed <= seeds(400); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    sim_port::power_on(Facts{});
    Guarded guarded;
    Tasks tasks;
    for (unsigned i = 0; i < 3; ++i) tasks.add(i % 2, [&] { guarded.enter(), guarded.enter(); });
    const Outcome outcome = tasks.run(sim_port::random(seed, {.odds = 3, .nr_tasks = 3, .nr_handlers = 0, .nr_cpus = 2}));
    ASSERT_TRUE(outcome) << outcome.failure;
    EXPECT_EQ(guarded.done, 6u);
    EXPECT_EQ(guarded.lock.owner(), nullptr);
    if (HasFailure()) return;
  }
}

TEST(WaitingLockSteps, an_interrupt_finds_its_own_tasks_name_whenever_it_comes_over_the_holder) {
  for (uint64_t n = 0;; ++n) {
    SCOPED_TRACE("the interrupt comes at step " + std::to_string(n));
    sim_port::power_on(Facts{});
    WaitingLock lock;
    Tasks tasks;
    tasks.add(0, [&] { lock.lock(), lock.unlock(); });
    tasks.add_handler([&] {
      if (lock.is_mine()) return;
      ASSERT_TRUE(lock.try_lock()) << "it is held, and not by name";
      lock.unlock();
    });
    const Outcome outcome = tasks.run(sim_port::plan({{n, {Event::Interrupt, 0}}}));
    ASSERT_TRUE(outcome) << outcome.failure;
    if (HasFailure() || outcome.steps <= n) return;
  }
}

TEST(SleepLockSteps, who_must_not_wait_tries_and_a_fork_out_of_the_holder_is_told) {
  sim_port::power_on(Facts{});
  SleepLock lock;
  ASSERT_TRUE(lock.lock(kmem::Wait::Allowed));
  EXPECT_FALSE(lock.lock(kmem::Wait::Allowed)) << "its holder";
  EXPECT_FALSE(lock.lock(kmem::Wait::Never));
  lock.hold_for_fork();
  EXPECT_FALSE(lock.free_in_child()) << "the fork came over its holder, whose change the child has half of";
  EXPECT_TRUE(lock.try_lock()) << "it is free in the child";
  unlock(lock);
}

TEST(SleepLockSteps, a_fork_over_a_fork_and_a_fork_over_the_holder_leave_the_lock_to_whom_it_belongs) {
  sim_port::power_on(Facts{});
  SleepLock lock;
  lock.hold_for_fork();
  lock.hold_for_fork();  // a handler's, over the first
  lock.release_after_fork();
  EXPECT_FALSE(lock.try_lock()) << "the outer fork still holds it";
  lock.release_after_fork();
  ASSERT_TRUE(lock.try_lock()) << "both forks are over";
  lock.hold_for_fork();
  lock.release_after_fork();
  EXPECT_FALSE(lock.try_lock()) << "its holder goes on after the handler's fork";
  unlock(lock);
  lock.release_after_fork();  // booted since the fork began
  lock.hold_for_fork();
  lock.hold_for_fork();
  EXPECT_TRUE(lock.free_in_child()) << "a fork holds it while nothing changes";
  lock.hold_for_fork();
  lock.release_after_fork();
  EXPECT_TRUE(lock.try_lock());
}

}  // namespace
}  // namespace sim
