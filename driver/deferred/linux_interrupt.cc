// Tasklets, and the thread that runs them.

#include <linux/interrupt.h>
#include <linux/kernel.h>

#include "sync/quiet_lock.h"
#include "task/service.h"
#include "task/task.h"

namespace kmem_driver {
namespace {

constexpr unsigned long kScheduled = 1ul << TASKLET_STATE_SCHED, kRuns = 1ul << TASKLET_STATE_RUN;

struct List {
  tasklet_struct *first = nullptr, **end = &first;
  void add(tasklet_struct* t) {
    t->next = nullptr;
    *end = t;
    end = &t->next;
  }
};

/// Both lists, and the thread.
struct Softirq {
  QuietLock lock;
  List high, normal;
  task_struct* thread = nullptr;
  unsigned begun = 0, rounds = 0;
};
Softirq& softirq() {
  static Softirq one;
  return one;
}

bool disabled(const tasklet_struct* t) { return __atomic_load_n(&t->kmem_count, __ATOMIC_SEQ_CST) != 0; }

/// Takes the next tasklet that is not disabled, and marks it as running.
tasklet_struct* take_from(List& list) {
  for (tasklet_struct** at = &list.first; *at; at = &(*at)->next) {
    tasklet_struct* t = *at;
    if (disabled(t)) continue;
    *at = t->next;
    if (list.end == &t->next) list.end = at;
    __atomic_or_fetch(&t->state, kRuns, __ATOMIC_SEQ_CST);
    __atomic_and_fetch(&t->state, ~kScheduled, __ATOMIC_SEQ_CST);
    return t;
  }
  return nullptr;
}

void ended(tasklet_struct* t) {
  Softirq& s = softirq();
  __atomic_and_fetch(&t->state, ~kRuns, __ATOMIC_SEQ_CST);
  __atomic_add_fetch(&s.rounds, 1, __ATOMIC_SEQ_CST);
  host::wake(&s.rounds, __INT_MAX__);
}

bool run_one() {
  Softirq& s = softirq();
  tasklet_struct* t;
  {
    Quietly hold(s.lock);
    t = take_from(s.high);
    if (!t) t = take_from(s.normal);
    if (!t) set_state(get_current(), TASK_IDLE);
  }
  if (!t) return false;
  const void* function = t->use_callback ? reinterpret_cast<const void*>(t->callback) : reinterpret_cast<const void*>(t->func);
  run_in(Context::Softirq, function, [&] { t->use_callback ? t->callback(t) : t->func(t->data); });
  ended(t);
  return true;
}

void work(void*) {
  __atomic_store_n(&softirq().thread, get_current(), __ATOMIC_SEQ_CST);
  for (;;)
    if (!run_one()) schedule();
}

void begin() {
  Softirq& s = softirq();
  if (!__atomic_exchange_n(&s.begun, 1u, __ATOMIC_SEQ_CST)) start_service("ksoftirqd", work, nullptr);
}

void wake_thread() {
  if (task_struct* thread = __atomic_load_n(&softirq().thread, __ATOMIC_SEQ_CST)) wake_up_state(thread, TASK_IDLE);
}

void schedule_in(List& list, tasklet_struct* t) {
  begin();
  {
    Quietly hold(softirq().lock);
    if (__atomic_fetch_or(&t->state, kScheduled, __ATOMIC_SEQ_CST) & kScheduled) return;
    list.add(t);
  }
  wake_thread();
}

/// Waits until the state has none of the bits.
void wait_for(tasklet_struct* t, unsigned long bits) {
  Softirq& s = softirq();
  if (get_current() == __atomic_load_n(&s.thread, __ATOMIC_SEQ_CST)) return;
  for (;;) {
    const unsigned rounds = __atomic_load_n(&s.rounds, __ATOMIC_SEQ_CST);
    if (!(__atomic_load_n(&t->state, __ATOMIC_SEQ_CST) & bits)) return;
    host::wait(&s.rounds, rounds);
  }
}

}  // namespace
}  // namespace kmem_driver

using namespace kmem_driver;

extern "C" {

void tasklet_init(tasklet_struct* t, void (*function)(unsigned long), unsigned long data) noexcept {
  *t = {};
  t->func = function;
  t->data = data;
  begin();
}
void tasklet_setup(tasklet_struct* t, void (*callback)(tasklet_struct*)) noexcept {
  *t = {};
  t->use_callback = true;
  t->callback = callback;
  begin();
}
void tasklet_schedule(tasklet_struct* t) noexcept { schedule_in(softirq().normal, t); }
void tasklet_hi_schedule(tasklet_struct* t) noexcept { schedule_in(softirq().high, t); }

void tasklet_disable_nosync(tasklet_struct* t) noexcept { __atomic_add_fetch(&t->kmem_count, 1, __ATOMIC_SEQ_CST); }
void tasklet_disable(tasklet_struct* t) noexcept {
  tasklet_disable_nosync(t);
  tasklet_unlock_wait(t);
}
void tasklet_enable(tasklet_struct* t) noexcept {
  if (!__atomic_sub_fetch(&t->kmem_count, 1, __ATOMIC_SEQ_CST)) wake_thread();
}
void tasklet_unlock_wait(tasklet_struct* t) noexcept { wait_for(t, kRuns); }

void tasklet_kill(tasklet_struct* t) noexcept {
  might_sleep();
  WARN(in_interrupt(), "Attempt to kill tasklet from interrupt");
  WARN(disabled(t) && (t->state & kScheduled), "tasklet %p is scheduled, disabled, and killed: it would wait for ever",
       static_cast<void*>(t));
  if (!disabled(t)) wait_for(t, kScheduled | kRuns);
}

}  // extern "C"
