// Wait queues.

#include <linux/kernel.h>
#include <linux/wait.h>

#include "task/task.h"
#include "time/clock.h"

namespace {

using kmem_driver::set_state;

task_struct* task_of(const wait_queue_entry* entry) { return static_cast<task_struct*>(entry->private_); }

/// Holds the queue's lock, with interrupts off.
class Hold {
 public:
  explicit Hold(wait_queue_head* queue) : queue_(queue) { spin_lock_irqsave(&queue_->lock, flags_); }
  ~Hold() { spin_unlock_irqrestore(&queue_->lock, flags_); }
  Hold(const Hold&) = delete;

 private:
  wait_queue_head* queue_;
  unsigned long flags_;
};

/// Non-exclusive entries are at the front.
int wake_all_of(wait_queue_head* queue, unsigned mode, int nr, void* key) {
  int woken = 0;
  list_head *at, *next;
  list_for_each_safe(at, next, &queue->head) {
    auto* entry = list_entry(at, wait_queue_entry, entry);
    const unsigned flags = entry->flags;  // the entry may be invalid once its task is awake
    const int done = entry->func(entry, mode, 0, key);
    if (done < 0) break;
    woken += done != 0;
    if (done && (flags & WQ_FLAG_EXCLUSIVE) && !--nr) break;
  }
  return woken;
}

void link(wait_queue_head* queue, wait_queue_entry* entry) {
  if (entry->flags & WQ_FLAG_EXCLUSIVE) list_add_tail(&entry->entry, &queue->head);
  else list_add(&entry->entry, &queue->head);
}

/// Called with the queue's lock held; releases it while the task sleeps.
template <typename Unlock, typename Lock>
int wait_locked(wait_queue_head* queue, wait_queue_entry* entry, Unlock unlock, Lock lock) {
  if (list_empty(&entry->entry)) list_add_tail(&entry->entry, &queue->head);
  set_current_state(TASK_INTERRUPTIBLE);
  if (signal_pending(get_current())) return -ERESTARTSYS;
  unlock(&queue->lock);
  schedule();
  lock(&queue->lock);
  return 0;
}

long sleep_in(wait_queue_head* queue, unsigned state, long timeout) {
  wait_queue_entry entry;
  init_wait_entry(&entry, 0);
  prepare_to_wait(queue, &entry, state);
  timeout = schedule_timeout(timeout);
  finish_wait(queue, &entry);
  return timeout;
}

}  // namespace

