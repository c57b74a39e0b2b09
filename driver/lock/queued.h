#pragma once
// Locks whose waiters sleep in a queue: the unlocking task grants the lock to the first of them.

#include <linux/mutex.h>

#include "host/host.h"
#include "task/task.h"

namespace kmem_driver {
/// How a lock is held: by many readers, or by one writer.
enum class Mode : bool { Read, Write };
}  // namespace kmem_driver

/// A waiter, on its own stack.
struct kmem_lock_waiter {
  kmem_lock_waiter* next;
  task_struct* task;
  kmem_driver::Mode mode;
  bool granted;
};

namespace kmem_driver {

/// A futex that tasks hold for some instructions.  With interrupts off, for locks that interrupts take too.
class Guard {
 public:
  explicit Guard(unsigned& word) : word_(word) { lock(word); }
  ~Guard() { unlock(word_); }
  Guard(const Guard&) = delete;
  static void lock(unsigned& word);
  static void unlock(unsigned& word);

 private:
  unsigned& word_;
};

/// The operations of struct kmem_queued_lock.
class QueuedLock {
 public:
  explicit QueuedLock(kmem_queued_lock& lock) : l_(lock) {}
  bool try_take(Mode mode);
  /// 0, or -EINTR if the state allows a signal to end the wait.
  int take(Mode mode, unsigned state);
  void give_back();
  void downgrade();
  bool is_free() const { return !__atomic_load_n(&l_.holders, __ATOMIC_RELAXED); }
  task_struct* owner() const { return __atomic_load_n(&l_.owner, __ATOMIC_RELAXED); }

 private:
  bool fits(Mode mode) const { return mode == Mode::Write ? l_.holders == 0 : l_.holders >= 0; }
  /// Written under the guard; queries read it without.
  void set_holders(int n) { __atomic_store_n(&l_.holders, n, __ATOMIC_RELAXED); }
  void add(Mode mode, task_struct* task);
  bool try_take_guarded(Mode mode);
  void grant();
  bool give_up(kmem_lock_waiter& me);
  int wait(kmem_lock_waiter& me, unsigned state);

  kmem_queued_lock& l_;
};

}  // namespace kmem_driver
