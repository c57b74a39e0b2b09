#ifndef KMEM_ASM_BARRIER_H
#define KMEM_ASM_BARRIER_H
/* Memory barriers, for memory and devices. Any context. Source of the rules: the kernel's Documentation/memory-barriers.txt. */
#include <kmem/c_face.h>

/* The compiler may have these as macros of a kernel's own headers already. */
#ifndef barrier
#define barrier() __asm__ __volatile__("" : : : "memory")
#endif

#if defined(__x86_64__)
/** Orders all earlier accesses before all later ones, to memory and to devices. */
static inline void mb(void) { __asm__ __volatile__("mfence" : : : "memory"); }
/** The same for reads, and for writes, including combined ones. */
static inline void rmb(void) { __asm__ __volatile__("lfence" : : : "memory"); }
static inline void wmb(void) { __asm__ __volatile__("sfence" : : : "memory"); }
/** For memory that a device accesses too: compiler barriers, because the processor keeps these orders. */
static inline void dma_rmb(void) { __asm__ __volatile__("" : : : "memory"); }
static inline void dma_wmb(void) { __asm__ __volatile__("" : : : "memory"); }
#else
static inline void mb(void) { __sync_synchronize(); }
static inline void rmb(void) { __sync_synchronize(); }
static inline void wmb(void) { __sync_synchronize(); }
static inline void dma_rmb(void) { __sync_synchronize(); }
static inline void dma_wmb(void) { __sync_synchronize(); }
#endif
static inline void dma_mb(void) { mb(); }
/** Before the unlock after writes to registers; those are ordered already. */
static inline void mmiowb(void) { __asm__ __volatile__("" : : : "memory"); }

#endif
