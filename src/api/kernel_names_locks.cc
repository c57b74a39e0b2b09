// Spin locks, reader-writer locks and mutexes.

#include <linux/mutex.h>
#include <linux/spinlock.h>

#include "sync/waiting_lock.h"
#include "watch/context.h"

namespace {

using kmem::Trouble;
using kmem::WaitingLock;
using kmem::WaitingRwLock;

WaitingLock& lock_of(spinlock_t* lock) { return *reinterpret_cast<WaitingLock*>(lock); }
WaitingLock& lock_of(struct mutex* lock) { return *reinterpret_cast<WaitingLock*>(lock); }
WaitingRwLock& lock_of(rwlock_t* lock) { return *reinterpret_cast<WaitingRwLock*>(lock); }

static_assert(sizeof(spinlock_t) == sizeof(WaitingLock) && sizeof(struct mutex) == sizeof(WaitingLock) &&
              sizeof(rwlock_t) == sizeof(WaitingRwLock));

/// It would wait for itself, for ever.
[[noreturn]] KMEM_COLD void die_of_recursion(const char* what, const void* lock) {
  kmem::bug_report(Trouble::Bug, "%s recursion on %p: its holder locks it again%s", what, lock,
                   kmem::in_interrupt() ? ", in an interrupt that came while it was held" : "");
  kmem_port_panic();
}

KMEM_COLD void report_unlock(const char* what, const void* lock, const void* owner) {
  static kmem::RateLimit limit;
  kmem::bug_report_limited(limit, Trouble::Bug, "%s %p is unlocked by a task that does not hold it%s; nothing was done",
                           what, lock, owner ? "" : ", and neither does another");
}

void lock_or_die(WaitingLock& lock, const char* what) {
  if (KMEM_UNLIKELY(lock.is_mine())) die_of_recursion(what, &lock);
  lock.lock();
}

bool unlock_or_report(WaitingLock& lock, const char* what) {
  if (KMEM_UNLIKELY(!lock.is_mine())) return report_unlock(what, &lock, lock.owner()), false;
  lock.unlock();
  return true;
}

}  // namespace

extern "C" {

// The count goes up before the lock is taken, so that an interrupt which comes in between finds an atomic section.
void spin_lock(spinlock_t* lock) noexcept {
  preempt_disable();
  lock_or_die(lock_of(lock), "spinlock");
}

int spin_trylock(spinlock_t* lock) noexcept {
  preempt_disable();
  if (lock_of(lock).try_lock()) return 1;
  preempt_enable();
  return 0;
}

void spin_unlock(spinlock_t* lock) noexcept {
  if (unlock_or_report(lock_of(lock), "spinlock")) preempt_enable();
}

void read_lock(rwlock_t* lock) noexcept {
  preempt_disable();
  lock_of(lock).read();
}

int read_trylock(rwlock_t* lock) noexcept {
  preempt_disable();
  if (lock_of(lock).try_read()) return 1;
  preempt_enable();
  return 0;
}

void read_unlock(rwlock_t* lock) noexcept {
  if (!lock_of(lock).end_read()) return report_unlock("rwlock", lock, nullptr);
  preempt_enable();
}

void write_lock(rwlock_t* lock) noexcept {
  preempt_disable();
  lock_of(lock).write();
}

int write_trylock(rwlock_t* lock) noexcept {
  preempt_disable();
  if (lock_of(lock).try_write()) return 1;
  preempt_enable();
  return 0;
}

void write_unlock(rwlock_t* lock) noexcept {
  if (!lock_of(lock).end_write()) return report_unlock("rwlock", lock, nullptr);
  preempt_enable();
}

void mutex_lock(struct mutex* lock) noexcept {
  kmem::check_sleep("mutex_lock", 0, __builtin_return_address(0));
  lock_or_die(lock_of(lock), "mutex");
}

int mutex_trylock(struct mutex* lock) noexcept { return lock_of(lock).try_lock(); }

void mutex_unlock(struct mutex* lock) noexcept { unlock_or_report(lock_of(lock), "mutex"); }

}  // extern "C"
