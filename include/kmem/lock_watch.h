#ifndef KMEM_LOCK_WATCH_H
#define KMEM_LOCK_WATCH_H
/* Callbacks for spin locks and reader-writer locks, for a checker of the lock order. */
#include <kmem/c_face.h>

#define KMEM_LOCK_READ 1u
#define KMEM_LOCK_TRY 2u

/** Functions that are called in the context of the task that takes the lock, before it is taken; for a trylock, after success.
 *  */
struct kmem_lock_watch {
  /** `lock_class` is the lock's class (<linux/spinlock.h>), `how` KMEM_LOCK_...  */
  void (*acquire)(const void* lock, const void* lock_class, unsigned int how, const void* caller);
  void (*release)(const void* lock, const void* caller);
  /** Interrupts are about to be enabled. */
  void (*interrupts_on)(const void* caller);
};

KMEM_BEGIN_C
/** From now on calls these functions; NULL: none. `watch` must stay valid. Any context. */
KMEM_API void kmem_watch_locks(const struct kmem_lock_watch* watch) KMEM_NOTHROW;
KMEM_END_C

#endif
