#ifndef KMEM_LINUX_SPINLOCK_H
#define KMEM_LINUX_SPINLOCK_H
/* Locks whose holders must not sleep: holding one is an atomic section.
 *
 * In a process the holder can lose its CPU, so a waiting task spins for a moment and then sleeps until the lock is free.
 * If a signal handler takes a lock too, tasks must take it by the _irq forms, as in the kernel.  Otherwise the handler can
 * interrupt the holder, which can then never unlock: that is reported, and ends the program; so does a recursive lock.  An
 * unlock by a task that does not hold the lock is reported, and not done.
 *
 * Meaning: the kernel's Documentation/locking/spinlocks.rst.  Any context. */
#ifndef __cplusplus
#include <linux/cleanup.h>
#endif
#include <linux/irqflags.h>
#include <linux/preempt.h>

/** Zeroed memory is an unlocked lock. */
typedef struct spinlock {
  unsigned int kmem_word; /* with the next: 0 free, else the holder; bit 0: a task waits for it */
  unsigned int kmem_spare;
  const void* kmem_class; /* for a checker of locks: <kmem/lock_watch.h> */
} __attribute__((__aligned__(8))) spinlock_t;
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

KMEM_API void spin_lock(spinlock_t* lock) KMEM_NOTHROW_NAME(spin_lock);
/** Tries to lock.  1: the caller holds the lock.  0: another task holds it; nothing has changed. */
KMEM_API int spin_trylock(spinlock_t* lock) KMEM_NOTHROW_NAME(spin_trylock);
KMEM_API void spin_unlock(spinlock_t* lock) KMEM_NOTHROW_NAME(spin_unlock);

static inline void spin_lock_init(spinlock_t* lock) {
  const spinlock_t unlocked = __SPIN_LOCK_UNLOCKED();
  *lock = unlocked;
}
static inline int spin_is_locked(const spinlock_t* lock) { return __atomic_load_n(&lock->kmem_word, __ATOMIC_RELAXED) != 0; }
/** Does a task wait for it, other than for a moment? */
static inline int spin_is_contended(const spinlock_t* lock) { return __atomic_load_n(&lock->kmem_word, __ATOMIC_RELAXED) & 1; }

/** With interrupts off: for locks that handlers take too. */
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
#define spin_trylock_irqsave(lock, flags)    \
  __extension__({                            \
    (flags) = kmem_irq_save();               \
    const int kmem_got = spin_trylock(lock); \
    if (!kmem_got) kmem_irq_restore(flags);  \
    kmem_got;                                \
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

/* Guards, for <linux/cleanup.h>. */
#include <kmem/cleanup.h>
DEFINE_LOCK_GUARD_1(spinlock, spinlock_t, spin_lock(_T->lock), spin_unlock(_T->lock), char kmem_none)
DEFINE_LOCK_GUARD_1_COND(spinlock, _try, spin_trylock(_T->lock))
DEFINE_LOCK_GUARD_1(spinlock_irq, spinlock_t, spin_lock_irq(_T->lock), spin_unlock_irq(_T->lock), char kmem_none)
DEFINE_LOCK_GUARD_1_COND(spinlock_irq, _try, spin_trylock_irq(_T->lock))
DEFINE_LOCK_GUARD_1(spinlock_bh, spinlock_t, spin_lock_bh(_T->lock), spin_unlock_bh(_T->lock), char kmem_none)
DEFINE_LOCK_GUARD_1_COND(spinlock_bh, _try, spin_trylock_bh(_T->lock))
DEFINE_LOCK_GUARD_1(spinlock_irqsave, spinlock_t, spin_lock_irqsave(_T->lock, _T->flags),
                    spin_unlock_irqrestore(_T->lock, _T->flags), unsigned long flags)
DEFINE_LOCK_GUARD_1_COND(spinlock_irqsave, _try, spin_trylock_irqsave(_T->lock, _T->flags))
DEFINE_LOCK_GUARD_1(raw_spinlock, raw_spinlock_t, raw_spin_lock(_T->lock), raw_spin_unlock(_T->lock), char kmem_none)
DEFINE_LOCK_GUARD_1_COND(raw_spinlock, _try, spin_trylock(_T->lock))
DEFINE_LOCK_GUARD_1(raw_spinlock_irq, raw_spinlock_t, raw_spin_lock_irq(_T->lock), raw_spin_unlock_irq(_T->lock),
                    char kmem_none)
DEFINE_LOCK_GUARD_1_COND(raw_spinlock_irq, _try, spin_trylock_irq(_T->lock))
DEFINE_LOCK_GUARD_1(raw_spinlock_bh, raw_spinlock_t, raw_spin_lock_bh(_T->lock), raw_spin_unlock_bh(_T->lock), char kmem_none)
DEFINE_LOCK_GUARD_1_COND(raw_spinlock_bh, _try, spin_trylock_bh(_T->lock))
DEFINE_LOCK_GUARD_1(raw_spinlock_irqsave, raw_spinlock_t, raw_spin_lock_irqsave(_T->lock, _T->flags),
                    raw_spin_unlock_irqrestore(_T->lock, _T->flags), unsigned long flags)
DEFINE_LOCK_GUARD_1_COND(raw_spinlock_irqsave, _try, spin_trylock_irqsave(_T->lock, _T->flags))
DEFINE_LOCK_GUARD_1(read_lock, rwlock_t, read_lock(_T->lock), read_unlock(_T->lock), char kmem_none)
DEFINE_LOCK_GUARD_1(read_lock_irq, rwlock_t, read_lock_irq(_T->lock), read_unlock_irq(_T->lock), char kmem_none)
DEFINE_LOCK_GUARD_1(read_lock_irqsave, rwlock_t, read_lock_irqsave(_T->lock, _T->flags),
                    read_unlock_irqrestore(_T->lock, _T->flags), unsigned long flags)
DEFINE_LOCK_GUARD_1_COND(read_lock, _try, read_trylock(_T->lock))
DEFINE_LOCK_GUARD_1(write_lock, rwlock_t, write_lock(_T->lock), write_unlock(_T->lock), char kmem_none)
DEFINE_LOCK_GUARD_1(write_lock_irq, rwlock_t, write_lock_irq(_T->lock), write_unlock_irq(_T->lock), char kmem_none)
DEFINE_LOCK_GUARD_1(write_lock_irqsave, rwlock_t, write_lock_irqsave(_T->lock, _T->flags),
                    write_unlock_irqrestore(_T->lock, _T->flags), unsigned long flags)
DEFINE_LOCK_GUARD_1_COND(write_lock, _try, write_trylock(_T->lock))

#endif
