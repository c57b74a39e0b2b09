/* Barriers between CPUs, over kmem's own <asm/barrier.h>, which has those that devices need too.  Any context.
 * Meaning: the kernel's Documentation/memory-barriers.txt. */
#include_next <asm/barrier.h>

#ifndef KMEM_DRIVER_ASM_BARRIER_H
#define KMEM_DRIVER_ASM_BARRIER_H

/** All accesses before come before all after, as other CPUs see them; the same of reads, and of writes. */
#define smp_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
/* For a guest and its host, who are always several CPUs. */
#define virt_mb() smp_mb()
#define virt_rmb() smp_rmb()
#define virt_wmb() smp_wmb()

/** A load ordered before all later accesses; a store ordered after all earlier ones. */
#define smp_load_acquire(pointer) __atomic_load_n((pointer), __ATOMIC_ACQUIRE)
#define smp_store_release(pointer, value) __atomic_store_n((pointer), (__typeof__(*(pointer)))(value), __ATOMIC_RELEASE)
#define virt_load_acquire(pointer) smp_load_acquire(pointer)
#define virt_store_release(pointer, value) smp_store_release(pointer, value)
/** A store, and then a full barrier. */
#define smp_store_mb(variable, value) ((void)__atomic_exchange_n(&(variable), (value), __ATOMIC_SEQ_CST), smp_mb())

/** Spins until the condition on VAL, the value loaded, holds; returns VAL. */
#define smp_cond_load_relaxed(pointer, condition) KMEM_COND_LOAD_(pointer, condition, __ATOMIC_RELAXED)
#define smp_cond_load_acquire(pointer, condition) KMEM_COND_LOAD_(pointer, condition, __ATOMIC_ACQUIRE)
#define KMEM_COND_LOAD_(pointer, condition, order) \
  __extension__({                                  \
    __typeof__(*(pointer)) VAL;                    \
    do VAL = __atomic_load_n((pointer), (order));  \
    while (!(condition));                          \
    VAL;                                           \
  })

/** A load whose address depends on an earlier one needs nothing on the machines that kmem knows. */
#define smp_read_barrier_depends() ((void)0)
#define array_index_mask_nospec(index, size) ((unsigned long)(index) < (unsigned long)(size) ? ~0UL : 0UL)

#endif
