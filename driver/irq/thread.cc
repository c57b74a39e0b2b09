// In a process a thread calls the handlers.

#include "irq/lines.h"

#include "lock/queued.h"
#include "task/service.h"
#include "task/task.h"

namespace kmem_driver {
namespace {

constinit unsigned guard_word = 0;
constinit bool begun = false;
constinit task_struct* the_thread = nullptr;

task_struct* thread() { return __atomic_load_n(&the_thread, __ATOMIC_SEQ_CST); }

void work(void*) {
  __atomic_store_n(&the_thread, get_current(), __ATOMIC_SEQ_CST);
  for (;;)
    if (!lines().serve_one()) schedule();
}

}  // namespace

void Lines::begin() {
  Guard hold(guard_word);
  if (begun) return;
  begun = true;
  init_waitqueue_head(&threads_idle);
  start_service("irq", work, nullptr);
}

void Lines::changed() {
  if (task_struct* t = thread()) wake_up_state(t, TASK_IDLE);
}

bool Lines::is_in_handler() const { return get_current() == thread(); }

/// Under the lock, so that who raises a line finds the thread asleep.
void Lines::rest() { set_state(get_current(), TASK_IDLE); }

}  // namespace kmem_driver
