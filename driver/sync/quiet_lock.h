#pragma once
// The lock of libkmem-driver's own lists. Signal handlers may take it, so signals are blocked while it is held; lock checking
// ignores it, and no driver is called while it is held.

#include <linux/irqflags.h>

#include "host/host.h"

namespace kmem_driver {

class QuietLock {
 public:
  unsigned long lock() {
    const unsigned long were_on = kmem_irq_save();
    lock_only();
    return were_on;
  }
  void unlock(unsigned long were_on) {
    unlock_only();
    kmem_irq_restore(were_on);
  }

 private:
  // 0 free, 1 held, 2 held and a task sleeps (after Drepper: Futexes are tricky, 2011).
  void lock_only() {
    unsigned seen = 0;
    if (__atomic_compare_exchange_n(&word_, &seen, 1u, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return;
    while (__atomic_exchange_n(&word_, 2u, __ATOMIC_ACQUIRE)) host::wait(&word_, 2u);
  }
  void unlock_only() {
    if (__atomic_exchange_n(&word_, 0u, __ATOMIC_RELEASE) == 2) host::wake(&word_, 1);
  }
  unsigned word_ = 0;
};

/// Holds it for a scope.
class Quietly {
 public:
  explicit Quietly(QuietLock& lock) : lock_(lock), were_on_(lock.lock()) {}
  ~Quietly() { lock_.unlock(were_on_); }
  Quietly(const Quietly&) = delete;

 private:
  QuietLock& lock_;
  unsigned long were_on_;
};

}  // namespace kmem_driver
