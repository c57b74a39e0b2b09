#ifndef KMEM_LINUX_IRQFLAGS_H
#define KMEM_LINUX_IRQFLAGS_H
/* Interrupts off and on: in a process, signals.
 *
 * local_irq_disable() blocks the calling thread's signals, so that none of its handlers runs until local_irq_enable(): all
 * signals except those that an instruction raises (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS) and those that libc uses
 * internally. Each costs a system call, some 100 ns; if interrupts are off already, local_irq_save() and local_irq_restore()
 * need none. Signals that arrive meanwhile are delivered at the end. Changes of the signal mask in between are undone.
 *
 * Between the two the caller must not sleep.  Any context. */
#include <linux/preempt.h>

KMEM_BEGIN_C

/** Switches interrupts off; returns whether they were on. */
KMEM_API unsigned long kmem_irq_save(void) KMEM_NOTHROW;
/** Switches them on again, if they were on. */
KMEM_API void kmem_irq_restore(unsigned long were_on) KMEM_NOTHROW;

static inline void local_irq_disable(void) { (void)kmem_irq_save(); }
static inline void local_irq_enable(void) { kmem_irq_restore(1); }

KMEM_END_C

/** `flags`: an unsigned long variable of the caller. */
#define local_irq_save(flags) ((void)((flags) = kmem_irq_save()))
#define local_irq_restore(flags) kmem_irq_restore(flags)
#define local_save_flags(flags) ((void)((flags) = !irqs_disabled()))
#define irqs_disabled_flags(flags) (!(flags))

DEFINE_LOCK_GUARD_0(irq, local_irq_disable(), local_irq_enable(), char kmem_none)
DEFINE_LOCK_GUARD_0(irqsave, local_irq_save(_T->flags), local_irq_restore(_T->flags), unsigned long flags)

#endif
