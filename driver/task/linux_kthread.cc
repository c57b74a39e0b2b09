// Kernel threads.

#include <linux/kthread.h>
#include <linux/printk.h>
#include <linux/slab.h>

#include "host/host.h"
#include "lock/lockdep.h"
#include "task/service.h"
#include "task/task.h"

/// The data of a kernel thread besides its task.
struct kmem_kthread {
  int (*function)(void*);
  void* data;
  task_struct* task;
  unsigned stop, park;
  completion parked, started, ended;
  int result;
};

namespace kmem_driver {
namespace {

bool flag(const unsigned& word) { return __atomic_load_n(&word, __ATOMIC_SEQ_CST) != 0; }
void set(unsigned& word, unsigned value) { __atomic_store_n(&word, value, __ATOMIC_SEQ_CST); }

/// Holders of a reference to the task may still access it.
void end(kmem_kthread& self, int result) {
  self.result = result;
  lockdep::check_none_held("a kernel thread ends");
  task_struct* const task = self.task;
  get_task_struct(task);
  task_ends(task);
  complete_all(&self.ended);
  become(nullptr);
  put_task_struct(task);
}

void run(void* argument) {
  kmem_kthread& self = *static_cast<kmem_kthread*>(argument);
  // The thread must be asleep before its creator continues.
  set_state(self.task, TASK_UNINTERRUPTIBLE);
  complete(&self.started);
  schedule();
  int result = -EINTR;
  if (!flag(self.stop)) {
    if (flag(self.park)) kthread_parkme();
    result = self.function(self.data);
  }
  end(self, result);
}

int start(kmem_kthread* self) {
  const int error = start_thread({self->task, run, self});
  if (!error) wait_for_completion(&self->started);
  return error;
}

kmem_kthread* of(task_struct* task) { return task->kmem_thread; }

}  // namespace
}  // namespace kmem_driver

using namespace kmem_driver;

extern "C" {

task_struct* kthread_create_on_node(int (*function)(void*), void* data, int, const char* format, ...) noexcept {
  auto* self = static_cast<kmem_kthread*>(kzalloc(sizeof(kmem_kthread), GFP_KERNEL));
  if (!self) return static_cast<task_struct*>(ERR_PTR(-ENOMEM));
  self->function = function;
  self->data = data;
  init_completion(&self->parked);
  init_completion(&self->started);
  init_completion(&self->ended);
  task_struct* const task = self->task = new_task();
  if (!task) {
    kfree(self);
    return static_cast<task_struct*>(ERR_PTR(-ENOMEM));
  }
  task->flags |= PF_KTHREAD;
  task->kmem_thread = self;
  va_list arguments;
  va_start(arguments, format);
  kmem_driver_vsnprintf(task->comm, sizeof(task->comm), format, arguments);
  va_end(arguments);
  if (const int error = start(self)) {
    task_ends(task);
    kfree(self);
    return static_cast<task_struct*>(ERR_PTR(error));
  }
  return task;
}

bool kthread_should_stop() noexcept {
  const kmem_kthread* self = of(get_current());
  return self && flag(self->stop);
}
bool kthread_should_park() noexcept {
  const kmem_kthread* self = of(get_current());
  return self && flag(self->park);
}
void* kthread_data(task_struct* task) noexcept { return of(task)->data; }

int kthread_stop(task_struct* task) noexcept {
  get_task_struct(task);
  kmem_kthread* const self = of(task);
  set(self->stop, 1);
  kthread_unpark(task);
  wake_up_process(task);
  wait_for_completion(&self->ended);
  const int result = self->result;
  put_task_struct(task);
  return result;
}

int kthread_stop_put(task_struct* task) noexcept {
  const int result = kthread_stop(task);
  put_task_struct(task);
  return result;
}

void kthread_parkme() noexcept {
  kmem_kthread* const self = of(get_current());
  while (flag(self->park)) {
    set_current_state(TASK_PARKED);
    if (!flag(self->park)) break;
    complete(&self->parked);
    schedule();
  }
  __set_current_state(TASK_RUNNING);
}

int kthread_park(task_struct* task) noexcept {
  kmem_kthread* const self = of(task);
  if (task->flags & PF_EXITING) return -ENOSYS;
  if (flag(self->park)) return -EBUSY;
  set(self->park, 1);
  if (task == get_current()) return 0;
  wake_up_process(task);
  wait_for_completion(&self->parked);
  return 0;
}

void kthread_unpark(task_struct* task) noexcept {
  kmem_kthread* const self = of(task);
  if (!flag(self->park)) return;
  set(self->park, 0);
  wake_up_state(task, TASK_PARKED);
}

void kthread_complete_and_exit(completion* done, long code) noexcept {
  if (done) complete(done);
  end(*of(get_current()), static_cast<int>(code));
  host::end_thread();
}

void kthread_bind(task_struct* task, unsigned int cpu) noexcept { host::bind(task->pid, cpu); }

}  // extern "C"
