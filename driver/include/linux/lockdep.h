#ifndef KMEM_LINUX_LOCKDEP_H
#define KMEM_LINUX_LOCKDEP_H
/* Checking of locks: the order in which classes of locks are taken, interrupts that take a lock which is also taken with
 * interrupts on, locks that are held when a call returns, freed or initialised anew while held, or released without being held.
 * A wrong order is reported when it is first seen, not only when tasks really deadlock, in the kernel's words, once for each
 * pair. A lock that was never initialised, in memory of zeros, is not checked.
 *
 * Meaning: the kernel's Documentation/locking/lockdep-design.rst. */
#include <linux/bug.h>
#include <linux/irqflags.h>
#include <linux/lockdep_types.h>
#include <linux/preempt.h>

/* The subclass of a second lock of a class, where no more than two are nested. */
#define SINGLE_DEPTH_NESTING 1

KMEM_BEGIN_C
/** Does the calling task hold it?  <kmem/driver.h> switches checking on and off. */
KMEM_API int kmem_driver_lock_is_held(const void* lock) KMEM_NOTHROW;
/** 1: as a writer, 0: as a reader, -1: not. */
KMEM_API int kmem_driver_lock_is_written(const void* lock) KMEM_NOTHROW;
/** How many locks the calling task holds. */
KMEM_API unsigned int kmem_driver_nr_locks_held(void) KMEM_NOTHROW;
/** Checks a wait that is not on a lock, as if the lock were taken and released here. */
KMEM_API void kmem_driver_might_lock(const void* lock, const void* lock_class, int reads) KMEM_NOTHROW;
/** The pseudo-lock is taken, or was tried with success.  read: 1, or 2 for a reader that may be inside a reader of the same
 *  lock.  check: 0 for one whose order and contexts are not checked.  nest: NULL, or a held pseudo-lock that orders those of
 *  this class.  ip: the place that reports name.  Any context. */
KMEM_API void lock_acquire(struct lockdep_map* map, unsigned int subclass, int trylock, int read, int check,
                           struct lockdep_map* nest, unsigned long ip) KMEM_DRIVER_NAME(lock_acquire);
KMEM_API void lock_release(struct lockdep_map* map, unsigned long ip) KMEM_DRIVER_NAME(lock_release);
KMEM_API void lock_map_acquire(struct lockdep_map* map) KMEM_DRIVER_NAME(lock_map_acquire);
KMEM_API void lock_map_acquire_read(struct lockdep_map* map) KMEM_DRIVER_NAME(lock_map_acquire_read);
KMEM_API void lock_map_release(struct lockdep_map* map) KMEM_DRIVER_NAME(lock_map_release);
/** Stops checking the calling task's locks until lockdep_on(). */
KMEM_API void lockdep_off(void) KMEM_DRIVER_NAME(lockdep_off);
KMEM_API void lockdep_on(void) KMEM_DRIVER_NAME(lockdep_on);
static inline void lockdep_init_map(struct lockdep_map* map, const char* name, struct lock_class_key* key, int subclass) {
  map->kmem_class = kmem_driver_lock_site(name, key, subclass, 0);
}
static inline void lockdep_register_key(struct lock_class_key* key) { key->kmem_used = 1; }
static inline void lockdep_unregister_key(struct lock_class_key* key) { key->kmem_used = 0; }
KMEM_END_C

#define lockdep_set_class_and_name(lock, key, name) ((void)((lock)->kmem_class = kmem_driver_lock_site(name, key, 0, 0)))
#define lockdep_set_class(lock, key) lockdep_set_class_and_name(lock, key, #key)
#define lockdep_set_class_and_subclass(lock, key, subclass) \
  ((void)((lock)->kmem_class = kmem_driver_lock_site(#key, key, subclass, 0)))
#define lock_acquire_exclusive(map, subclass, trylock, nest, ip) lock_acquire(map, subclass, trylock, 0, 1, nest, ip)
#define lock_acquire_shared(map, subclass, trylock, nest, ip) lock_acquire(map, subclass, trylock, 1, 1, nest, ip)
#define lock_acquire_shared_recursive(map, subclass, trylock, nest, ip) lock_acquire(map, subclass, trylock, 2, 1, nest, ip)
/* By the kind of the lock that they stand for. */
#define spin_acquire(map, subclass, trylock, ip) lock_acquire_exclusive(map, subclass, trylock, NULL, ip)
#define spin_release(map, ip) lock_release(map, ip)
#define rwlock_acquire(map, subclass, trylock, ip) lock_acquire_exclusive(map, subclass, trylock, NULL, ip)
#define rwlock_acquire_read(map, subclass, trylock, ip) lock_acquire_shared_recursive(map, subclass, trylock, NULL, ip)
#define rwlock_release(map, ip) lock_release(map, ip)
#define mutex_acquire(map, subclass, trylock, ip) lock_acquire_exclusive(map, subclass, trylock, NULL, ip)
#define mutex_acquire_nest(map, subclass, trylock, nest, ip) lock_acquire_exclusive(map, subclass, trylock, nest, ip)
#define mutex_release(map, ip) lock_release(map, ip)
#define rwsem_acquire(map, subclass, trylock, ip) lock_acquire_exclusive(map, subclass, trylock, NULL, ip)
#define rwsem_acquire_nest(map, subclass, trylock, nest, ip) lock_acquire_exclusive(map, subclass, trylock, nest, ip)
#define rwsem_acquire_read(map, subclass, trylock, ip) lock_acquire_shared(map, subclass, trylock, NULL, ip)
#define rwsem_release(map, ip) lock_release(map, ip)
#define lock_is_held(map) lockdep_is_held(map)
#define lockdep_set_novalidate_class(lock) ((void)((lock)->kmem_class = kmem_driver_lock_site("novalidate", NULL, 0, 1)))
#define lockdep_is_held(lock) kmem_driver_lock_is_held(lock)
#define lockdep_is_held_type(lock, reads) (kmem_driver_lock_is_written(lock) == !(reads))
#define lockdep_assert(condition) ((void)WARN_ON(!(condition)))
#define lockdep_assert_held(lock) lockdep_assert(lockdep_is_held(lock))
#define lockdep_assert_held_once(lock) ((void)WARN_ON_ONCE(!lockdep_is_held(lock)))
#define lockdep_assert_not_held(lock) lockdep_assert(!lockdep_is_held(lock))
#define lockdep_assert_held_write(lock) lockdep_assert(kmem_driver_lock_is_written(lock) == 1)
#define lockdep_assert_held_read(lock) lockdep_assert(kmem_driver_lock_is_written(lock) == 0)
#define lockdep_assert_none_held_once() ((void)WARN_ON_ONCE(kmem_driver_nr_locks_held() != 0))
#define lockdep_assert_irqs_disabled() lockdep_assert(irqs_disabled())
#define lockdep_assert_irqs_enabled() lockdep_assert(!irqs_disabled())
#define lockdep_assert_in_irq() lockdep_assert(in_hardirq())
#define lockdep_assert_preemption_disabled() lockdep_assert(preempt_count() != 0 || irqs_disabled())
#define lockdep_assert_preemption_enabled() lockdep_assert(preempt_count() == 0 && !irqs_disabled())
#define might_lock(lock) kmem_driver_might_lock(lock, (lock)->kmem_class, 0)
#define might_lock_read(lock) kmem_driver_might_lock(lock, (lock)->kmem_class, 1)
#endif
