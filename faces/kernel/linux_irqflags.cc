// Interrupts off and on.

#include <linux/irqflags.h>

#include "lock_watch.h"
#include "port/port.h"
#include "port/task.h"
#include "system/percpu_world.h"

namespace {
kmem::TaskState& task() { return *kmem_port_task(); }
}  // namespace

extern "C" {

unsigned long kmem_irq_save() noexcept {
  if (irqs_disabled()) return 0;
  const uint64_t flags = kmem_port_irq_save();
  task().irq_flags.poke(flags);
  task().irqs_off.poke(1);
  return 1;
}

void kmem_irq_restore(unsigned long were_on) noexcept {
  if (!were_on || !irqs_disabled()) return;
  if (const kmem_lock_watch* watch = kmem::lock_watch.peek(); KMEM_UNLIKELY(watch != nullptr))
    watch->interrupts_on(__builtin_return_address(0));
  task().irqs_off.poke(0);
  kmem::end_pinning();
  kmem_port_irq_restore(task().irq_flags.peek());
}

}  // extern "C"
