// Call traces.

#include <execinfo.h>
#include <stdio.h>
#include <unistd.h>

#include <linux/printk.h>
#include <linux/sched.h>

extern "C" {

void dump_stack() noexcept {
  char name[TASK_COMM_LEN] = "";
  get_task_comm(name, get_current());
  printk(KERN_DEFAULT "PID: %d Comm: %s\n", gettid(), name);
  printk(KERN_DEFAULT "Call Trace:\n");
  void* frames[24];
  const int n = backtrace(frames, 24);
  for (int i = 1; i < n; ++i) printk(KERN_DEFAULT " %pB\n", frames[i]);
}

}  // extern "C"
