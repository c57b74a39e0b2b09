#ifndef KMEM_LINUX_LOCAL_LOCK_H
#define KMEM_LINUX_LOCAL_LOCK_H
/* Sections with exclusive access to this CPU's copy of per-CPU data: what get_cpu() of kmem gives, under the kernel's name.
 * Between the two the caller must not sleep.  Any context.  Meaning: the kernel's Documentation/locking/locktypes.rst. */
#include <linux/irqflags.h>
#include <linux/percpu.h>
#include <linux/smp.h>

typedef struct {
  int kmem_none;
} local_lock_t;
#define INIT_LOCAL_LOCK(name) \
  { 0 }
#define local_lock_init(lock) ((void)((lock)->kmem_none = 0))
#define local_lock(lock) ((void)sizeof(lock), (void)kmem_get_cpu())
#define local_unlock(lock) ((void)sizeof(lock), kmem_put_cpu())
#define local_lock_irq(lock) (local_irq_disable(), local_lock(lock))
#define local_unlock_irq(lock) (local_unlock(lock), local_irq_enable())
#define local_lock_irqsave(lock, flags) ((void)((flags) = kmem_irq_save()), local_lock(lock))
#define local_unlock_irqrestore(lock, flags) (local_unlock(lock), kmem_irq_restore(flags))
#endif
