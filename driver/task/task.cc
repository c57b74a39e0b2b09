// The list of tasks, and the task of each thread.

#include <string.h>

#include <linux/printk.h>
#include <linux/slab.h>

#include "host/host.h"
#include "task/task.h"
#include "time/clock.h"

namespace kmem_driver {
namespace {

constinit Tasks tasks_;

constexpr size_t kAtOnce = 1 << 16;

/// Allocates more free tasks.
void get_more() {
  auto* task = static_cast<task_struct*>(host::pages(kAtOnce));
  for (size_t i = 0; task && i < kAtOnce / sizeof(task_struct); ++i, ++task) {
    task->kmem_next = tasks_.free;
    tasks_.free = task;
  }
}

task_struct* take_free() {
  Quietly hold(tasks_.lock);
  if (!tasks_.free) get_more();
  task_struct* task = tasks_.free;
  if (task) tasks_.free = task->kmem_next;
  return task;
}

void thread_ends(task_struct* task) {
  host::own().task_ended = true;
  task_ends(task);
  host::own().task = nullptr;
}

void fill(task_struct* task) {
  memset(static_cast<void*>(task), 0, sizeof(*task));
  task->kmem_usage = 1;
  task->kmem_deadline = kNever;
  task->prio = task->static_prio = task->normal_prio = 120;
  task->group_leader = task->real_parent = task->parent = task;
  task->tgid = host::process_number();
  task->signal = &task->kmem_signal_struct;
}

/// Makes a task for a thread of the program at its first call.
task_struct* adopt() {
  task_struct* task = new_task();
  if (!task) BUG();
  task->pid = host::thread_number();
  host::thread_name(task->comm, sizeof(task->comm));
  become(task);
  return task;
}

}  // namespace

Tasks& tasks() { return tasks_; }
bool thread_has_ended() { return host::own().task_ended; }
task_struct* known_task() { return host::own().task; }

task_struct* new_task() {
  task_struct* task = take_free();
  if (!task) return nullptr;
  fill(task);
  Quietly hold(tasks_.lock);
  task->kmem_known = 1;
  task->kmem_next = tasks_.first;
  tasks_.first = task;
  return task;
}

void become(task_struct* task) {
  host::own().task = task;
  host::at_end(thread_ends, task);
}

void task_ends(task_struct* task) {
  {
    Quietly hold(tasks_.lock);
    task_struct** at = &tasks_.first;
    while (*at && *at != task) at = &(*at)->kmem_next;
    if (*at) *at = task->kmem_next;
    task->kmem_known = 0;
  }
  task->flags |= PF_EXITING;
  set_state(task, TASK_DEAD);
  put_task_struct(task);
  clock_look();
}

}  // namespace kmem_driver

using namespace kmem_driver;

extern "C" {

task_struct* get_current() noexcept {
  task_struct* mine = host::own().task;
  return __builtin_expect(mine != nullptr, 1) ? mine : adopt();
}

void get_task_struct_(task_struct* task) noexcept { __atomic_add_fetch(&task->kmem_usage, 1, __ATOMIC_RELAXED); }

void put_task_struct(task_struct* task) noexcept {
  if (__atomic_sub_fetch(&task->kmem_usage, 1, __ATOMIC_ACQ_REL)) return;
  kfree(task->kmem_thread);
  Quietly hold(tasks_.lock);
  task->kmem_next = tasks_.free;
  tasks_.free = task;
}

char* kmem_driver_get_task_comm(char* buffer, size_t size, const task_struct* task) noexcept {
  if (size) strncpy(buffer, task->comm, size - 1)[size - 1] = 0;
  return buffer;
}

}  // extern "C"
