// Completions.

#include <linux/completion.h>
#include <linux/kernel.h>

namespace {

void add(completion* x, bool all) {
  unsigned long flags;
  spin_lock_irqsave(&x->wait.lock, flags);
  if (all) x->done = UINT_MAX;
  else if (x->done != UINT_MAX) ++x->done;
  __wake_up_locked(&x->wait, TASK_NORMAL, all ? 0 : 1);
  spin_unlock_irqrestore(&x->wait.lock, flags);
}

/// The lock is held.
bool take(completion* x) {
  if (!x->done) return false;
  if (x->done != UINT_MAX) --x->done;
  return true;
}

long sleep_unlocked(completion* x, long ticks, unsigned state) {
  __set_current_state(state);
  spin_unlock_irq(&x->wait.lock);
  ticks = schedule_timeout(ticks);
  spin_lock_irq(&x->wait.lock);
  return ticks;
}

long wait_locked(completion* x, long ticks, unsigned state) {
  wait_queue_entry entry;
  init_wait_entry(&entry, WQ_FLAG_EXCLUSIVE);
  long left = ticks;
  while (!x->done && left > 0) {
    if (signal_pending_state(state, get_current())) {
      left = -ERESTARTSYS;
      break;
    }
    if (list_empty(&entry.entry)) __add_wait_queue_entry_tail(&x->wait, &entry);
    left = sleep_unlocked(x, left, state);
  }
  list_del_init(&entry.entry);
  if (!take(x)) return left;
  return left > 0 ? left : 1;
}

}  // namespace

extern "C" {

void complete(completion* x) noexcept { add(x, false); }
void complete_all(completion* x) noexcept { add(x, true); }

long kmem_driver_wait_for_completion(completion* x, long ticks, unsigned int state) noexcept {
  might_sleep();
  spin_lock_irq(&x->wait.lock);
  const long left = wait_locked(x, ticks, state);
  spin_unlock_irq(&x->wait.lock);
  return left;
}

bool try_wait_for_completion(completion* x) noexcept {
  unsigned long flags;
  spin_lock_irqsave(&x->wait.lock, flags);
  const bool taken = take(x);
  spin_unlock_irqrestore(&x->wait.lock, flags);
  return taken;
}

bool completion_done(completion* x) noexcept {
  unsigned long flags;
  spin_lock_irqsave(&x->wait.lock, flags);
  const bool done = x->done != 0;
  spin_unlock_irqrestore(&x->wait.lock, flags);
  return done;
}

}  // extern "C"
