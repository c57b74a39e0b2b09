#ifndef KMEM_LINUX_RWLOCK_H
#define KMEM_LINUX_RWLOCK_H
/* As <linux/spinlock.h>, for many readers or one writer.  Readers may nest; a writer waits for all of them, and readers that
 * arrive meanwhile enter before it. */
#include <linux/irqflags.h>
#include <linux/preempt.h>

/** Zeroed memory is an unlocked lock. */
typedef struct kmem_rwlock {
  unsigned int kmem_word; /* the number of readers, or ~0 for a writer */
  unsigned int kmem_waiters;
  const void* kmem_class; /* for a checker of locks: <kmem/lock_watch.h> */
} rwlock_t;

#define __RW_LOCK_UNLOCKED(name) \
  { 0, 0, 0 }
#define DEFINE_RWLOCK(name) rwlock_t name = __RW_LOCK_UNLOCKED(name)

KMEM_BEGIN_C

KMEM_API void read_lock(rwlock_t* lock) KMEM_NOTHROW_NAME(read_lock);
KMEM_API int read_trylock(rwlock_t* lock) KMEM_NOTHROW_NAME(read_trylock);
KMEM_API void read_unlock(rwlock_t* lock) KMEM_NOTHROW_NAME(read_unlock);
KMEM_API void write_lock(rwlock_t* lock) KMEM_NOTHROW_NAME(write_lock);
KMEM_API int write_trylock(rwlock_t* lock) KMEM_NOTHROW_NAME(write_trylock);
KMEM_API void write_unlock(rwlock_t* lock) KMEM_NOTHROW_NAME(write_unlock);

static inline void rwlock_init(rwlock_t* lock) {
  const rwlock_t unlocked = __RW_LOCK_UNLOCKED();
  *lock = unlocked;
}
static inline unsigned long kmem_read_lock_irqsave(rwlock_t* lock) {
  const unsigned long flags = kmem_irq_save();
  read_lock(lock);
  return flags;
}
static inline unsigned long kmem_write_lock_irqsave(rwlock_t* lock) {
  const unsigned long flags = kmem_irq_save();
  write_lock(lock);
  return flags;
}
static inline void read_unlock_irqrestore(rwlock_t* lock, unsigned long flags) {
  read_unlock(lock);
  kmem_irq_restore(flags);
}
static inline void write_unlock_irqrestore(rwlock_t* lock, unsigned long flags) {
  write_unlock(lock);
  kmem_irq_restore(flags);
}
static inline void read_lock_irq(rwlock_t* lock) {
  local_irq_disable();
  read_lock(lock);
}
static inline void read_unlock_irq(rwlock_t* lock) {
  read_unlock(lock);
  local_irq_enable();
}
static inline void write_lock_irq(rwlock_t* lock) {
  local_irq_disable();
  write_lock(lock);
}
static inline void write_unlock_irq(rwlock_t* lock) {
  write_unlock(lock);
  local_irq_enable();
}
static inline void read_lock_bh(rwlock_t* lock) {
  local_bh_disable();
  read_lock(lock);
}
static inline void read_unlock_bh(rwlock_t* lock) {
  read_unlock(lock);
  local_bh_enable();
}
static inline void write_lock_bh(rwlock_t* lock) {
  local_bh_disable();
  write_lock(lock);
}
static inline void write_unlock_bh(rwlock_t* lock) {
  write_unlock(lock);
  local_bh_enable();
}

KMEM_END_C

#define read_lock_irqsave(lock, flags) ((void)((flags) = kmem_read_lock_irqsave(lock)))
#define write_lock_irqsave(lock, flags) ((void)((flags) = kmem_write_lock_irqsave(lock)))

#endif
