// The contract of every port, CPUs, time, waiting, interrupts.

#include <errno.h>
#if !defined(KMEM_SIM) && !defined(KMEM_BARE)
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#include "port/contract.h"
#include "port/task.h"

namespace kmem {
namespace {

#ifdef KMEM_HAS_HOST
volatile sig_atomic_t nr_interrupts, was_found_out;
#endif

TEST_F(Contract, the_clock_does_not_go_back_and_a_fence_returns) {
  const uint64_t before = kmem_port_now_ns();
  kmem_port_fence_cpus(kmem::Fence::Asked);
  EXPECT_GE(kmem_port_now_ns(), before);
}

TEST_F(Contract, the_quick_clock_is_the_clock) {
  const uint64_t tick = kmem_port_tick_ns(), now = kmem_port_now_ns();
  EXPECT_LE(tick, now);
  EXPECT_LT(now - tick, 1'000'000'000u);
}

TEST_F(Contract, a_wait_ends_at_its_deadline_and_at_once_where_the_word_is_another) {
  uint32_t word = 1;
  const uint64_t start = kmem_port_now_ns(), until = start + 1'000'000;
  kmem_port_wait(&word, 0, start + 600'000'000'000);
  EXPECT_LT(kmem_port_now_ns(), start + 600'000'000'000) << "the word was another, and it waited for its deadline";
  // A wait may end early; one that never waits for anything would come back a great many times.
  unsigned waits = 0;
  for (; kmem_port_now_ns() < until && waits < 1'000'000; ++waits) kmem_port_wait(&word, 1, until);
  EXPECT_GE(kmem_port_now_ns(), until) << waits << " waits, and the deadline was never reached";
  kmem_port_wake(&word, 1);
  EXPECT_EQ(word, 1u) << "waiting and waking leave the word alone";
}

TEST_F(Contract, a_thread_of_our_own_is_started_or_refused) {
  static uint32_t ran;
  const bool started = kmem_port_spawn(
      [](void* p) {
        __atomic_store_n(static_cast<uint32_t*>(p), 1, __ATOMIC_RELEASE);
        kmem_port_wake(static_cast<uint32_t*>(p), 1);
      },
      &ran);
  EXPECT_TRUE(started);
#ifndef KMEM_SIM  // there a test runs it
  while (started && !__atomic_load_n(&ran, __ATOMIC_ACQUIRE)) kmem_port_wait(&ran, 0, kForever);
#endif
}

TEST_F(Contract, a_task_that_lets_others_run_goes_on) {
  TaskState* const task = kmem_port_task();
  for (unsigned i = 0; i < 10; ++i) kmem_port_yield();
  EXPECT_EQ(task, kmem_port_task());
}

TEST_F(Contract, a_task_has_one_state_and_is_no_interrupt) {
  TaskState* task = kmem_port_task();
  ASSERT_NE(task, nullptr);
  EXPECT_EQ(task, kmem_port_task());
  EXPECT_EQ(task->preempt_count.peek(), 0u);
  EXPECT_FALSE(kmem_port_in_interrupt());
}

#ifdef KMEM_HAS_HOST
TEST_F(Contract, a_process_can_be_kept_to_its_first_cpus_and_the_others_are_not_online) {
  const pid_t child = fork();
  if (child == 0) {
    uint64_t mask[kMaxCpus / 64] = {};
    if (kmem_port_keep_to_cpus(1) != 1 || !kmem_port_cpus(HostCpus::Online, mask, kMaxCpus / 64)) _exit(1);
    unsigned n = 0;
    for (const uint64_t word : mask) n += static_cast<unsigned>(__builtin_popcountll(word));
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) || CPU_COUNT(&set) != 1) _exit(2);
    _exit(n == 1 ? 0 : 3);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}
#endif

TEST_F(Contract, interrupts_that_are_kept_off_come_when_the_outermost_lets_them) {
  const uint64_t outer = kmem_port_irq_save();
  const uint64_t inner = kmem_port_irq_save();
#ifdef KMEM_HAS_HOST  // in the simulated machine tests/sim/any_context_test.cc sends one at every step
  signal(SIGUSR1, [](int) {
    nr_interrupts = nr_interrupts + 1;
    was_found_out = kmem_port_in_interrupt();
  });
  raise(SIGUSR1);
  EXPECT_EQ(nr_interrupts, 0);
#endif
  kmem_port_irq_restore(inner);
#ifdef KMEM_HAS_HOST
  EXPECT_EQ(nr_interrupts, 0);
#endif
  errno = 4711;
  kmem_port_irq_restore(outer);
  EXPECT_FALSE(kmem_port_in_interrupt());
  EXPECT_EQ(errno, 4711);
#ifdef KMEM_HAS_HOST
#ifndef KMEM_TSAN  // which calls handlers later, from code of its own
  EXPECT_EQ(nr_interrupts, 1);
  EXPECT_TRUE(was_found_out);
#endif
  signal(SIGUSR1, SIG_IGN);
#endif
}

}  // namespace
}  // namespace kmem
