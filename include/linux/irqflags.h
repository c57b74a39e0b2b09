#ifndef KMEM_LINUX_IRQFLAGS_H
#define KMEM_LINUX_IRQFLAGS_H
/* Interrupts off and on: in a process, signals.
 *
 * local_irq_disable() blocks the calling thread's signals, so that no handler of it runs until local_irq_enable(): all but
 * those that an instruction raises (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS) and those that libc needs for itself.
 * Each costs a system call, some 100 ns; where interrupts are off already, local_irq_save() and local_irq_restore() cost
 * none.  Signals that come meanwhile are delivered at the end.  A program that changes its signal mask in between gets
 * back what it had before.
 *
 * Between the two the caller must not sleep.  Any context. */
#include <linux/preempt.h>

KMEM_BEGIN_C

/** Were interrupts on?  They are off now. */
KMEM_API unsigned long kmem_irq_save(void) KMEM_NOTHROW;
/** On again, if they were. */
KMEM_API void kmem_irq_restore(unsigned long were_on) KMEM_NOTHROW;

static inline void local_irq_disable(void) { (void)kmem_irq_save(); }
static inline void local_irq_enable(void) { kmem_irq_restore(1); }

KMEM_END_C

/** flags is an unsigned long of the caller's. */
#define local_irq_save(flags) ((void)((flags) = kmem_irq_save()))
#define local_irq_restore(flags) kmem_irq_restore(flags)
#define local_save_flags(flags) ((void)((flags) = !irqs_disabled()))
#define irqs_disabled_flags(flags) (!(flags))

#endif
