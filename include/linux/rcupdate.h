#ifndef KMEM_LINUX_RCUPDATE_H
#define KMEM_LINUX_RCUPDATE_H
/* Read-copy-update: readers take no lock. Code that removes an object waits until all readers that may still use it have ended,
 * or registers a callback for that time.
 *
 * Readers may be in any context, signal handlers among them, and may nest; a reader costs two atomic additions.  There
 * is no thread of kmem's own: grace periods are driven by synchronize_rcu(), rcu_barrier() and kmem_rcu_poll(), and by
 * call_rcu() in a task when many callbacks wait.  A forked child has the readers of its one thread only.
 *
 * Meaning: the kernel's Documentation/RCU/whatisRCU.rst. */
#include <kmem/c_face.h>
#include <linux/slab.h>

/** Embedded in the object that is to be freed. */
#ifndef KMEM_KERNEL_TREE /* whose <linux/types.h> has it */
struct callback_head {
  struct callback_head* next;
  void (*func)(struct callback_head* head);
};
#define rcu_head callback_head
#endif
typedef void (*rcu_callback_t)(struct rcu_head* head);

KMEM_BEGIN_C

/** A read section. The task must not sleep in it: an allocation with GFP_KERNEL, or any other call that may sleep, is reported.
 *  Any context. */
KMEM_API void rcu_read_lock(void) KMEM_NOTHROW_NAME(rcu_read_lock);
KMEM_API void rcu_read_unlock(void) KMEM_NOTHROW_NAME(rcu_read_unlock);
KMEM_API int rcu_read_lock_held(void) KMEM_NOTHROW_NAME(rcu_read_lock_held);
/** Waits until all current readers have ended. May sleep: task context; a call in a read section is reported, and waits for the
 *  other readers only. */
KMEM_API void synchronize_rcu(void) KMEM_NOTHROW_NAME(synchronize_rcu);
static inline void synchronize_rcu_expedited(void) { synchronize_rcu(); }
/** Calls func(head) when all current readers have ended, in a task that drives a grace period. Any context. */
KMEM_API void call_rcu(struct rcu_head* head, rcu_callback_t func) KMEM_NOTHROW_NAME(call_rcu);
/** Waits until all earlier callbacks of call_rcu() and kfree_rcu() have run.  May sleep: task context. */
KMEM_API void rcu_barrier(void) KMEM_NOTHROW_NAME(rcu_barrier);
/** kmem's own: advances the grace period as far as possible without waiting. Call it now and then if the program does not call
 *  the others. Any context; does nothing in a context that must not sleep, because callbacks may sleep. */
KMEM_API void kmem_rcu_poll(void) KMEM_NOTHROW;
/** Called by kfree_rcu(): kvfree(pointer) after a grace period; `head` is in the block. */
KMEM_API void kmem_free_rcu(struct rcu_head* head, size_t offset) KMEM_NOTHROW;
/** Waits for a grace period, then calls kvfree(pointer).  NULL is ignored.  May sleep: task context. */
KMEM_API void kfree_rcu_mightsleep(const void* pointer) KMEM_NOTHROW_NAME(kfree_rcu_mightsleep);
static inline void kvfree_rcu_mightsleep(const void* pointer) { kfree_rcu_mightsleep(pointer); }

/** From Linux 6.15: waits until all blocks passed to kfree_rcu() before have been freed.  May sleep: task context. */
KMEM_API void kvfree_rcu_barrier(void) KMEM_NOTHROW_NAME(kvfree_rcu_barrier);

KMEM_END_C

/** kfree_rcu(pointer, field): frees it after a grace period; `field` is the struct rcu_head in it, in its first 4 KiB. NULL is
 *  ignored.  Any context.  With one argument, of 5.9 to 6.2, it is kfree_rcu_mightsleep(). */
#define kfree_rcu(...) KMEM_RCU_TWO_OR_ONE_(__VA_ARGS__, KMEM_FREE_RCU_, kvfree_rcu_mightsleep, )(__VA_ARGS__)
#define kvfree_rcu(...) kfree_rcu(__VA_ARGS__)
#define KMEM_RCU_TWO_OR_ONE_(a, b, name, ...) name
#define KMEM_FREE_RCU_(pointer, field)                                                                                  \
  __extension__({                                                                                                       \
    __typeof__(pointer) kmem_gone = (pointer);                                                                          \
    if (kmem_gone) kmem_free_rcu(&kmem_gone->field, (size_t)((const char*)&kmem_gone->field - (const char*)kmem_gone)); \
    (void)0;                                                                                                            \
  })

#define rcu_assign_pointer(pointer, value) __atomic_store_n(&(pointer), (value), __ATOMIC_RELEASE)
#define rcu_dereference(pointer) __atomic_load_n(&(pointer), __ATOMIC_ACQUIRE)
#define rcu_dereference_protected(pointer, condition) ((void)(condition), __atomic_load_n(&(pointer), __ATOMIC_RELAXED))
#define rcu_dereference_check(pointer, condition) ((void)(condition), rcu_dereference(pointer))
#define rcu_access_pointer(pointer) __atomic_load_n(&(pointer), __ATOMIC_RELAXED)
#define RCU_INIT_POINTER(pointer, value) __atomic_store_n(&(pointer), (value), __ATOMIC_RELAXED)

DEFINE_LOCK_GUARD_0(rcu, rcu_read_lock(), rcu_read_unlock(), char kmem_none)

#endif