extern "C" {

void kmem_driver_init_waitqueue_head(wait_queue_head* queue) noexcept { INIT_LIST_HEAD(&queue->head); }

int default_wake_function(wait_queue_entry* entry, unsigned mode, int, void*) noexcept {
  return wake_up_state(task_of(entry), mode);
}

int autoremove_wake_function(wait_queue_entry* entry, unsigned mode, int flags, void* key) noexcept {
  // The entry belongs to the sleeper and may become invalid as soon as the sleeper sees its new state.
  const int woken = default_wake_function(entry, mode, flags, key);
  if (woken) list_del_init(&entry->entry);
  return woken;
}

int woken_wake_function(wait_queue_entry* entry, unsigned mode, int flags, void* key) noexcept {
  __atomic_or_fetch(&entry->flags, WQ_FLAG_WOKEN, __ATOMIC_SEQ_CST);
  return default_wake_function(entry, mode, flags, key);
}

void init_wait_entry(wait_queue_entry* entry, int flags) noexcept {
  entry->flags = static_cast<unsigned>(flags);
  entry->private_ = get_current();
  entry->func = autoremove_wake_function;
  INIT_LIST_HEAD(&entry->entry);
}

void add_wait_queue(wait_queue_head* queue, wait_queue_entry* entry) noexcept {
  Hold hold(queue);
  entry->flags &= ~WQ_FLAG_EXCLUSIVE;
  link(queue, entry);
}

void add_wait_queue_exclusive(wait_queue_head* queue, wait_queue_entry* entry) noexcept {
  Hold hold(queue);
  entry->flags |= WQ_FLAG_EXCLUSIVE;
  link(queue, entry);
}

void remove_wait_queue(wait_queue_head* queue, wait_queue_entry* entry) noexcept {
  Hold hold(queue);
  list_del(&entry->entry);
}

void prepare_to_wait(wait_queue_head* queue, wait_queue_entry* entry, unsigned state) noexcept {
  Hold hold(queue);
  entry->flags &= ~WQ_FLAG_EXCLUSIVE;
  if (list_empty(&entry->entry)) link(queue, entry);
  set_current_state(state);
}

bool prepare_to_wait_exclusive(wait_queue_head* queue, wait_queue_entry* entry, unsigned state) noexcept {
  Hold hold(queue);
  entry->flags |= WQ_FLAG_EXCLUSIVE;
  bool was_empty = false;
  if (list_empty(&entry->entry)) {
    was_empty = list_empty(&queue->head);
    link(queue, entry);
  }
  set_current_state(state);
  return was_empty;
}

long prepare_to_wait_event(wait_queue_head* queue, wait_queue_entry* entry, unsigned state) noexcept {
  Hold hold(queue);
  if (signal_pending_state(state, get_current())) {
    // An exclusive wake-up must not be lost: the entry leaves the queue before its caller checks again, so that it reaches
    // another task.
    list_del_init(&entry->entry);
    return -ERESTARTSYS;
  }
  if (list_empty(&entry->entry)) link(queue, entry);
  set_current_state(state);
  return 0;
}

void finish_wait(wait_queue_head* queue, wait_queue_entry* entry) noexcept {
  __set_current_state(TASK_RUNNING);
  Hold hold(queue);
  list_del_init(&entry->entry);
}

long wait_woken(wait_queue_entry* entry, unsigned mode, long timeout) noexcept {
  set_current_state(mode);
  if (!(__atomic_load_n(&entry->flags, __ATOMIC_SEQ_CST) & WQ_FLAG_WOKEN)) timeout = schedule_timeout(timeout);
  __set_current_state(TASK_RUNNING);
  __atomic_and_fetch(&entry->flags, ~WQ_FLAG_WOKEN, __ATOMIC_SEQ_CST);
  return timeout;
}

int __wake_up(wait_queue_head* queue, unsigned mode, int nr, void* key) noexcept {
  Hold hold(queue);
  return wake_all_of(queue, mode, nr, key);
}

void __wake_up_locked(wait_queue_head* queue, unsigned mode, int nr) noexcept { wake_all_of(queue, mode, nr, nullptr); }
void __wake_up_locked_key(wait_queue_head* queue, unsigned mode, void* key) noexcept { wake_all_of(queue, mode, 1, key); }

int do_wait_intr(wait_queue_head* queue, wait_queue_entry* entry) noexcept {
  return wait_locked(queue, entry, spin_unlock, spin_lock);
}
int do_wait_intr_irq(wait_queue_head* queue, wait_queue_entry* entry) noexcept {
  return wait_locked(queue, entry, spin_unlock_irq, spin_lock_irq);
}

bool kmem_driver_sleep_ns(ktime_t at) noexcept {
  const auto until = at == KTIME_MAX ? kmem_driver::kNever : static_cast<unsigned long long>(at);
  kmem_driver::sleep_until(until);
  return kmem_driver::clock_ns() >= until;
}

void sleep_on(wait_queue_head* queue) noexcept { sleep_in(queue, TASK_UNINTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT); }
void interruptible_sleep_on(wait_queue_head* queue) noexcept { sleep_in(queue, TASK_INTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT); }
long interruptible_sleep_on_timeout(wait_queue_head* queue, long timeout) noexcept {
  return sleep_in(queue, TASK_INTERRUPTIBLE, timeout);
}

}  // extern "C"
