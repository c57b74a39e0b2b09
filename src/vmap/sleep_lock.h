#pragma once
// A lock that tasks sleep on. Callers that must not sleep only try it.

#include "base/attributes.h"
#include "sync/waiting_lock.h"
#include "watch/context.h"

namespace kmem {

/// May the caller wait for a lock that another task holds?  Allowed in a context that must not sleep means Never.
enum class Wait : uint8_t { Never, Allowed };
/// For a caller without flags: Allowed unless it has declared that it must not sleep.
inline Wait wait_by_context() { return declared_atomic() ? Wait::Never : Wait::Allowed; }

/// A task may wait; an interrupt, or a section that must not sleep, only tries. An interrupt on top of the holder finds
/// its own task recorded as the holder and does not wait for itself.
class KMEM_CAPABILITY("lock") SleepLock {
 public:
  [[nodiscard]] bool try_lock() KMEM_TRY_ACQUIRE(true) { return lock_.try_lock(); }
  /// False: it is held, and the caller must not wait.
  [[nodiscard]] bool lock(Wait wait) KMEM_TRY_ACQUIRE(true) {
    if (try_lock()) return true;
    if (wait == Wait::Never || lock_.is_mine() || !kmem::may_sleep()) return false;
    lock_.lock();
    return true;
  }
  void unlock() KMEM_RELEASE() { lock_.unlock(); }

  /// Before a fork: takes the lock, so that the data it guards is consistent in the child. A handler on top of the
  /// holder may fork too, also during another fork that holds the lock.
  void hold_for_fork() {
    if (lock_.is_mine()) return void(++nested_forks_);
    lock_.lock();
    held_for_fork_ = true;
  }
  /// After the fork in the parent, which may not hold the lock: kmem may have booted in between.
  void release_after_fork() {
    if (nested_forks_) return void(--nested_forks_);
    if (!held_for_fork_) return;
    held_for_fork_ = false;
    lock_.unlock();
  }
  /// In the child, which has one task: frees the lock, whichever task held it. False: this task itself held it, in the middle
  /// of a change.
  bool free_in_child() {
    const bool whole = held_for_fork_ || !lock_.owner();
    held_for_fork_ = false;
    nested_forks_ = 0;
    lock_.free_in_child();
    return whole;
  }

 private:
  WaitingLock lock_;
  // For the task that holds the lock.
  bool held_for_fork_ = false;
  uint32_t nested_forks_ = 0;
};

}  // namespace kmem
