#pragma once
// A lock that its waiters sleep on, and that nobody waits for who must not.

#include "base/attributes.h"
#include "sync/waiting_lock.h"
#include "watch/context.h"

namespace kmem {

/// Task context may wait; an interrupt, or a section that must not sleep, only tries.  An interrupt that came over the
/// holder finds the holder's name, which is its own, and does not wait for itself.
class KMEM_CAPABILITY("lock") SleepLock {
 public:
  [[nodiscard]] bool try_lock() KMEM_TRY_ACQUIRE(true) { return lock_.try_lock(); }
  /// False: it is held, and the caller must not wait.
  [[nodiscard]] bool lock(bool may_wait) KMEM_TRY_ACQUIRE(true) {
    if (try_lock()) return true;
    if (!may_wait || lock_.is_mine() || !kmem::may_sleep()) return false;
    lock_.lock();
    return true;
  }
  void unlock() KMEM_RELEASE() { lock_.unlock(); }

  /// Before a fork: held, so that what it guards is whole in the child.  False: by this very task, and in the child it is not.
  bool hold_for_fork() {
    if (lock_.is_mine()) return false;
    lock_.lock();
    return true;
  }
  /// In the child, of one task: free, whoever had it.
  void free_in_child() { lock_.free_in_child(); }

 private:
  WaitingLock lock_;
};

}  // namespace kmem
