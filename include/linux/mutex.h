#ifndef KMEM_LINUX_MUTEX_H
#define KMEM_LINUX_MUTEX_H
/* A lock that whoever waits for it sleeps for.  Task context only: mutex_lock() where one must not sleep is reported.
 * A second lock by the holder is reported and ends the program; an unlock by anybody else is reported and not done.
 *
 * Meaning: the kernel's Documentation/locking/mutex-design.rst. */
#include <kmem/c_face.h>
#include <linux/types.h>

/** Zeroed memory is an unlocked mutex. */
struct mutex {
  unsigned int kmem_word; /* 0 free, 1 held, 2 held and somebody waits */
  unsigned int kmem_spare;
  const void* kmem_owner;
};

#define __MUTEX_INITIALIZER(name) \
  { 0, 0, 0 }
#define DEFINE_MUTEX(name) struct mutex name = __MUTEX_INITIALIZER(name)

KMEM_BEGIN_C

KMEM_API void mutex_lock(struct mutex* lock) KMEM_NOTHROW;
/** 1: it is ours.  0: it is somebody's.  Does not sleep. */
KMEM_API int mutex_trylock(struct mutex* lock) KMEM_NOTHROW;
KMEM_API void mutex_unlock(struct mutex* lock) KMEM_NOTHROW;

static inline void mutex_init(struct mutex* lock) {
  const struct mutex unlocked = __MUTEX_INITIALIZER();
  *lock = unlocked;
}
static inline void mutex_destroy(struct mutex* lock) { (void)lock; }
static inline bool mutex_is_locked(const struct mutex* lock) {
  return __atomic_load_n(&lock->kmem_word, __ATOMIC_RELAXED) != 0;
}
/** A signal does not end the wait here, as no task is to be ended by one: 0, always. */
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

#endif
