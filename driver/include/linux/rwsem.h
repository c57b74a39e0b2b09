#ifndef KMEM_LINUX_RWSEM_H
#define KMEM_LINUX_RWSEM_H
/* A sleeping lock for many readers or one writer; first come, first served, so that a reader waits behind a waiting writer.
 * Otherwise as <linux/mutex.h>.  Meaning: the kernel's <linux/rwsem.h>. */
#include <linux/mutex.h>

/** Zeroed memory is unlocked. */
struct rw_semaphore {
  struct kmem_queued_lock kmem_lock;
  const void* kmem_class;
};
#define __RWSEM_INITIALIZER(name) \
  { {0, 0, NULL, NULL, NULL}, #name }
#define DECLARE_RWSEM(name) struct rw_semaphore name = __RWSEM_INITIALIZER(name)

KMEM_BEGIN_C
KMEM_API void down_read(struct rw_semaphore* lock) KMEM_DRIVER_NAME(down_read);
KMEM_MUST_CHECK KMEM_API int down_read_interruptible(struct rw_semaphore* lock) KMEM_DRIVER_NAME(down_read_interruptible);
KMEM_MUST_CHECK KMEM_API int down_read_killable(struct rw_semaphore* lock) KMEM_DRIVER_NAME(down_read_killable);
KMEM_API int down_read_trylock(struct rw_semaphore* lock) KMEM_DRIVER_NAME(down_read_trylock);
KMEM_API void down_write(struct rw_semaphore* lock) KMEM_DRIVER_NAME(down_write);
KMEM_MUST_CHECK KMEM_API int down_write_killable(struct rw_semaphore* lock) KMEM_DRIVER_NAME(down_write_killable);
KMEM_API int down_write_trylock(struct rw_semaphore* lock) KMEM_DRIVER_NAME(down_write_trylock);
KMEM_API void up_read(struct rw_semaphore* lock) KMEM_DRIVER_NAME(up_read);
KMEM_API void up_write(struct rw_semaphore* lock) KMEM_DRIVER_NAME(up_write);
/** Turns the writer's lock into a reader's, and lets other readers in. */
KMEM_API void downgrade_write(struct rw_semaphore* lock) KMEM_DRIVER_NAME(downgrade_write);
KMEM_API void down_read_nested(struct rw_semaphore* lock, int subclass) KMEM_DRIVER_NAME(down_read_nested);
KMEM_API void down_write_nested(struct rw_semaphore* lock, int subclass) KMEM_DRIVER_NAME(down_write_nested);
KMEM_MUST_CHECK KMEM_API int down_read_killable_nested(struct rw_semaphore* lock, int subclass)
    KMEM_DRIVER_NAME(down_read_killable_nested);
KMEM_MUST_CHECK KMEM_API int down_write_killable_nested(struct rw_semaphore* lock, int subclass)
    KMEM_DRIVER_NAME(down_write_killable_nested);
/** Taken by one task and given back by another. */
KMEM_API void down_read_non_owner(struct rw_semaphore* lock) KMEM_DRIVER_NAME(down_read_non_owner);
KMEM_API void up_read_non_owner(struct rw_semaphore* lock) KMEM_DRIVER_NAME(up_read_non_owner);
KMEM_API void kmem_driver_rwsem_init(struct rw_semaphore* lock, const struct kmem_lock_site* site) KMEM_NOTHROW;
KMEM_API int rwsem_is_locked(struct rw_semaphore* lock) KMEM_DRIVER_NAME(rwsem_is_locked);
KMEM_API int rwsem_is_contended(struct rw_semaphore* lock) KMEM_DRIVER_NAME(rwsem_is_contended);
static inline void __init_rwsem(struct rw_semaphore* lock, const char* name, struct lock_class_key* key) {
  kmem_driver_rwsem_init(lock, kmem_driver_lock_site(name, key, 0, 0));
}
KMEM_END_C

#define init_rwsem(lock)                                                   \
  do {                                                                     \
    static const struct kmem_lock_site kmem_site = KMEM_LOCK_SITE_(#lock); \
    kmem_driver_rwsem_init(lock, &kmem_site);                              \
  } while (0)
/** As mutex_lock_nest_lock(). */
#define down_write_nest_lock(lock, nest) (kmem_driver_next_lock_is_nested_under(nest), down_write(lock))

DEFINE_GUARD(rwsem_read, struct rw_semaphore*, down_read(_T), up_read(_T))
DEFINE_GUARD_COND(rwsem_read, _try, down_read_trylock(_T))
DEFINE_GUARD_COND(rwsem_read, _intr, down_read_interruptible(_T) == 0)
DEFINE_GUARD(rwsem_write, struct rw_semaphore*, down_write(_T), up_write(_T))
DEFINE_GUARD_COND(rwsem_write, _try, down_write_trylock(_T))
#endif
