// Signals, which end interruptible sleeps; and requests to the host's scheduler.

#include <signal.h>

#include <kmem/driver.h>
#include <linux/sched.h>

#include "host/host.h"
#include "task/task.h"

namespace kmem_driver {
namespace {

u64 bit_of(int signal) { return u64{1} << (signal - 1); }
bool is_signal(int signal) { return signal > 0 && signal < 64; }

/// The pending signals that the task accepts.
u64 taken_by(const task_struct* task) {
  const u64 pending = __atomic_load_n(&task->kmem_signals, __ATOMIC_SEQ_CST);
  return task->flags & PF_KTHREAD ? pending & task->kmem_allowed : pending;
}

}  // namespace
}  // namespace kmem_driver

using namespace kmem_driver;

extern "C" {

int signal_pending(const task_struct* task) noexcept { return taken_by(task) != 0; }
int fatal_signal_pending(const task_struct* task) noexcept { return (taken_by(task) & bit_of(SIGKILL)) != 0; }

int send_sig(int signal, task_struct* task, int) noexcept {
  if (!signal) return 0;
  if (!is_signal(signal)) return -EINVAL;
  if ((task->flags & PF_KTHREAD) && !(task->kmem_allowed & bit_of(signal))) return 0;  // ignored
  __atomic_or_fetch(&task->kmem_signals, bit_of(signal), __ATOMIC_SEQ_CST);
  wake_up_state(task, signal == SIGKILL ? TASK_INTERRUPTIBLE | TASK_WAKEKILL : TASK_INTERRUPTIBLE);
  return 0;
}

void flush_signals(task_struct* task) noexcept { __atomic_store_n(&task->kmem_signals, 0, __ATOMIC_SEQ_CST); }
void allow_signal(int signal) noexcept {
  if (is_signal(signal)) get_current()->kmem_allowed |= bit_of(signal);
}
void disallow_signal(int signal) noexcept {
  if (!is_signal(signal)) return;
  get_current()->kmem_allowed &= ~bit_of(signal);
  __atomic_and_fetch(&get_current()->kmem_signals, ~bit_of(signal), __ATOMIC_SEQ_CST);
}

int kmem_driver_signal(int pid, int signal) noexcept {
  if (!is_signal(signal)) return -EINVAL;
  task_struct* task;
  {
    Quietly hold(tasks().lock);
    for (task = tasks().first; task && task->pid != pid; task = task->kmem_next) {
    }
    if (!task) return -ESRCH;
    get_task_struct(task);
  }
  const int error = send_sig(signal, task, 0);
  put_task_struct(task);
  return error;
}

void set_user_nice(task_struct* task, long nice) noexcept {
  if (nice < -20 || nice > 19) return;
  task->kmem_nice = static_cast<int>(nice);
  task->static_prio = task->normal_prio = task->prio = static_cast<int>(120 + nice);
  if (task->pid > 0) host::set_nice(task->pid, static_cast<int>(nice));
}

static void ask_for_fifo(task_struct* task, int priority) {
  task->prio = 99 - priority;
  if (task->pid > 0) host::set_fifo(task->pid, priority);
}
void sched_set_fifo(task_struct* task) noexcept { ask_for_fifo(task, 50); }
void sched_set_fifo_low(task_struct* task) noexcept { ask_for_fifo(task, 1); }
void sched_set_normal(task_struct* task, int nice) noexcept { set_user_nice(task, nice); }

}  // extern "C"
