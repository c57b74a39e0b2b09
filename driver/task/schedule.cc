// Sleeping and waking.

#include <linux/printk.h>
#include <linux/sched.h>

#include "host/host.h"
#include "print/mistakes.h"
#include "task/task.h"
#include "time/clock.h"

namespace kmem_driver {
namespace {

constexpr unsigned long long kTick = 1'000'000'000 / HZ;

unsigned state_of(const task_struct* task) { return __atomic_load_n(&task->__state, __ATOMIC_SEQ_CST); }

/// A signal handler ran in the sleeping thread: acts as a pending signal until the sleeping call has returned.
void note_handler(task_struct* task) {
  if (!(task->flags & PF_KTHREAD)) __atomic_or_fetch(&task->kmem_signals, kHandlerRan, __ATOMIC_SEQ_CST);
}

/// Sleeps once, on the state word; may wake spuriously. False: the deadline has passed.
bool sleep_once(task_struct* task, unsigned state, unsigned long long deadline) {
  if (time_is_virtual()) {
    if (__atomic_load_n(&task->kmem_timed_out, __ATOMIC_SEQ_CST)) return false;
    if (host::wait(&task->__state, state) == host::Woken::BySignal) note_handler(task);
    return !__atomic_load_n(&task->kmem_timed_out, __ATOMIC_SEQ_CST);
  }
  const host::Woken woken = host::wait(&task->__state, state, deadline);
  if (woken == host::Woken::BySignal) note_handler(task);
  return woken != host::Woken::TooLate;
}

void park(task_struct* task, unsigned long long deadline) {
  __atomic_store_n(&task->kmem_deadline, deadline, __ATOMIC_SEQ_CST);
  __atomic_store_n(&task->kmem_timed_out, 0, __ATOMIC_SEQ_CST);
  __atomic_store_n(&task->kmem_parked, 1, __ATOMIC_SEQ_CST);
  clock_look();
}

void unpark(task_struct* task) {
  __atomic_store_n(&task->kmem_parked, 0, __ATOMIC_SEQ_CST);
  __atomic_store_n(&task->kmem_deadline, kNever, __ATOMIC_SEQ_CST);
  set_state(task, TASK_RUNNING);
}

void check_context(task_struct* task) {
  if (!preempt_count() && !irqs_disabled()) return;
  static ratelimit_state limit = RATELIMIT_STATE_INIT(limit, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);
  if (!__ratelimit(&limit)) return;
  count_mistake();
  printk(KERN_ERR "BUG: scheduling while atomic: %s/%d/0x%08x\n", task->comm, task->pid,
         static_cast<unsigned>(preempt_count()));
  dump_stack();
}

unsigned long long deadline_in(long ticks) { return clock_ns() + static_cast<unsigned long long>(ticks) * kTick; }

long ticks_until(unsigned long long deadline) {
  const unsigned long long now = clock_ns();
  return now >= deadline ? 0 : static_cast<long>((deadline - now + kTick - 1) / kTick);
}

long sleep_in(unsigned state, long ticks) {
  __set_current_state(state);
  return schedule_timeout(ticks);
}

}  // namespace

bool sleep_until(unsigned long long deadline) {
  task_struct* const task = get_current();
  if (state_of(task) == TASK_RUNNING) return yield(), true;
  check_context(task);
  park(task, deadline);
  bool in_time = true;
  for (unsigned state; in_time && (state = state_of(task)) != TASK_RUNNING && !signal_pending_state(state, task);)
    in_time = sleep_once(task, state, deadline);
  unpark(task);
  kmem_begin_turn();
  return in_time;
}

bool wake(task_struct* task, unsigned states) {
  unsigned seen = state_of(task);
  do {
    if (seen == TASK_RUNNING || seen == TASK_DEAD || !(seen & states)) return false;
  } while (!__atomic_compare_exchange_n(&task->__state, &seen, TASK_RUNNING, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
  host::wake(&task->__state, 1);
  return true;
}

}  // namespace kmem_driver

using namespace kmem_driver;

extern "C" {

void schedule() noexcept { sleep_until(kNever); }

long schedule_timeout(long ticks) noexcept {
  if (ticks == MAX_SCHEDULE_TIMEOUT) return sleep_until(kNever), ticks;
  if (ticks < 0) {
    count_mistake();
    printk(KERN_ERR "schedule_timeout: wrong timeout value %lx\n", static_cast<unsigned long>(ticks));
    dump_stack();
    __set_current_state(TASK_RUNNING);
    return 0;
  }
  const unsigned long long deadline = deadline_in(ticks);
  sleep_until(deadline);
  return ticks_until(deadline);
}

long schedule_timeout_interruptible(long ticks) noexcept { return sleep_in(TASK_INTERRUPTIBLE, ticks); }
long schedule_timeout_killable(long ticks) noexcept { return sleep_in(TASK_KILLABLE, ticks); }
long schedule_timeout_uninterruptible(long ticks) noexcept { return sleep_in(TASK_UNINTERRUPTIBLE, ticks); }
long schedule_timeout_idle(long ticks) noexcept { return sleep_in(TASK_IDLE, ticks); }

void yield() noexcept { host::give_way(); }

int wake_up_state(task_struct* task, unsigned int states) noexcept {
  if (!wake(task, states)) return 0;
  clock_look();
  return 1;
}

int wake_up_process(task_struct* task) noexcept { return wake_up_state(task, TASK_NORMAL | TASK_PARKED | TASK_NEW); }

}  // extern "C"
