// Reader-writer locks.

#include <linux/spinlock.h>

#include "lock_mistakes.h"
#include "lock_watch.h"

namespace {
kmem::WaitingRwLock& lock_of(rwlock_t* lock) { return *reinterpret_cast<kmem::WaitingRwLock*>(lock); }
}  // namespace

static_assert(sizeof(rwlock_t) >= sizeof(kmem::WaitingRwLock));

using kmem::tell_of_acquire;
using kmem::tell_of_release;

extern "C" {

void read_lock(rwlock_t* lock) noexcept {
  preempt_disable();
  tell_of_acquire(lock, lock->kmem_class, KMEM_LOCK_READ, __builtin_return_address(0));
  lock_of(lock).read();
}

int read_trylock(rwlock_t* lock) noexcept {
  preempt_disable();
  if (lock_of(lock).try_read()) {
    tell_of_acquire(lock, lock->kmem_class, KMEM_LOCK_READ | KMEM_LOCK_TRY, __builtin_return_address(0));
    return 1;
  }
  preempt_enable();
  return 0;
}

void read_unlock(rwlock_t* lock) noexcept {
  if (!lock_of(lock).end_read()) return report_unlock("rwlock", lock, nullptr);
  tell_of_release(lock, __builtin_return_address(0));
  preempt_enable();
}

void write_lock(rwlock_t* lock) noexcept {
  preempt_disable();
  tell_of_acquire(lock, lock->kmem_class, 0, __builtin_return_address(0));
  lock_of(lock).write();
}

int write_trylock(rwlock_t* lock) noexcept {
  preempt_disable();
  if (lock_of(lock).try_write()) {
    tell_of_acquire(lock, lock->kmem_class, KMEM_LOCK_TRY, __builtin_return_address(0));
    return 1;
  }
  preempt_enable();
  return 0;
}

void write_unlock(rwlock_t* lock) noexcept {
  if (!lock_of(lock).end_write()) return report_unlock("rwlock", lock, nullptr);
  tell_of_release(lock, __builtin_return_address(0));
  preempt_enable();
}

}  // extern "C"
