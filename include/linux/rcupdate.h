#ifndef KMEM_LINUX_RCUPDATE_H
#define KMEM_LINUX_RCUPDATE_H
/* Read-copy-update: readers hold nobody up; who takes something away waits, or has called, until all who may still read
 * it have gone on.
 *
 * Readers may be in any context, signal handlers among them, and may nest; a reader costs two atomic additions.  There
 * is no thread of kmem's own: grace periods are driven by synchronize_rcu(), rcu_barrier() and kmem_rcu_poll(), and by
 * call_rcu() in a task when much has gathered.  A forked child has the readers of its one thread only.
 *
 * Meaning: the kernel's Documentation/RCU/whatisRCU.rst. */
#include <kmem/c_face.h>
#include <linux/slab.h>

/** Lies in what is to be freed. */
struct callback_head {
  struct callback_head* next;
  void (*func)(struct callback_head* head);
};
#define rcu_head callback_head
typedef void (*rcu_callback_t)(struct rcu_head* head);

KMEM_BEGIN_C

/** Between the two the task reads; it must not wait for a grace period. */
KMEM_API void rcu_read_lock(void) KMEM_NOTHROW;
KMEM_API void rcu_read_unlock(void) KMEM_NOTHROW;
KMEM_API int rcu_read_lock_held(void) KMEM_NOTHROW;
/** Waits until all who read now have gone on.  Task context; a reader is told so, and waits for the others. */
KMEM_API void synchronize_rcu(void) KMEM_NOTHROW;
static inline void synchronize_rcu_expedited(void) { synchronize_rcu(); }
/** Has func(head) called when all who read now have gone on, by a task that drives a grace period.  Any context. */
KMEM_API void call_rcu(struct rcu_head* head, rcu_callback_t func) KMEM_NOTHROW;
/** Waits until all that was given to call_rcu() and kfree_rcu() before has been called.  Task context. */
KMEM_API void rcu_barrier(void) KMEM_NOTHROW;
/** Ours: goes on as far as nobody is to be waited for.  Call it now and then where nobody calls the others. */
KMEM_API void kmem_rcu_poll(void) KMEM_NOTHROW;
/** What kfree_rcu() calls: kvfree(pointer) behind a grace period; head lies in it. */
KMEM_API void kmem_free_rcu(struct rcu_head* head, size_t offset) KMEM_NOTHROW;
/** The same without a head: waits.  Task context. */
KMEM_API void kfree_rcu_mightsleep(const void* pointer) KMEM_NOTHROW;

KMEM_END_C

/** kfree_rcu(pointer, field): frees it behind a grace period; `field` is the struct rcu_head in it, in its first 4 KiB.
 */
#define kfree_rcu(pointer, field) \
  kmem_free_rcu(&(pointer)->field, (size_t)((const char*)&(pointer)->field - (const char*)(pointer)))
#define kvfree_rcu(pointer, field) kfree_rcu(pointer, field)

#define rcu_assign_pointer(pointer, value) __atomic_store_n(&(pointer), (value), __ATOMIC_RELEASE)
#define rcu_dereference(pointer) __atomic_load_n(&(pointer), __ATOMIC_ACQUIRE)
#define rcu_dereference_protected(pointer, condition) ((void)(condition), __atomic_load_n(&(pointer), __ATOMIC_RELAXED))
#define rcu_dereference_check(pointer, condition) ((void)(condition), rcu_dereference(pointer))
#define rcu_access_pointer(pointer) __atomic_load_n(&(pointer), __ATOMIC_RELAXED)
#define RCU_INIT_POINTER(pointer, value) __atomic_store_n(&(pointer), (value), __ATOMIC_RELAXED)

#endif
