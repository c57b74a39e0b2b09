#ifndef KMEM_LINUX_LOCKREF_H
#define KMEM_LINUX_LOCKREF_H
/* A count with a spin lock beside it.  A count below zero is that of a dead object.  Any context in which the lock may be
 * taken.
 * What differs: each call takes the lock.  Meaning: the kernel's <linux/lockref.h>. */
#include <kmem/driver_face.h>
#include <linux/spinlock.h>

#define USE_CMPXCHG_LOCKREF 0
struct lockref {
  spinlock_t lock;
  int count;
};

KMEM_BEGIN_C
KMEM_API void lockref_get(struct lockref* ref) KMEM_DRIVER_NAME(lockref_get);
/** The new count; -1: it was not above zero, or the lock is held, and nothing was done. */
KMEM_API int lockref_put_return(struct lockref* ref) KMEM_DRIVER_NAME(lockref_put_return);
/** 1: one more; 0: it was not above zero. */
KMEM_API int lockref_get_not_zero(struct lockref* ref) KMEM_DRIVER_NAME(lockref_get_not_zero);
/** 1: one less; 0: it would have become zero. */
KMEM_API int lockref_put_not_zero(struct lockref* ref) KMEM_DRIVER_NAME(lockref_put_not_zero);
/** 1: one less; 0: it would have become zero, and the caller has the lock. */
KMEM_API int lockref_put_or_lock(struct lockref* ref) KMEM_DRIVER_NAME(lockref_put_or_lock);
/** The caller has the lock. */
KMEM_API void lockref_mark_dead(struct lockref* ref) KMEM_DRIVER_NAME(lockref_mark_dead);
/** 1: one more; 0: it is dead. */
KMEM_API int lockref_get_not_dead(struct lockref* ref) KMEM_DRIVER_NAME(lockref_get_not_dead);
static inline bool __lockref_is_dead(const struct lockref* ref) { return ref->count < 0; }
KMEM_END_C
#endif
