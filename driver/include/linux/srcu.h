#ifndef KMEM_LINUX_SRCU_H
#define KMEM_LINUX_SRCU_H
/* Read-copy-update whose readers may sleep; each struct srcu_struct has readers and waiters of its own.
 *
 * Readers and call_srcu(): any context.  The rest: task context.  Meaning: the kernel's Documentation/RCU/whatisRCU.rst. */
#include <linux/lockdep_types.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct srcu_struct {
  unsigned int kmem_phase; /* which pair of counts new readers use */
  unsigned long kmem_entered[2], kmem_left[2];
  unsigned int kmem_waits;
  struct mutex kmem_one;
  wait_queue_head_t kmem_queue;
  struct callback_head *kmem_first, **kmem_end;
  struct work_struct kmem_work;
  const void* kmem_class;
};
KMEM_BEGIN_C
KMEM_API void kmem_driver_srcu_work(struct work_struct* work) KMEM_NOTHROW;
KMEM_END_C
#define __SRCU_STRUCT_INIT(name)                                                                                      \
  {                                                                                                                   \
    0, {0, 0}, {0, 0}, 0, __MUTEX_INITIALIZER(name.kmem_one), __WAIT_QUEUE_HEAD_INITIALIZER((name).kmem_queue), NULL, \
        &(name).kmem_first, __WORK_INITIALIZER((name).kmem_work, kmem_driver_srcu_work), #name                        \
  }
#define DEFINE_SRCU(name) struct srcu_struct name = __SRCU_STRUCT_INIT(name)
#define DEFINE_STATIC_SRCU(name) static DEFINE_SRCU(name)

KMEM_BEGIN_C
KMEM_API int kmem_driver_init_srcu(struct srcu_struct* srcu, const struct kmem_lock_site* site) KMEM_NOTHROW;
/** All readers and callbacks must have ended; otherwise it is reported, and nothing is freed. */
KMEM_API void cleanup_srcu_struct(struct srcu_struct* srcu) KMEM_DRIVER_NAME(cleanup_srcu_struct);
/** Returns the argument for srcu_read_unlock(). */
KMEM_API int srcu_read_lock(struct srcu_struct* srcu) KMEM_DRIVER_NAME(srcu_read_lock);
KMEM_API void srcu_read_unlock(struct srcu_struct* srcu, int phase) KMEM_DRIVER_NAME(srcu_read_unlock);
KMEM_API int srcu_read_lock_held(const struct srcu_struct* srcu) KMEM_DRIVER_NAME(srcu_read_lock_held);
/** Waits until all current readers have ended. Called inside a read section it reports that and does not wait. */
KMEM_API void synchronize_srcu(struct srcu_struct* srcu) KMEM_DRIVER_NAME(synchronize_srcu);
static inline void synchronize_srcu_expedited(struct srcu_struct* srcu) { synchronize_srcu(srcu); }
KMEM_API void call_srcu(struct srcu_struct* srcu, struct rcu_head* head, rcu_callback_t function) KMEM_DRIVER_NAME(call_srcu);
/** Waits until all callbacks passed to call_srcu() before have run. */
KMEM_API void srcu_barrier(struct srcu_struct* srcu) KMEM_DRIVER_NAME(srcu_barrier);
KMEM_END_C

#define init_srcu_struct(srcu)                                             \
  __extension__({                                                          \
    static const struct kmem_lock_site kmem_site = KMEM_LOCK_SITE_(#srcu); \
    kmem_driver_init_srcu(srcu, &kmem_site);                               \
  })
#define srcu_dereference(pointer, srcu) ((void)(srcu), rcu_dereference(pointer))
#define srcu_dereference_check(pointer, srcu, condition) ((void)(srcu), rcu_dereference_check(pointer, condition))
#endif
