#ifndef KMEM_LINUX_SMP_H
#define KMEM_LINUX_SMP_H
/* The current CPU, and pinning to it.
 *
 * A process cannot pin its threads to a CPU cheaply, but it gets the same guarantee: between get_cpu() and put_cpu() the caller
 * exclusively owns the number that get_cpu() returned, and with it one copy of every per-CPU variable, wherever the thread runs
 * meanwhile. Other threads on the same CPU do not wait: they use another copy (<linux/cpumask.h>). Sections nest, and must not
 * sleep, as in the kernel; a signal handler on top of one has the same number.
 *
 * Meaning: the kernel's <linux/smp.h>. */
#include <kmem/c_face.h>
#include <linux/cpumask.h>

KMEM_BEGIN_C

/** Begins a section and returns the CPU's number. Any context. */
KMEM_API int kmem_get_cpu(void) KMEM_NOTHROW;
/** Ends a section. Without one it is reported and changes nothing. */
KMEM_API void kmem_put_cpu(void) KMEM_NOTHROW;
/** The CPU's number: stable in a section, or with preemption off; elsewhere possibly stale. */
KMEM_API int kmem_processor_id(void) KMEM_NOTHROW;
/** The same; with the boot word debug_preempt, reports once for each call site that neither preemption nor interrupts are off,
 *  because the number may be stale at once. raw_smp_processor_id() is not checked. */
KMEM_API int kmem_checked_processor_id(void) KMEM_NOTHROW;

KMEM_END_C

#define get_cpu() kmem_get_cpu()
#define put_cpu() kmem_put_cpu()
#define smp_processor_id() kmem_checked_processor_id()
#define raw_smp_processor_id() kmem_processor_id()
#define __smp_processor_id() kmem_processor_id()

#endif
