#pragma once
// Tasks and their sleep.

#include <linux/sched.h>

#include "sync/quiet_lock.h"

namespace kmem_driver {

constexpr u64 kHandlerRan = u64{1} << 63;

/// All tasks. A task's memory is only reused for tasks, so a late wake-up is harmless.
struct Tasks {
  QuietLock lock;
  task_struct* first = nullptr;  // live tasks, linked by kmem_next
  task_struct* free = nullptr;
};
Tasks& tasks();

/// A new task with one reference, added to the list; null if there is no memory.
task_struct* new_task();
/// Removes the task from the list, and drops its own reference.
void task_ends(task_struct* task);
/// Makes `task` the calling thread's task, until the thread ends.
void become(task_struct* task);

/// Has the calling thread's task ended already, so that only the thread's destructors run?
bool thread_has_ended();
/// The calling thread's task, or null, also while one is being made for it.
task_struct* known_task();

/// Sleeps in the task's state until it is woken, a signal is pending or the deadline passes. False: the deadline.
bool sleep_until(unsigned long long deadline_ns);

/// Wakes the task from any of these states, without notifying the clock. Any context.
bool wake(task_struct* task, unsigned states);

/// For waiters of a lock or an event.
inline void set_state(task_struct* task, unsigned state) { __atomic_store_n(&task->__state, state, __ATOMIC_SEQ_CST); }

}  // namespace kmem_driver
