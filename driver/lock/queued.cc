// The queue of a lock.

#include "lock/queued.h"

#include <errno.h>

namespace kmem_driver {

void Guard::lock(unsigned& word) {
  unsigned seen = 0;
  if (__atomic_compare_exchange_n(&word, &seen, 1u, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) return;
  while (__atomic_exchange_n(&word, 2u, __ATOMIC_SEQ_CST)) host::wait(&word, 2u);
}
void Guard::unlock(unsigned& word) {
  if (__atomic_exchange_n(&word, 0u, __ATOMIC_SEQ_CST) == 2) host::wake(&word, 1);
}

void QueuedLock::add(Mode mode, task_struct* task) {
  set_holders(mode == Mode::Write ? -1 : l_.holders + 1);
  __atomic_store_n(&l_.owner, mode == Mode::Write ? task : nullptr, __ATOMIC_RELAXED);
}

/// A reader does not overtake a writer that waits.
bool QueuedLock::try_take_guarded(Mode mode) {
  if (!fits(mode) || l_.first) return false;
  add(mode, get_current());
  return true;
}

bool QueuedLock::try_take(Mode mode) {
  Guard hold(l_.guard);
  return try_take_guarded(mode);
}

/// Grants the lock to the first waiters that are compatible. A granted waiter may return at once, so its entry is read before.
void QueuedLock::grant() {
  while (kmem_lock_waiter* next = l_.first) {
    if (!fits(next->mode)) return;
    task_struct* const task = next->task;
    l_.first = next->next;
    if (!l_.first) l_.last = nullptr;
    add(next->mode, task);
    __atomic_store_n(&next->granted, true, __ATOMIC_SEQ_CST);
    wake_up_state(task, TASK_NORMAL);
  }
}

/// Leaves the queue; false: the lock was granted meanwhile.
bool QueuedLock::give_up(kmem_lock_waiter& me) {
  Guard hold(l_.guard);
  if (me.granted) return false;
  kmem_lock_waiter **at = &l_.first, *before = nullptr;
  while (*at != &me) before = *at, at = &before->next;
  *at = me.next;
  if (l_.last == &me) l_.last = before;
  grant();  // readers may have waited behind this writer
  return true;
}

int QueuedLock::wait(kmem_lock_waiter& me, unsigned state) {
  for (;;) {
    set_current_state(state);
    if (__atomic_load_n(&me.granted, __ATOMIC_SEQ_CST)) break;
    if (signal_pending_state(state, me.task) && give_up(me)) {
      __set_current_state(TASK_RUNNING);
      return -EINTR;
    }
    schedule();
  }
  __set_current_state(TASK_RUNNING);
  Guard until_the_granter_is_done(l_.guard);  // the lock may be gone when we return
  return 0;
}

int QueuedLock::take(Mode mode, unsigned state) {
  kmem_lock_waiter me = {nullptr, get_current(), mode, false};
  {
    Guard hold(l_.guard);
    if (try_take_guarded(mode)) return 0;
    (l_.last ? l_.last->next : l_.first) = &me;
    l_.last = &me;
  }
  return wait(me, state);
}

void QueuedLock::give_back() {
  Guard hold(l_.guard);
  set_holders(l_.holders < 0 ? 0 : l_.holders - 1);
  __atomic_store_n(&l_.owner, nullptr, __ATOMIC_RELAXED);
  grant();
}

void QueuedLock::downgrade() {
  Guard hold(l_.guard);
  set_holders(1);
  __atomic_store_n(&l_.owner, nullptr, __ATOMIC_RELAXED);
  while (l_.first && l_.first->mode == Mode::Read && fits(Mode::Read)) grant();
}

}  // namespace kmem_driver
