#ifndef KMEM_LINUX_SCHED_MM_H
#define KMEM_LINUX_SCHED_MM_H
/* Scopes: restrictions of all allocations of this task between a save and its restore, whatever their flags.
 *
 * They nest, each restore undoes its own save, and they also apply to a signal handler on top of the task. A thread begins
 * without any. Scopes take effect on the slow path; allocations that this CPU's lists can serve are not affected.
 *
 * Meaning: the kernel's Documentation/core-api/gfp_mask-from-fs-io.rst.  Any context. */
#include <kmem/c_face.h>
#include <linux/gfp_types.h>

/** As the kernel numbers them. */
#define PF_MEMALLOC 0x00000800u
#define PF_MEMALLOC_NOFS 0x00040000u
#define PF_MEMALLOC_NOIO 0x00080000u

KMEM_BEGIN_C

/** Sets the flags; returns those that were not set before, for the restore. */
KMEM_API unsigned int memalloc_flags_save(unsigned int flags) KMEM_NOTHROW_NAME(memalloc_flags_save);
KMEM_API void memalloc_flags_restore(unsigned int saved) KMEM_NOTHROW_NAME(memalloc_flags_restore);
/** The flags that an allocation of this task would use. */
KMEM_API gfp_t current_gfp_context(gfp_t flags) KMEM_NOTHROW_NAME(current_gfp_context);
/** Reports a context in which an allocation with these flags would be reported. */
KMEM_API void might_alloc(gfp_t flags) KMEM_NOTHROW_NAME(might_alloc);

/** Reclaim starts no I/O, as with GFP_NOIO: for code on which I/O depends. */
static inline unsigned int memalloc_noio_save(void) { return memalloc_flags_save(PF_MEMALLOC_NOIO); }
static inline void memalloc_noio_restore(unsigned int saved) { memalloc_flags_restore(saved); }
/** Reclaim does not call into a file system, as with GFP_NOFS. */
static inline unsigned int memalloc_nofs_save(void) { return memalloc_flags_save(PF_MEMALLOC_NOFS); }
static inline void memalloc_nofs_restore(unsigned int saved) { memalloc_flags_restore(saved); }
/** The task frees memory: it may use all reserves and does not reclaim. */
static inline unsigned int memalloc_noreclaim_save(void) { return memalloc_flags_save(PF_MEMALLOC); }
static inline void memalloc_noreclaim_restore(unsigned int saved) { memalloc_flags_restore(saved); }

KMEM_END_C

#endif
