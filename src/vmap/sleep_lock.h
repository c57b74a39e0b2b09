#pragma once
// A lock that its waiters sleep on, and that nobody waits for who must not.

#include "base/attributes.h"
#include "port/port.h"
#include "port/task.h"
#include "watch/context.h"

namespace kmem {

/// Task context may wait; an interrupt, or a section that must not sleep, only tries.  An interrupt that came over the
/// holder finds the holder's name, which is its own, and does not wait for itself.
class KMEM_CAPABILITY("lock") SleepLock {
 public:
  [[nodiscard]] bool try_lock() KMEM_TRY_ACQUIRE(true) {
    uint32_t free = kFree;
    if (!word_.compare_exchange(free, kHeld)) return false;
    owner_.store(kmem_port_task());
    return true;
  }
  /// False: it is held, and the caller must not wait.
  [[nodiscard]] bool lock(bool may_wait) KMEM_TRY_ACQUIRE(true) {
    if (try_lock()) return true;
    return may_wait && may_wait_for_it() && lock_slowly();
  }
  void unlock() KMEM_RELEASE() {
    owner_.store(nullptr);
    if (word_.exchange(kFree) == kWanted) kmem_port_wake(word(), 1);
  }

  /// Before a fork: held, so that what it guards is whole in the child.  False: by this very task, and in the child it is not.
  bool hold_for_fork() KMEM_TSA(no_thread_safety_analysis) {
    if (try_lock()) return true;
    return owner_.load() != kmem_port_task() && lock_slowly();
  }
  /// In the child, of one task: free, whoever had it.
  void free_in_child() {
    owner_.poke(nullptr);
    word_.poke(kFree);
  }

 private:
  enum : uint32_t { kFree, kHeld, kWanted };

  const uint32_t* word() const { return reinterpret_cast<const uint32_t*>(&word_); }
  bool may_wait_for_it() const {
    return owner_.load() != kmem_port_task() && kmem::may_sleep();
  }
  // After a sleep it is taken as wanted: another may sleep still.
  KMEM_NOINLINE bool lock_slowly() {
    while (word_.exchange(kWanted) != kFree) kmem_port_wait(word(), kWanted, kForever);
    owner_.store(kmem_port_task());
    return true;
  }

  Atomic<uint32_t> word_{kFree};
  Atomic<void*> owner_{nullptr};
};

}  // namespace kmem
