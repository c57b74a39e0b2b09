// Mutexes.

#include <linux/mutex.h>

#include "lock_mistakes.h"

namespace {
kmem::WaitingLock& lock_of(struct mutex* lock) { return *reinterpret_cast<kmem::WaitingLock*>(lock); }
}  // namespace

static_assert(sizeof(struct mutex) == sizeof(kmem::WaitingLock));

extern "C" {

void mutex_lock(struct mutex* lock) noexcept {
  kmem::check_sleep("mutex_lock", __builtin_return_address(0));
  lock_or_die(lock_of(lock), "mutex");
}

int mutex_trylock(struct mutex* lock) noexcept { return lock_of(lock).try_lock(); }

void mutex_unlock(struct mutex* lock) noexcept { unlock_or_report(lock_of(lock), "mutex"); }

}  // extern "C"
