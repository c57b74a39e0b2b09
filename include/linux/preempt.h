#ifndef KMEM_LINUX_PREEMPT_H
#define KMEM_LINUX_PREEMPT_H
/* The caller's context, and sections in which it must not sleep.
 *
 * In a process a task is a thread, and an interrupt is a signal handler.  preempt_disable() does not pin the thread to its CPU,
 * nor does it keep others off that CPU: it declares that the following code must not sleep. An allocation with GFP_KERNEL there
 * is reported ("sleeping function called from invalid context") and served as with GFP_ATOMIC.  docs/contexts.md has the whole
 * table.
 *
 * The count is the task's own, in four fields: bits 0 to 7 preempt_disable() and spin locks, 8 to 15 softirqs, 16 to 19
 * interrupts, 20 to 23 NMIs.  Any context; nothing here sleeps.
 *
 * Meaning: the kernel's <linux/preempt.h> and Documentation/locking/preempt-locking.rst. */
#include <kmem/cleanup.h>
#include <linux/types.h>

#define PREEMPT_BITS 8
#define SOFTIRQ_BITS 8
#define HARDIRQ_BITS 4
#define NMI_BITS 4
#define PREEMPT_SHIFT 0
#define SOFTIRQ_SHIFT (PREEMPT_SHIFT + PREEMPT_BITS)
#define HARDIRQ_SHIFT (SOFTIRQ_SHIFT + SOFTIRQ_BITS)
#define NMI_SHIFT (HARDIRQ_SHIFT + HARDIRQ_BITS)
#define PREEMPT_MASK 0x000000ffu
#define SOFTIRQ_MASK 0x0000ff00u
#define HARDIRQ_MASK 0x000f0000u
#define NMI_MASK 0x00f00000u
#define PREEMPT_OFFSET (1u << PREEMPT_SHIFT)
#define SOFTIRQ_OFFSET (1u << SOFTIRQ_SHIFT)
#define HARDIRQ_OFFSET (1u << HARDIRQ_SHIFT)
#define NMI_OFFSET (1u << NMI_SHIFT)
#define SOFTIRQ_DISABLE_OFFSET (2 * SOFTIRQ_OFFSET)

KMEM_BEGIN_C

/** The nesting depth of sections that must not sleep, by kind; 0 for a task that may sleep. */
KMEM_API int preempt_count(void) KMEM_NOTHROW_NAME(preempt_count);
/** Adds to the count, or subtracts from it. An underflow or overflow of a field is reported and not done. */
KMEM_API void preempt_count_add(int value) KMEM_NOTHROW_NAME(preempt_count_add);
KMEM_API void preempt_count_sub(int value) KMEM_NOTHROW_NAME(preempt_count_sub);
/** Does a signal handler run that did not declare itself by irq_enter()? Detected from the stack, which takes a few
 *  microseconds if the answer is no. */
KMEM_API bool kmem_in_undeclared_interrupt(void) KMEM_NOTHROW;
/** Are interrupts off: local_irq_disable()? */
KMEM_API int irqs_disabled(void) KMEM_NOTHROW_NAME(irqs_disabled);

/** Between these the caller must not sleep; they nest. */
static inline void preempt_disable(void) { preempt_count_add(1); }
static inline void preempt_enable(void) { preempt_count_sub(1); }
static inline void preempt_enable_no_resched(void) { preempt_count_sub(1); }

/* The fields of the count.  Softirqs and NMIs are known only if they were declared. */
static inline unsigned long softirq_count(void) { return (unsigned)preempt_count() & SOFTIRQ_MASK; }
static inline unsigned long nmi_count(void) { return (unsigned)preempt_count() & NMI_MASK; }
static inline int in_nmi(void) { return nmi_count() != 0; }
static inline int in_softirq(void) { return softirq_count() != 0; }
static inline int in_serving_softirq(void) { return (softirq_count() & SOFTIRQ_OFFSET) != 0; }

/** In an interrupt: a signal handler, declared or detected. */
static inline unsigned long hardirq_count(void) {
  const unsigned long declared = (unsigned)preempt_count() & HARDIRQ_MASK;
  return declared ? declared : kmem_in_undeclared_interrupt() ? HARDIRQ_OFFSET : 0;
}
static inline int in_hardirq(void) { return hardirq_count() != 0; }
/** In an interrupt of any kind, or with softirqs off. */
static inline int in_interrupt(void) {
  return ((unsigned)preempt_count() & (NMI_MASK | HARDIRQ_MASK | SOFTIRQ_MASK)) != 0 || kmem_in_undeclared_interrupt();
}
/** In a task: a thread that no signal handler has interrupted. */
static inline int in_task(void) {
  return ((unsigned)preempt_count() & (NMI_MASK | HARDIRQ_MASK | SOFTIRQ_OFFSET)) == 0 && !kmem_in_undeclared_interrupt();
}
/** Must the caller not sleep? Ignores local_irq_disable(); see preemptible(). */
static inline int in_atomic(void) { return preempt_count() != 0 || kmem_in_undeclared_interrupt(); }
static inline int preemptible(void) { return !in_atomic() && !irqs_disabled(); }

/** Softirqs off and on.  A process has none: between the two the caller must not sleep. */
static inline void local_bh_disable(void) { preempt_count_add((int)SOFTIRQ_DISABLE_OFFSET); }
static inline void local_bh_enable(void) { preempt_count_sub((int)SOFTIRQ_DISABLE_OFFSET); }

KMEM_END_C

DEFINE_LOCK_GUARD_0(preempt, preempt_disable(), preempt_enable(), char kmem_none)

/** 2.6 name of in_hardirq(). */
#define in_irq() in_hardirq()

#endif
