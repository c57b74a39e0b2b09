// Reader-writer semaphores.

#include <errno.h>

#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/rwsem.h>

#include "lock/lockdep.h"
#include "lock/queued.h"

namespace {

using namespace kmem_driver;
using lockdep::How;

int take(rw_semaphore* lock, Mode mode, unsigned state, unsigned subclass, const void* caller) {
  kmem_might_sleep(__FILE__, __LINE__);
  lockdep::acquire(lock, lock->kmem_class, How{.read = mode == Mode::Read, .sleeps = true, .subclass = subclass}, caller);
  const int error = QueuedLock(lock->kmem_lock).take(mode, state);
  if (error) lockdep::release(lock, caller);
  return error;
}

int try_take(rw_semaphore* lock, Mode mode, const void* caller) {
  if (!QueuedLock(lock->kmem_lock).try_take(mode)) return 0;
  lockdep::acquire(lock, lock->kmem_class, How{.read = mode == Mode::Read, .trylock = true, .sleeps = true}, caller);
  return 1;
}

bool is_held_so(rw_semaphore* lock, Mode mode) {
  const int holders = __atomic_load_n(&lock->kmem_lock.holders, __ATOMIC_RELAXED);
  if (mode == Mode::Write ? holders < 0 : holders > 0) return true;
  WARN(1, "rw_semaphore %p is given back, and is not held so", static_cast<void*>(lock));
  return false;
}

void give_back(rw_semaphore* lock, Mode mode, const void* caller) {
  if (!is_held_so(lock, mode)) return;
  lockdep::release(lock, caller);
  QueuedLock(lock->kmem_lock).give_back();
}

}  // namespace

extern "C" {

void down_read(rw_semaphore* lock) noexcept { take(lock, Mode::Read, TASK_UNINTERRUPTIBLE, 0, __builtin_return_address(0)); }
int down_read_interruptible(rw_semaphore* lock) noexcept {
  return take(lock, Mode::Read, TASK_INTERRUPTIBLE, 0, __builtin_return_address(0));
}
int down_read_killable(rw_semaphore* lock) noexcept {
  return take(lock, Mode::Read, TASK_KILLABLE, 0, __builtin_return_address(0));
}
void down_read_nested(rw_semaphore* lock, int subclass) noexcept {
  take(lock, Mode::Read, TASK_UNINTERRUPTIBLE, static_cast<unsigned>(subclass), __builtin_return_address(0));
}
void down_write(rw_semaphore* lock) noexcept { take(lock, Mode::Write, TASK_UNINTERRUPTIBLE, 0, __builtin_return_address(0)); }
int down_write_killable(rw_semaphore* lock) noexcept {
  return take(lock, Mode::Write, TASK_KILLABLE, 0, __builtin_return_address(0));
}
void down_write_nested(rw_semaphore* lock, int subclass) noexcept {
  take(lock, Mode::Write, TASK_UNINTERRUPTIBLE, static_cast<unsigned>(subclass), __builtin_return_address(0));
}
int down_read_killable_nested(rw_semaphore* lock, int subclass) noexcept {
  return take(lock, Mode::Read, TASK_KILLABLE, static_cast<unsigned>(subclass), __builtin_return_address(0));
}
int down_write_killable_nested(rw_semaphore* lock, int subclass) noexcept {
  return take(lock, Mode::Write, TASK_KILLABLE, static_cast<unsigned>(subclass), __builtin_return_address(0));
}
int down_read_trylock(rw_semaphore* lock) noexcept { return try_take(lock, Mode::Read, __builtin_return_address(0)); }
int down_write_trylock(rw_semaphore* lock) noexcept { return try_take(lock, Mode::Write, __builtin_return_address(0)); }
void up_read(rw_semaphore* lock) noexcept { give_back(lock, Mode::Read, __builtin_return_address(0)); }
void up_write(rw_semaphore* lock) noexcept { give_back(lock, Mode::Write, __builtin_return_address(0)); }

void downgrade_write(rw_semaphore* lock) noexcept {
  const void* caller = __builtin_return_address(0);
  if (!is_held_so(lock, Mode::Write)) return;
  lockdep::release(lock, caller);
  lockdep::acquire(lock, lock->kmem_class, How{.read = true, .trylock = true, .sleeps = true}, caller);
  QueuedLock(lock->kmem_lock).downgrade();
}

void down_read_non_owner(rw_semaphore* lock) noexcept {
  kmem_might_sleep(__FILE__, __LINE__);
  QueuedLock(lock->kmem_lock).take(Mode::Read, TASK_UNINTERRUPTIBLE);
}
void up_read_non_owner(rw_semaphore* lock) noexcept {
  if (is_held_so(lock, Mode::Read)) QueuedLock(lock->kmem_lock).give_back();
}

void kmem_driver_rwsem_init(rw_semaphore* lock, const kmem_lock_site* site) noexcept {
  kmem_driver_lock_begins(lock, sizeof(*lock), site ? site->name : "rwsem");
  *lock = {};
  lock->kmem_class = site;
}

int rwsem_is_locked(rw_semaphore* lock) noexcept { return !QueuedLock(lock->kmem_lock).is_free(); }
int rwsem_is_contended(rw_semaphore* lock) noexcept {
  return __atomic_load_n(&lock->kmem_lock.first, __ATOMIC_RELAXED) != nullptr;
}

}  // extern "C"
