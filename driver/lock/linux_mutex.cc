// Mutexes.

#include <errno.h>

#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/printk.h>

#include "lock/lockdep.h"
#include "lock/queued.h"
#include "print/mistakes.h"

namespace {

using namespace kmem_driver;

int lock_in(struct mutex* lock, unsigned state, unsigned subclass, const void* caller) {
  kmem_might_sleep(__FILE__, __LINE__);
  lockdep::acquire(lock, lock->kmem_class, {.sleeps = true, .subclass = subclass}, caller);
  const int error = QueuedLock(lock->kmem_lock).take(Mode::Write, state);
  if (error) lockdep::release(lock, caller);
  return error;
}

void report_unlock(struct mutex* lock) {
  static ratelimit_state limit = RATELIMIT_STATE_INIT(limit, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);
  if (!__ratelimit(&limit)) return;
  count_mistake();
  printk(KERN_ERR "BUG: mutex %p is unlocked by a task that does not hold it; nothing was done\n", static_cast<void*>(lock));
  dump_stack();
}

}  // namespace

extern "C" {

void mutex_lock(struct mutex* lock) noexcept { lock_in(lock, TASK_UNINTERRUPTIBLE, 0, __builtin_return_address(0)); }
void mutex_lock_nested(struct mutex* lock, unsigned int subclass) noexcept {
  lock_in(lock, TASK_UNINTERRUPTIBLE, subclass, __builtin_return_address(0));
}
int mutex_lock_interruptible(struct mutex* lock) noexcept {
  return lock_in(lock, TASK_INTERRUPTIBLE, 0, __builtin_return_address(0));
}
int mutex_lock_interruptible_nested(struct mutex* lock, unsigned int subclass) noexcept {
  return lock_in(lock, TASK_INTERRUPTIBLE, subclass, __builtin_return_address(0));
}
int mutex_lock_killable(struct mutex* lock) noexcept { return lock_in(lock, TASK_KILLABLE, 0, __builtin_return_address(0)); }
int mutex_lock_killable_nested(struct mutex* lock, unsigned int subclass) noexcept {
  return lock_in(lock, TASK_KILLABLE, subclass, __builtin_return_address(0));
}

int mutex_trylock(struct mutex* lock) noexcept {
  if (!QueuedLock(lock->kmem_lock).try_take(Mode::Write)) return 0;
  lockdep::acquire(lock, lock->kmem_class, {.trylock = true, .sleeps = true}, __builtin_return_address(0));
  return 1;
}

void mutex_unlock(struct mutex* lock) noexcept {
  QueuedLock queued(lock->kmem_lock);
  if (queued.owner() != get_current()) return report_unlock(lock);
  lockdep::release(lock, __builtin_return_address(0));
  queued.give_back();
}

void kmem_driver_mutex_init(struct mutex* lock, const kmem_lock_site* site) noexcept {
  kmem_driver_lock_begins(lock, sizeof(*lock), site ? site->name : "mutex");
  *lock = {};
  lock->kmem_class = site;
}

void mutex_destroy(struct mutex* lock) noexcept {
  WARN(mutex_is_locked(lock), "mutex %p is destroyed while it is held", static_cast<void*>(lock));
}

bool mutex_is_locked(struct mutex* lock) noexcept { return !QueuedLock(lock->kmem_lock).is_free(); }

int kmem_driver_dec_and_mutex_lock(int* count, struct mutex* lock) noexcept {
  int seen = __atomic_load_n(count, __ATOMIC_RELAXED);
  while (seen != 1)
    if (__atomic_compare_exchange_n(count, &seen, seen - 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) return 0;
  mutex_lock(lock);
  if (!__atomic_sub_fetch(count, 1, __ATOMIC_SEQ_CST)) return 1;
  mutex_unlock(lock);
  return 0;
}

}  // extern "C"
