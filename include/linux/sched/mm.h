#ifndef KMEM_LINUX_SCHED_MM_H
#define KMEM_LINUX_SCHED_MM_H
/* Scopes: what all allocations of this task do between a save and its restore, whatever their flags say.
 *
 * They nest, each restore undoes its own save, and a signal handler on top of the task is in them too.  A thread begins
 * without any.  Scopes act where an allocation looks for memory; what this CPU has at hand is given as it is.
 *
 * Meaning: the kernel's Documentation/core-api/gfp_mask-from-fs-io.rst.  Any context. */
#include <kmem/c_face.h>
#include <linux/gfp_types.h>

/** As the kernel numbers them. */
#define PF_MEMALLOC 0x00000800u
#define PF_MEMALLOC_NOFS 0x00040000u
#define PF_MEMALLOC_NOIO 0x00080000u

KMEM_BEGIN_C

/** Sets the flags; those of them that were not set before, which the restore takes away again. */
KMEM_API unsigned int memalloc_flags_save(unsigned int flags) KMEM_NOTHROW;
KMEM_API void memalloc_flags_restore(unsigned int saved) KMEM_NOTHROW;
/** The flags as an allocation of this task would take them. */
KMEM_API gfp_t current_gfp_context(gfp_t flags) KMEM_NOTHROW;
/** Complains where an allocation with these flags would have to. */
KMEM_API void might_alloc(gfp_t flags) KMEM_NOTHROW;

/** Reclaim starts no I/O, as with GFP_NOIO: for code that I/O depends on. */
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
