// Spin locks.

#include <linux/spinlock.h>

#include "lock_mistakes.h"
#include "lock_watch.h"

namespace {
kmem::WaitingLock& lock_of(spinlock_t* lock) { return *reinterpret_cast<kmem::WaitingLock*>(lock); }
}  // namespace

static_assert(sizeof(spinlock_t) == sizeof(kmem::WaitingLock));

extern "C" {

// The count is incremented before the lock is taken, so that an interrupt in between finds an atomic section.
void spin_lock(spinlock_t* lock) noexcept {
  preempt_disable();
  kmem::tell_of_acquire(lock, lock->kmem_class, 0, __builtin_return_address(0));
  lock_or_die(lock_of(lock), "spinlock");
}

int spin_trylock(spinlock_t* lock) noexcept {
  preempt_disable();
  if (lock_of(lock).try_lock()) {
    kmem::tell_of_acquire(lock, lock->kmem_class, KMEM_LOCK_TRY, __builtin_return_address(0));
    return 1;
  }
  preempt_enable();
  return 0;
}

void spin_unlock(spinlock_t* lock) noexcept {
  if (KMEM_UNLIKELY(!lock_of(lock).is_mine())) return report_unlock("spinlock", lock, lock_of(lock).owner());
  kmem::tell_of_release(lock, __builtin_return_address(0));
  lock_of(lock).unlock();
  preempt_enable();
}

}  // extern "C"
