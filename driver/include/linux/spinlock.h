/* kmem's spin locks, with classes for lock checking (<linux/lockdep.h>) and the names that drivers use beside them. */
#include_next <linux/spinlock.h>

#ifndef KMEM_DRIVER_LINUX_SPINLOCK_H
#define KMEM_DRIVER_LINUX_SPINLOCK_H
#include <linux/lockdep.h>
#include <linux/sched.h>

/* A lock that is defined is a class of its own, one that is initialised belongs to the class of that place. */
#undef __SPIN_LOCK_UNLOCKED
#define __SPIN_LOCK_UNLOCKED(name) \
  { 0, 0, #name }
#undef __RW_LOCK_UNLOCKED
#define __RW_LOCK_UNLOCKED(name) \
  { 0, 0, #name }
/* 2.6 */
#undef SPIN_LOCK_UNLOCKED
#define SPIN_LOCK_UNLOCKED \
  { 0, 0, 0 }
#define RW_LOCK_UNLOCKED \
  { 0, 0, 0 }

KMEM_BEGIN_C
KMEM_API void kmem_driver_spin_lock_init(spinlock_t* lock, const struct kmem_lock_site* site) KMEM_NOTHROW;
KMEM_API void kmem_driver_rwlock_init(rwlock_t* lock, const struct kmem_lock_site* site) KMEM_NOTHROW;
/** For a lock of the same class as one that is held, in an order of the caller's: a subclass from 1 to 7. */
static inline void kmem_spin_lock_nested_(spinlock_t* lock, unsigned int subclass) {
  kmem_driver_next_lock_is_nested(subclass);
  spin_lock(lock);
}
static inline unsigned long kmem_spin_lock_irqsave_nested_(spinlock_t* lock, unsigned int subclass) {
  const unsigned long flags = kmem_irq_save();
  kmem_spin_lock_nested_(lock, subclass);
  return flags;
}
/** For cond_resched_lock(), which lets other tasks run if this one is due to be preempted, and hands a contended lock to a
 * waiter: releases it, waits a short time for it to be taken, and takes it again. Releasing alone is not enough, because the
 * releasing task would usually win the lock again.  1: the lock was released.  Task context, with no other lock held. */
static inline int kmem_cond_resched_lock_(spinlock_t* lock, const char* file, int line) {
  int looks = spin_is_contended(lock) ? 1000 : 0;
  if (!looks && !kmem_need_resched()) return 0;
  spin_unlock(lock);
  kmem_cond_resched(file, line);
  while (looks-- && !spin_is_locked(lock)) yield();
  spin_lock(lock);
  return 1;
}
static inline int kmem_dec_and_lock_(int* count, spinlock_t* lock) {
  int seen = __atomic_load_n(count, __ATOMIC_RELAXED);
  while (seen != 1)
    if (__atomic_compare_exchange_n(count, &seen, seen - 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) return 0;
  spin_lock(lock);
  if (!__atomic_sub_fetch(count, 1, __ATOMIC_SEQ_CST)) return 1;
  spin_unlock(lock);
  return 0;
}
KMEM_END_C

#define spin_lock_init(lock)                                               \
  do {                                                                     \
    static const struct kmem_lock_site kmem_site = KMEM_LOCK_SITE_(#lock); \
    kmem_driver_spin_lock_init(lock, &kmem_site);                          \
  } while (0)
#define rwlock_init(lock)                                                  \
  do {                                                                     \
    static const struct kmem_lock_site kmem_site = KMEM_LOCK_SITE_(#lock); \
    kmem_driver_rwlock_init(lock, &kmem_site);                             \
  } while (0)
#undef spin_lock_nested
#define spin_lock_nested(lock, subclass) kmem_spin_lock_nested_(lock, subclass)
/** One of many locks of a class, in any order: everybody who takes two of them holds `nest`.  Not holding it is reported. */
#define spin_lock_nest_lock(lock, nest) (kmem_driver_next_lock_is_nested_under(nest), spin_lock(lock))
#define raw_spin_lock_nest_lock(lock, nest) spin_lock_nest_lock(lock, nest)
#define spin_lock_bh_nested(lock, subclass) (local_bh_disable(), kmem_spin_lock_nested_(lock, subclass))
#define spin_lock_irqsave_nested(lock, flags, subclass) ((void)((flags) = kmem_spin_lock_irqsave_nested_(lock, subclass)))
#define raw_spin_lock_nested(lock, subclass) spin_lock_nested(lock, subclass)
#define raw_spin_lock_irqsave_nested(lock, flags, subclass) spin_lock_irqsave_nested(lock, flags, subclass)
#define raw_spin_trylock_irqsave(lock, flags) spin_trylock_irqsave(lock, flags)
#define raw_spin_trylock_irq(lock) spin_trylock_irq(lock)
#define raw_spin_trylock_bh(lock) spin_trylock_bh(lock)
#define raw_spin_is_locked(lock) spin_is_locked(lock)
#define raw_spin_is_contended(lock) spin_is_contended(lock)
#define assert_raw_spin_locked(lock) assert_spin_locked(lock)
#define atomic_dec_and_lock(count, lock) kmem_dec_and_lock_(&(count)->counter, lock)
#define atomic_dec_and_lock_irqsave(count, lock, flags)                \
  __extension__({                                                      \
    (flags) = kmem_irq_save();                                         \
    const int kmem_zero = kmem_dec_and_lock_(&(count)->counter, lock); \
    if (!kmem_zero) kmem_irq_restore(flags);                           \
    kmem_zero;                                                         \
  })
#define write_trylock_irqsave(lock, flags)    \
  __extension__({                             \
    (flags) = kmem_irq_save();                \
    const int kmem_got = write_trylock(lock); \
    if (!kmem_got) kmem_irq_restore(flags);   \
    kmem_got;                                 \
  })
#define write_lock_nested(lock, subclass) (kmem_driver_next_lock_is_nested(subclass), write_lock(lock))
#define read_lock_nested(lock, subclass) (kmem_driver_next_lock_is_nested(subclass), read_lock(lock))
#define smp_mb__after_spinlock() KMEM_DRIVER_FENCE(__ATOMIC_SEQ_CST)
#endif
