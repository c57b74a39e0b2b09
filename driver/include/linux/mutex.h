#ifndef KMEM_LINUX_MUTEX_H
#define KMEM_LINUX_MUTEX_H
/* A lock that tasks sleep on, first come, first served.  May sleep: task context; in a context that must not sleep it is
 * reported.  A second lock by the holder, and an unlock by another task, are reported; the latter is not done.
 *
 * Meaning: the kernel's Documentation/locking/mutex-design.rst. */
#include <linux/cleanup.h>
#include <linux/lockdep_types.h>
#include <linux/types.h>

struct kmem_lock_waiter;
struct task_struct;

/** The waiters and the holder of a lock; internal to kmem. Zeroed memory is an unlocked one. */
struct kmem_queued_lock {
  unsigned int guard;
  int holders; /* -1: a writer */
  struct kmem_lock_waiter *first, *last;
  struct task_struct* owner;
};

/** Zeroed memory is an unlocked mutex. */
struct mutex {
  struct kmem_queued_lock kmem_lock;
  const void* kmem_class;
};

#define __MUTEX_INITIALIZER(name) \
  { {0, 0, NULL, NULL, NULL}, #name }
#define DEFINE_MUTEX(name) struct mutex name = __MUTEX_INITIALIZER(name)

KMEM_BEGIN_C

KMEM_API void mutex_lock(struct mutex* lock) KMEM_DRIVER_NAME(mutex_lock);
/** 0: the caller holds it; -EINTR: a signal came first. */
KMEM_MUST_CHECK KMEM_API int mutex_lock_interruptible(struct mutex* lock) KMEM_DRIVER_NAME(mutex_lock_interruptible);
KMEM_MUST_CHECK KMEM_API int mutex_lock_killable(struct mutex* lock) KMEM_DRIVER_NAME(mutex_lock_killable);
/** 1: the caller holds the lock.  0: another task holds it.  Does not sleep. */
KMEM_API int mutex_trylock(struct mutex* lock) KMEM_DRIVER_NAME(mutex_trylock);
KMEM_API void mutex_unlock(struct mutex* lock) KMEM_DRIVER_NAME(mutex_unlock);
/** The same for a lock of the same class as one that is held, in an order of the caller's: a subclass from 1 to 7. */
KMEM_API void mutex_lock_nested(struct mutex* lock, unsigned int subclass) KMEM_DRIVER_NAME(mutex_lock_nested);
KMEM_MUST_CHECK KMEM_API int mutex_lock_interruptible_nested(struct mutex* lock, unsigned int subclass)
    KMEM_DRIVER_NAME(mutex_lock_interruptible_nested);
KMEM_MUST_CHECK KMEM_API int mutex_lock_killable_nested(struct mutex* lock, unsigned int subclass)
    KMEM_DRIVER_NAME(mutex_lock_killable_nested);
KMEM_API void kmem_driver_mutex_init(struct mutex* lock, const struct kmem_lock_site* site) KMEM_NOTHROW;
/** The lock is not used any more: it is reported if it is held. */
KMEM_API void mutex_destroy(struct mutex* lock) KMEM_DRIVER_NAME(mutex_destroy);
KMEM_API bool mutex_is_locked(struct mutex* lock) KMEM_DRIVER_NAME(mutex_is_locked);
static inline void __mutex_init(struct mutex* lock, const char* name, struct lock_class_key* key) {
  kmem_driver_mutex_init(lock, kmem_driver_lock_site(name, key, 0, 0));
}
static inline void mutex_lock_io(struct mutex* lock) { mutex_lock(lock); }
static inline void mutex_lock_io_nested(struct mutex* lock, unsigned int subclass) { mutex_lock_nested(lock, subclass); }
/** Decrements; returns 1, with the lock held, if the count reached 0. */
KMEM_API int kmem_driver_dec_and_mutex_lock(int* count, struct mutex* lock) KMEM_NOTHROW;

KMEM_END_C

#define mutex_init(lock)                                                   \
  do {                                                                     \
    static const struct kmem_lock_site kmem_site = KMEM_LOCK_SITE_(#lock); \
    kmem_driver_mutex_init(lock, &kmem_site);                              \
  } while (0)
/** One of many locks of a class, in any order: everybody who takes two of them holds `nest`.  Not holding it is reported. */
#define mutex_lock_nest_lock(lock, nest) (kmem_driver_next_lock_is_nested_under(nest), mutex_lock(lock))
#define atomic_dec_and_mutex_lock(count, lock) kmem_driver_dec_and_mutex_lock(&(count)->counter, lock)
#define devm_mutex_init(dev, lock)                                       \
  __extension__({                                                        \
    mutex_init(lock);                                                    \
    devm_add_action_or_reset(dev, (void (*)(void*))mutex_destroy, lock); \
  })

DEFINE_GUARD(mutex, struct mutex*, mutex_lock(_T), mutex_unlock(_T))
DEFINE_GUARD_COND(mutex, _try, mutex_trylock(_T))
DEFINE_GUARD_COND(mutex, _intr, mutex_lock_interruptible(_T) == 0)

#endif
