// Semaphores.

#include <errno.h>

#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/semaphore.h>

#include "lock/queued.h"

namespace {

using namespace kmem_driver;

/// up() may be called in an interrupt, so interrupts are off while the semaphore is accessed.
class Hold {
 public:
  explicit Hold(semaphore* sem) : sem_(sem), were_on_(kmem_irq_save()) { Guard::lock(sem->kmem_guard); }
  ~Hold() {
    Guard::unlock(sem_->kmem_guard);
    kmem_irq_restore(were_on_);
  }
  Hold(const Hold&) = delete;

 private:
  semaphore* sem_;
  unsigned long were_on_;
};

bool take_or_queue(semaphore* sem, kmem_lock_waiter* me) {
  Hold hold(sem);
  if (sem->count) return --sem->count, true;
  (sem->kmem_last ? sem->kmem_last->next : sem->kmem_first) = me;
  sem->kmem_last = me;
  return false;
}

/// Leaves the queue; false: the semaphore was granted meanwhile.
bool give_up(semaphore* sem, kmem_lock_waiter* me) {
  Hold hold(sem);
  if (me->granted) return false;
  kmem_lock_waiter **at = &sem->kmem_first, *before = nullptr;
  while (*at != me) before = *at, at = &before->next;
  *at = me->next;
  if (sem->kmem_last == me) sem->kmem_last = before;
  return true;
}

int wait(semaphore* sem, kmem_lock_waiter& me, unsigned state, long ticks) {
  int error = 0;
  for (;;) {
    set_current_state(state);
    if (__atomic_load_n(&me.granted, __ATOMIC_SEQ_CST)) break;
    const int why = signal_pending_state(state, me.task) ? -EINTR : ticks <= 0 ? -ETIME : 0;
    if (why && give_up(sem, &me)) {
      error = why;
      break;
    }
    ticks = schedule_timeout(ticks);
  }
  __set_current_state(TASK_RUNNING);
  Hold until_the_granter_is_done(sem);  // the semaphore may be gone when we return
  return error;
}

int take(semaphore* sem, unsigned state, long ticks) {
  kmem_might_sleep(__FILE__, __LINE__);
  kmem_lock_waiter me = {nullptr, get_current(), Mode::Write, false};
  return take_or_queue(sem, &me) ? 0 : wait(sem, me, state, ticks);
}

}  // namespace

extern "C" {

void down(semaphore* sem) noexcept { take(sem, TASK_UNINTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT); }
int down_interruptible(semaphore* sem) noexcept { return take(sem, TASK_INTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT); }
int down_killable(semaphore* sem) noexcept { return take(sem, TASK_KILLABLE, MAX_SCHEDULE_TIMEOUT); }
int down_timeout(semaphore* sem, long ticks) noexcept { return take(sem, TASK_UNINTERRUPTIBLE, ticks); }

int down_trylock(semaphore* sem) noexcept {
  Hold hold(sem);
  if (!sem->count) return 1;
  --sem->count;
  return 0;
}

void up(semaphore* sem) noexcept {
  Hold hold(sem);
  kmem_lock_waiter* next = sem->kmem_first;
  if (!next) {
    ++sem->count;
    return;
  }
  task_struct* const task = next->task;
  sem->kmem_first = next->next;
  if (!sem->kmem_first) sem->kmem_last = nullptr;
  __atomic_store_n(&next->granted, true, __ATOMIC_SEQ_CST);
  wake_up_state(task, TASK_NORMAL);
}

}  // extern "C"
