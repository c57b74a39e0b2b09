#ifndef KMEM_LINUX_SPINLOCK_H
#define KMEM_LINUX_SPINLOCK_H
/* Locks that may be held only where nobody sleeps: holding one makes an atomic section.
 *
 * In a process the holder can lose its CPU, so whoever waits spins for a moment and then lets the host put it aside until
 * the lock is free.  A signal handler that takes a lock which tasks take too is kept out by the _irq forms, as in the
 * kernel; without them it can interrupt the holder, which can then never unlock: that is reported, and ends the program.
 * So is a second lock by the holder.  An unlock by anybody but the holder is reported, and not done.
 *
 * Meaning: the kernel's Documentation/locking/spinlocks.rst.  Any context. */
#include <linux/irqflags.h>
#include <linux/preempt.h>

/** Zeroed memory is an unlocked lock. */
typedef struct spinlock {
  unsigned int kmem_word; /* 0 free, 1 held, 2 held and somebody waits */
  unsigned int kmem_spare;
  const void* kmem_owner;
} spinlock_t;
typedef spinlock_t raw_spinlock_t;

#define __SPIN_LOCK_UNLOCKED(name) \
  { 0, 0, 0 }
#define __RAW_SPIN_LOCK_UNLOCKED(name) __SPIN_LOCK_UNLOCKED(name)
#define DEFINE_SPINLOCK(name) spinlock_t name = __SPIN_LOCK_UNLOCKED(name)
#define DEFINE_RAW_SPINLOCK(name) DEFINE_SPINLOCK(name)
/* 2.6 */
#ifndef __cplusplus
#define SPIN_LOCK_UNLOCKED ((spinlock_t)__SPIN_LOCK_UNLOCKED())
#else
#define SPIN_LOCK_UNLOCKED (spinlock_t __SPIN_LOCK_UNLOCKED())
#endif

KMEM_BEGIN_C

KMEM_API void spin_lock(spinlock_t* lock) KMEM_NOTHROW;
/** 1: it is ours.  0: it is somebody's; nothing has changed. */
KMEM_API int spin_trylock(spinlock_t* lock) KMEM_NOTHROW;
KMEM_API void spin_unlock(spinlock_t* lock) KMEM_NOTHROW;

static inline void spin_lock_init(spinlock_t* lock) {
  const spinlock_t unlocked = __SPIN_LOCK_UNLOCKED();
  *lock = unlocked;
}
static inline int spin_is_locked(const spinlock_t* lock) {
  return __atomic_load_n(&lock->kmem_word, __ATOMIC_RELAXED) != 0;
}
static inline int spin_is_contended(const spinlock_t* lock) {
  return __atomic_load_n(&lock->kmem_word, __ATOMIC_RELAXED) == 2;
}

/** With interrupts off: what handlers take too. */
static inline void spin_lock_irq(spinlock_t* lock) {
  local_irq_disable();
  spin_lock(lock);
}
static inline void spin_unlock_irq(spinlock_t* lock) {
  spin_unlock(lock);
  local_irq_enable();
}
static inline unsigned long kmem_spin_lock_irqsave(spinlock_t* lock) {
  const unsigned long flags = kmem_irq_save();
  spin_lock(lock);
  return flags;
}
static inline void spin_unlock_irqrestore(spinlock_t* lock, unsigned long flags) {
  spin_unlock(lock);
  kmem_irq_restore(flags);
}
static inline int spin_trylock_irq(spinlock_t* lock) {
  local_irq_disable();
  if (spin_trylock(lock)) return 1;
  local_irq_enable();
  return 0;
}
/** With softirqs off. */
static inline void spin_lock_bh(spinlock_t* lock) {
  local_bh_disable();
  spin_lock(lock);
}
static inline void spin_unlock_bh(spinlock_t* lock) {
  spin_unlock(lock);
  local_bh_enable();
}
static inline int spin_trylock_bh(spinlock_t* lock) {
  local_bh_disable();
  if (spin_trylock(lock)) return 1;
  local_bh_enable();
  return 0;
}

KMEM_END_C

#define spin_lock_irqsave(lock, flags) ((void)((flags) = kmem_spin_lock_irqsave(lock)))
#define spin_trylock_irqsave(lock, flags) \
  __extension__({                         \
    (flags) = kmem_irq_save();            \
    const int kmem_got = spin_trylock(lock); \
    if (!kmem_got) kmem_irq_restore(flags);  \
    kmem_got;                             \
  })
#define spin_lock_nested(lock, subclass) spin_lock(lock)
#define assert_spin_locked(lock) BUG_ON(!spin_is_locked(lock))

#define raw_spin_lock_init(lock) spin_lock_init(lock)
#define raw_spin_lock(lock) spin_lock(lock)
#define raw_spin_trylock(lock) spin_trylock(lock)
#define raw_spin_unlock(lock) spin_unlock(lock)
#define raw_spin_lock_irq(lock) spin_lock_irq(lock)
#define raw_spin_unlock_irq(lock) spin_unlock_irq(lock)
#define raw_spin_lock_irqsave(lock, flags) spin_lock_irqsave(lock, flags)
#define raw_spin_unlock_irqrestore(lock, flags) spin_unlock_irqrestore(lock, flags)
#define raw_spin_lock_bh(lock) spin_lock_bh(lock)
#define raw_spin_unlock_bh(lock) spin_unlock_bh(lock)

#include <linux/bug.h>
#include <linux/rwlock.h>

#endif
