#pragma once
// Threads of libkmem-driver itself. They can be started in any context and never end.

#include <linux/sched.h>

namespace kmem_driver {

/// Starts a thread that runs body(data), which does not return, and returns its task. Aborts the program on failure.
task_struct* start_service(const char* name, void (*body)(void* data), void* data);

/// Runs a driver's function in the context of a softirq or an interrupt. Reports and corrects a changed preempt count or
/// interrupt state.
enum class Context { Softirq, Hardirq };
template <typename F>
void run_in(Context context, const void* function, F call);
void enter(Context context);
void leave(Context context, const void* function, int count_before);

template <typename F>
void run_in(Context context, const void* function, F call) {
  enter(context);
  const int before = preempt_count();
  call();
  leave(context, function, before);
}

}  // namespace kmem_driver
