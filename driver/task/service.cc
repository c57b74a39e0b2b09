// Threads of libkmem-driver, and the contexts in which they call drivers' functions.

#include "task/service.h"
#include "print/mistakes.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <linux/hardirq.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/printk.h>

#include "lock/lockdep.h"
#include "task/task.h"

namespace kmem_driver {
namespace {

struct Start {
  task_struct* task;
  void (*body)(void*);
  void* data;
};

void* run(void* argument) {
  const Start start = *static_cast<Start*>(argument);
  delete static_cast<Start*>(argument);
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  become(start.task);
  start.task->pid = gettid();
  pthread_setname_np(pthread_self(), start.task->comm);
  start.body(start.data);
  return nullptr;
}

}  // namespace

task_struct* start_service(const char* name, void (*body)(void*), void* data) {
  task_struct* task = new_task();
  if (!task) BUG();
  task->flags |= PF_KTHREAD | PF_NOFREEZE;
  strncpy(task->comm, name, sizeof(task->comm) - 1);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  if (pthread_create(&thread, &attributes, run, new Start{task, body, data})) BUG();
  pthread_attr_destroy(&attributes);
  return task;
}

void enter(Context context) {
  if (context == Context::Hardirq) {
    local_irq_disable();
    irq_enter();
  } else {
    preempt_count_add(static_cast<int>(SOFTIRQ_OFFSET));
  }
}

void leave(Context context, const void* function, int count_before) {
  const int after = preempt_count();
  if (after != count_before) {
    count_mistake();
    printk(KERN_ERR "%s: %pS preempt leak: %08x -> %08x\n", context == Context::Hardirq ? "irq" : "softirq", function,
           static_cast<unsigned>(count_before), static_cast<unsigned>(after));
    if (after > count_before) preempt_count_sub(after - count_before);
  }
  lockdep::check_none_held("a timer's or tasklet's function returns");
  if (context == Context::Hardirq) {
    if (!irqs_disabled()) count_mistake(), printk(KERN_ERR "irq: %pS enabled interrupts\n", function);
    irq_exit();
    local_irq_enable();
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
