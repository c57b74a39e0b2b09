// Threads of libkmem-driver, and the contexts in which they call drivers' functions.

#include "task/service.h"
#include "print/mistakes.h"

#include <string.h>

#include <linux/hardirq.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/printk.h>

#include "lock/lockdep.h"
#include "task/task.h"

namespace kmem_driver {
namespace {

void begin(const host::Start& start) {
  become(start.task);
  start.task->pid = host::thread_number();
  start.body(start.data);
}

}  // namespace

int start_thread(const host::Start& start) { return host::start_thread(start.task->comm, begin, start); }

task_struct* start_service(const char* name, void (*body)(void*), void* data) {
  task_struct* task = new_task();
  if (!task) BUG();
  task->flags |= PF_KTHREAD | PF_NOFREEZE;
  strncpy(task->comm, name, sizeof(task->comm) - 1);
  if (start_thread({task, body, data})) BUG();
  return task;
}

Entered enter(Context context) {
  Entered before = {0, lockdep::begin_interrupt(), 0};
  if (context == Context::Hardirq) {
    before.irqs_on = kmem_irq_save();
    irq_enter();
  } else {
    preempt_count_add(static_cast<int>(SOFTIRQ_OFFSET));
  }
  before.count = preempt_count();
  return before;
}

void leave(Context context, const void* function, const Entered& before) {
  const int after = preempt_count();
  if (after != before.count) {
    count_mistake();
    printk(KERN_ERR "%s: %pS preempt leak: %08x -> %08x\n", context == Context::Hardirq ? "irq" : "softirq", function,
           static_cast<unsigned>(before.count), static_cast<unsigned>(after));
    if (after > before.count) preempt_count_sub(after - before.count);
  }
  lockdep::check_none_held("a timer's or tasklet's function returns");
  lockdep::end_interrupt(before.held_below);
  if (context == Context::Hardirq) {
    if (!irqs_disabled()) count_mistake(), printk(KERN_ERR "irq: %pS enabled interrupts\n", function);
    irq_exit();
    kmem_irq_restore(before.irqs_on);
  } else {
    if (irqs_disabled()) {
      count_mistake();
      printk(KERN_ERR "softirq: %pS left interrupts off\n", function);
      local_irq_enable();
    }
    preempt_count_sub(static_cast<int>(SOFTIRQ_OFFSET));
  }
}

}  // namespace kmem_driver
