#ifndef KMEM_LINUX_SMP_H
#define KMEM_LINUX_SMP_H
/* On which CPU we are, and staying there.
 *
 * A process cannot keep its threads on a CPU.  What it can have is what that is for: between get_cpu() and put_cpu()
 * the number that get_cpu() answers, and with it one copy of every per-CPU variable, is the caller's alone, wherever
 * the thread runs meanwhile and for how long it is descheduled.  Other threads that come to the same CPU are not held
 * up: they work on another copy (<linux/cpumask.h>).  Sections nest, and must not sleep, as in the kernel; a signal
 * handler on top of one is on the same CPU.
 *
 * Meaning: the kernel's <linux/smp.h>. */
#include <kmem/c_face.h>
#include <linux/cpumask.h>

KMEM_BEGIN_C

/** Begins a section and answers the CPU's number.  Any context. */
KMEM_API int kmem_get_cpu(void) KMEM_NOTHROW;
/** Ends it.  Without a section it is reported and changes nothing. */
KMEM_API void kmem_put_cpu(void) KMEM_NOTHROW;
/** The CPU's number: in a section, or with preemption off, the one that stays; elsewhere where we were just now. */
KMEM_API int kmem_processor_id(void) KMEM_NOTHROW;
/** The same; with the boot word debug_preempt it is reported, once for each place that calls, where neither preemption nor
 *  interrupts are off: the number may be stale at once.  Who wants it all the same says raw_smp_processor_id(). */
KMEM_API int kmem_checked_processor_id(void) KMEM_NOTHROW;

KMEM_END_C

#define get_cpu() kmem_get_cpu()
#define put_cpu() kmem_put_cpu()
#define smp_processor_id() kmem_checked_processor_id()
#define raw_smp_processor_id() kmem_processor_id()
#define __smp_processor_id() kmem_processor_id()

#endif
