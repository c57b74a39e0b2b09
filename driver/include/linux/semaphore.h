#ifndef KMEM_LINUX_SEMAPHORE_H
#define KMEM_LINUX_SEMAPHORE_H
/* A count that tasks wait for while it is 0, first come, first served.  down() and the other forms: task context, except
 * down_trylock(); up(): any context, and any task.  Meaning: the kernel's <linux/semaphore.h>. */
#include <kmem/driver_face.h>
#include <linux/types.h>

struct kmem_lock_waiter;

struct semaphore {
  unsigned int kmem_guard;
  unsigned int count;
  struct kmem_lock_waiter *kmem_first, *kmem_last;
};
#define __SEMAPHORE_INITIALIZER(name, n) \
  { 0, n, NULL, NULL }
#define DEFINE_SEMAPHORE_1_(name) struct semaphore name = __SEMAPHORE_INITIALIZER(name, 1)
#define DEFINE_SEMAPHORE_2_(name, n) struct semaphore name = __SEMAPHORE_INITIALIZER(name, n)
#define KMEM_SEMAPHORE_PICK_(a, b, name, ...) name
/* With a count since 6.4, without before. */
#define DEFINE_SEMAPHORE(...) KMEM_SEMAPHORE_PICK_(__VA_ARGS__, DEFINE_SEMAPHORE_2_, DEFINE_SEMAPHORE_1_, 0)(__VA_ARGS__)

KMEM_BEGIN_C
static inline void sema_init(struct semaphore* sem, int count) {
  const struct semaphore begin = __SEMAPHORE_INITIALIZER(begin, (unsigned int)count);
  *sem = begin;
}
KMEM_API void down(struct semaphore* sem) KMEM_DRIVER_NAME(down);
/** 0, or -EINTR: a signal came first. */
KMEM_MUST_CHECK KMEM_API int down_interruptible(struct semaphore* sem) KMEM_DRIVER_NAME(down_interruptible);
KMEM_MUST_CHECK KMEM_API int down_killable(struct semaphore* sem) KMEM_DRIVER_NAME(down_killable);
/** 0: taken.  1: not.  Any context. */
KMEM_MUST_CHECK KMEM_API int down_trylock(struct semaphore* sem) KMEM_DRIVER_NAME(down_trylock);
/** 0, or -ETIME. */
KMEM_MUST_CHECK KMEM_API int down_timeout(struct semaphore* sem, long ticks) KMEM_DRIVER_NAME(down_timeout);
KMEM_API void up(struct semaphore* sem) KMEM_DRIVER_NAME(up);
KMEM_END_C

/* 2.6 */
#define DECLARE_MUTEX(name) DEFINE_SEMAPHORE_2_(name, 1)
#define DECLARE_MUTEX_LOCKED(name) DEFINE_SEMAPHORE_2_(name, 0)
#define init_MUTEX(sem) sema_init(sem, 1)
#define init_MUTEX_LOCKED(sem) sema_init(sem, 0)
#endif
