#ifndef KMEM_LINUX_MUTEX_H
#define KMEM_LINUX_MUTEX_H
/* A lock that tasks sleep on.  May sleep: task context; mutex_lock() in a context that must not sleep is reported.
 * A recursive lock is reported and ends the program; an unlock by another task is reported and not done.
 *
 * Meaning: the kernel's Documentation/locking/mutex-design.rst. */
#include <kmem/c_face.h>
#ifdef __cplusplus
#include <kmem/cleanup.h>
#else
#include <linux/cleanup.h>
#endif
#include <linux/types.h>

/** Zeroed memory is an unlocked mutex. */
struct mutex {
  unsigned int kmem_word; /* with the next: 0 free, else the holder; bit 0: a task waits for it */
  unsigned int kmem_spare;
  const void* kmem_owner;
} __attribute__((__aligned__(8)));

#define __MUTEX_INITIALIZER(name) \
  { 0, 0, 0 }
#define DEFINE_MUTEX(name) struct mutex name = __MUTEX_INITIALIZER(name)

KMEM_BEGIN_C

KMEM_API void mutex_lock(struct mutex* lock) KMEM_NOTHROW_NAME(mutex_lock);
/** Tries to lock.  1: the caller holds the lock.  0: another task holds it.  Does not sleep. */
KMEM_API int mutex_trylock(struct mutex* lock) KMEM_NOTHROW_NAME(mutex_trylock);
KMEM_API void mutex_unlock(struct mutex* lock) KMEM_NOTHROW_NAME(mutex_unlock);

static inline void mutex_init(struct mutex* lock) {
  const struct mutex unlocked = __MUTEX_INITIALIZER();
  *lock = unlocked;
}
static inline void mutex_destroy(struct mutex* lock) { (void)lock; }
static inline bool mutex_is_locked(const struct mutex* lock) {
  return __atomic_load_n(&lock->kmem_word, __ATOMIC_RELAXED) != 0;
}
/** Signals do not end the wait here: always returns 0. */
KMEM_MUST_CHECK static inline int mutex_lock_interruptible(struct mutex* lock) {
  mutex_lock(lock);
  return 0;
}
KMEM_MUST_CHECK static inline int mutex_lock_killable(struct mutex* lock) {
  mutex_lock(lock);
  return 0;
}

KMEM_END_C

#define mutex_lock_nested(lock, subclass) mutex_lock(lock)

DEFINE_GUARD(mutex, struct mutex*, mutex_lock(_T), mutex_unlock(_T))
DEFINE_GUARD_COND(mutex, _try, mutex_trylock(_T))
DEFINE_GUARD_COND(mutex, _intr, mutex_lock_interruptible(_T) == 0)

#endif
