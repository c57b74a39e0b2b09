#pragma once
// Threads of libkmem-driver itself. They can be started in any context and never end.

#include <linux/sched.h>

#include "host/host.h"

namespace kmem_driver {

/// Starts a thread that runs body(data), which does not return, and returns its task. Aborts the program on failure.
task_struct* start_service(const char* name, void (*body)(void* data), void* data);

/// Starts the thread of a task; it becomes that task and runs the body. 0 or -errno.
int start_thread(const host::Start& start);

/// Runs a driver's function in the context of a softirq or an interrupt. Reports and corrects a changed preempt count or
/// interrupt state.
enum class Context { Softirq, Hardirq };
template <typename F>
void run_in(Context context, const void* function, F call);
/// What was before.
struct Entered {
  unsigned long irqs_on;
  unsigned held_below;
  int count;
};
Entered enter(Context context);
void leave(Context context, const void* function, const Entered& before);

template <typename F>
void run_in(Context context, const void* function, F call) {
  const Entered before = enter(context);
  call();
  leave(context, function, before);
}

}  // namespace kmem_driver
