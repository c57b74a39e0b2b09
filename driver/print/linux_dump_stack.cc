// Call traces.

#include <linux/printk.h>
#include <linux/sched.h>

#include "host/host.h"

extern "C" {

void dump_stack() noexcept {
  char name[TASK_COMM_LEN] = "";
  get_task_comm(name, get_current());
  printk(KERN_DEFAULT "PID: %d Comm: %s\n", kmem_driver::host::thread_number(), name);
  printk(KERN_DEFAULT "Call Trace:\n");
  void* frames[24];
  const int n = kmem_driver::host::trace(frames, 24);
  for (int i = 1; i < n; ++i) printk(KERN_DEFAULT " %pB\n", frames[i]);
}

}  // extern "C"
