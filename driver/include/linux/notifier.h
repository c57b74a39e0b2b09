/* Chains of notifiers: functions that are called one after the other, those with the highest priority first, until one says
 * that it was the last.  The block is kmem's own header's.
 *
 * An atomic chain is called in any context, under RCU; a blocking one in task context, under a semaphore; the owner of a raw
 * chain locks it.  Registering and unregistering: task context, but for raw chains.  After unregistering, no call of it runs.
 * Meaning: the kernel's <linux/notifier.h>. */
#include_next <linux/notifier.h>

#ifndef KMEM_DRIVER_LINUX_NOTIFIER_H
#define KMEM_DRIVER_LINUX_NOTIFIER_H
#include <kmem/driver_face.h>
#include <linux/errno.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>

struct atomic_notifier_head {
  spinlock_t lock;
  struct notifier_block* head;
};
struct blocking_notifier_head {
  struct rw_semaphore rwsem;
  struct notifier_block* head;
};
struct raw_notifier_head {
  struct notifier_block* head;
};

#define ATOMIC_NOTIFIER_INIT(name) \
  { __SPIN_LOCK_UNLOCKED((name).lock), NULL }
#define BLOCKING_NOTIFIER_INIT(name) \
  { __RWSEM_INITIALIZER((name).rwsem), NULL }
#define RAW_NOTIFIER_INIT(name) \
  { NULL }
#define ATOMIC_NOTIFIER_HEAD(name) struct atomic_notifier_head name = ATOMIC_NOTIFIER_INIT(name)
#define BLOCKING_NOTIFIER_HEAD(name) struct blocking_notifier_head name = BLOCKING_NOTIFIER_INIT(name)
#define RAW_NOTIFIER_HEAD(name) struct raw_notifier_head name = RAW_NOTIFIER_INIT(name)
#define ATOMIC_INIT_NOTIFIER_HEAD(chain) \
  do {                                   \
    spin_lock_init(&(chain)->lock);      \
    (chain)->head = NULL;                \
  } while (0)
#define BLOCKING_INIT_NOTIFIER_HEAD(chain) \
  do {                                     \
    init_rwsem(&(chain)->rwsem);           \
    (chain)->head = NULL;                  \
  } while (0)
#define RAW_INIT_NOTIFIER_HEAD(chain) ((void)((chain)->head = NULL))

KMEM_BEGIN_C
/** 0; -EEXIST: it is registered, which is reported. */
KMEM_API int atomic_notifier_chain_register(struct atomic_notifier_head* chain, struct notifier_block* block)
    KMEM_DRIVER_NAME(atomic_notifier_chain_register);
KMEM_API int blocking_notifier_chain_register(struct blocking_notifier_head* chain, struct notifier_block* block)
    KMEM_DRIVER_NAME(blocking_notifier_chain_register);
KMEM_API int raw_notifier_chain_register(struct raw_notifier_head* chain, struct notifier_block* block)
    KMEM_DRIVER_NAME(raw_notifier_chain_register);
/** 0; -ENOENT: it is not registered. */
KMEM_API int atomic_notifier_chain_unregister(struct atomic_notifier_head* chain, struct notifier_block* block)
    KMEM_DRIVER_NAME(atomic_notifier_chain_unregister);
KMEM_API int blocking_notifier_chain_unregister(struct blocking_notifier_head* chain, struct notifier_block* block)
    KMEM_DRIVER_NAME(blocking_notifier_chain_unregister);
KMEM_API int raw_notifier_chain_unregister(struct raw_notifier_head* chain, struct notifier_block* block)
    KMEM_DRIVER_NAME(raw_notifier_chain_unregister);
/** What the last one returned that was called; NOTIFY_DONE if there is none. */
KMEM_API int atomic_notifier_call_chain(struct atomic_notifier_head* chain, unsigned long action, void* data)
    KMEM_DRIVER_NAME(atomic_notifier_call_chain);
KMEM_API int blocking_notifier_call_chain(struct blocking_notifier_head* chain, unsigned long action, void* data)
    KMEM_DRIVER_NAME(blocking_notifier_call_chain);
KMEM_API int raw_notifier_call_chain(struct raw_notifier_head* chain, unsigned long action, void* data)
    KMEM_DRIVER_NAME(raw_notifier_call_chain);
KMEM_END_C

static inline int notifier_from_errno(int error) { return error ? NOTIFY_STOP_MASK | (NOTIFY_OK - error) : NOTIFY_OK; }
static inline int notifier_to_errno(int result) {
  result &= ~NOTIFY_STOP_MASK;
  return result > NOTIFY_OK ? NOTIFY_OK - result : 0;
}

#endif
