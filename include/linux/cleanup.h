#ifndef KMEM_LINUX_CLEANUP_H
#define KMEM_LINUX_CLEANUP_H
/* Releases resources when a block is left, in whatever way: by return, goto, break or at its end, the last variable first.
 *
 *   struct thing *t __free(kfree) = kmalloc(sizeof(*t), GFP_KERNEL);    kfree(t) at the end of the block
 *   return_ptr(t);                                                      returns ownership to the caller
 *   guard(mutex)(&lock);                                                held until the end of the block
 *   scoped_guard(spinlock_irqsave, &lock) { ... }                       held during the statement
 *
 * __free() knows kfree, kvfree, kfree_sensitive (<linux/slab.h>), vfree (<linux/vmalloc.h>), free_page (<linux/gfp.h>),
 * free_percpu (<linux/percpu.h>) and bitmap (<linux/bitmap.h>), all of which ignore NULL, and the pointer ones ERR_PTR() too;
 * and those of DEFINE_FREE().  guard() knows mutex, mutex_try, mutex_intr (<linux/mutex.h>); spinlock, spinlock_irq,
 * spinlock_irqsave, spinlock_bh, their _try forms, the same for raw_spinlock, read_lock, write_lock (<linux/spinlock.h>); rcu
 * (<linux/rcupdate.h>); preempt (<linux/preempt.h>), irq and irqsave (<linux/irqflags.h>); and those of DEFINE_GUARD() and
 * DEFINE_LOCK_GUARD_1().
 *
 * This is a compiler extension, which g++ and clang++ also have; there it also runs when an exception is thrown.
 * Meaning: the kernel's Documentation/core-api/cleanup.rst. */
#include <kmem/cleanup.h>

/** For a variable declaration: frees its value at the end of the block, as DEFINE_FREE(name, ...) defines. */
#define __free(name) __cleanup(__free_##name)
/** Returns the value of a pointer variable and sets it to NULL, so that it is not freed here. The result must be used. */
#define no_free_ptr(pointer) ((__typeof__(pointer))kmem_must_keep((const volatile void*)__get_and_null(pointer, NULL)))
/** Returns with no_free_ptr(pointer). */
#define return_ptr(pointer) return no_free_ptr(pointer)
/** For a value whose ownership has passed to another: sets the variable to NULL. */
#define retain_and_null_ptr(pointer) ((void)__get_and_null(pointer, NULL))

/** guard(name)(arguments): a guard without a name, until the end of the block. */
#define guard(name) CLASS(name, KMEM_JOIN_(kmem_guard_, __COUNTER__))
/** scoped_guard(name, arguments) statement: holds the guard during the statement, which is skipped if a guard that only tries
 *  fails. break and continue in the statement end it. */
#define scoped_guard(...) \
  KMEM_SCOPED_PICK_(__VA_ARGS__, KMEM_SCOPED_, KMEM_SCOPED_, KMEM_SCOPED_, KMEM_SCOPED_, KMEM_SCOPED_NONE_, )(__VA_ARGS__)
#define KMEM_SCOPED_PICK_(a, b, c, d, e, which, ...) which
#define KMEM_SCOPED_NONE_(name) KMEM_SCOPED_FOR_(name, ())
#define KMEM_SCOPED_(name, ...) KMEM_SCOPED_FOR_(name, (__VA_ARGS__))
#define KMEM_SCOPED_FOR_(name, arguments)                                                                        \
  for (CLASS(name, kmem_scope) arguments, *kmem_done = NULL; !kmem_done && class_##name##_lock_ptr(&kmem_scope); \
       kmem_done = &kmem_scope)
/** The same, but if the guard fails runs `fail`, a statement such as return -EBUSY. */
#define scoped_cond_guard(name, fail, ...)                                                           \
  for (CLASS(name, kmem_scope)(__VA_ARGS__), *kmem_done = NULL; !kmem_done; kmem_done = &kmem_scope) \
    if (!class_##name##_lock_ptr(&kmem_scope)) {                                                     \
      fail;                                                                                          \
    } else
/** ACQUIRE(name, variable)(arguments): a named guard. ACQUIRE_ERR(name, &variable): 0 if it holds the lock, else -EBUSY. */
#define ACQUIRE(name, variable) CLASS(name, variable)
#define ACQUIRE_ERR(name, variable) (class_##name##_lock_ptr(variable) ? 0 : -EBUSY)

#endif
