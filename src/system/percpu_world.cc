#include "system/percpu_world.h"

#include "base/memory.h"
#include "port/machine.h"
#include "port/port.h"
#include "port/task.h"

namespace kmem {

constinit PercpuWorld the_percpu;

PercpuWorld& percpu() { return the_percpu; }

bool is_pinned() {
  const TaskState& task = *kmem_port_task();
  return task.preempt_count.peek() | task.irqs_off.peek();
}

void end_pinning() {
  if (kmem_port_task()->copy_held.peek() && !is_pinned()) percpu().copies.give();
}

void clear_percpu() { memset(static_cast<void*>(&the_percpu), 0, sizeof the_percpu); }

void start_percpu(const Machine& machine) {
#ifdef KMEM_SIM
  clear_percpu();  // tests start several machines one after another
#endif
  the_percpu.copies.init(machine.nr_cpus, machine.cpu_stack != CpuStackMode::PerThread);
  the_percpu.heap.init(the_percpu.copies.nr_copies());
  the_percpu.objects.init(the_percpu.copies.nr_copies());
}

}  // namespace kmem
