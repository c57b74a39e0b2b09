// Readers that may sleep.

#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/srcu.h>

#include "lock/lockdep.h"

namespace {

template <typename T>
T load(const T& value) {
  return __atomic_load_n(&value, __ATOMIC_SEQ_CST);
}

/// Sums the exits first, so that a reader that enters meanwhile is not mistaken for one that has left.
bool nobody_reads(const srcu_struct* s, unsigned phase) {
  const unsigned long left = load(s->kmem_left[phase]);
  return left == load(s->kmem_entered[phase]);
}

void wait_for(srcu_struct* s, unsigned phase) {
  __atomic_add_fetch(&s->kmem_waits, 1, __ATOMIC_SEQ_CST);
  wait_event(s->kmem_queue, nobody_reads(s, phase));
  __atomic_sub_fetch(&s->kmem_waits, 1, __ATOMIC_SEQ_CST);
}

/// A reader may read the phase before the change and count itself after it, so the other phase is waited for first.
void wait_for_readers(srcu_struct* s) {
  mutex_lock(&s->kmem_one);
  const unsigned phase = load(s->kmem_phase) & 1;
  wait_for(s, phase ^ 1);
  __atomic_add_fetch(&s->kmem_phase, 1, __ATOMIC_SEQ_CST);
  wait_for(s, phase);
  mutex_unlock(&s->kmem_one);
}

callback_head* take_callbacks(srcu_struct* s) {
  unsigned long flags;
  spin_lock_irqsave(&s->kmem_queue.lock, flags);
  callback_head* first = s->kmem_first;
  s->kmem_first = nullptr;
  s->kmem_end = &s->kmem_first;
  spin_unlock_irqrestore(&s->kmem_queue.lock, flags);
  return first;
}

}  // namespace

extern "C" {

void kmem_driver_srcu_work(work_struct* work) noexcept {
  srcu_struct* s = container_of(work, srcu_struct, kmem_work);
  callback_head* head = take_callbacks(s);
  if (!head) return;
  wait_for_readers(s);
  while (head) {
    callback_head* next = head->next;
    head->func(head);
    head = next;
  }
}

int kmem_driver_init_srcu(srcu_struct* s, const kmem_lock_site* site) noexcept {
  *s = {};
  mutex_init(&s->kmem_one);
  init_waitqueue_head(&s->kmem_queue);
  s->kmem_end = &s->kmem_first;
  INIT_WORK(&s->kmem_work, kmem_driver_srcu_work);
  s->kmem_class = site;
  return 0;
}

void cleanup_srcu_struct(srcu_struct* s) noexcept {
  if (WARN_ON(!nobody_reads(s, 0) || !nobody_reads(s, 1))) return;
  flush_work(&s->kmem_work);
}

int srcu_read_lock(srcu_struct* s) noexcept {
  const unsigned phase = load(s->kmem_phase) & 1;
  __atomic_add_fetch(&s->kmem_entered[phase], 1, __ATOMIC_SEQ_CST);
  kmem_driver::lockdep::acquire(s, s->kmem_class, {.read = true, .recursive_read = true, .sleeps = true},
                                __builtin_return_address(0));
  return static_cast<int>(phase);
}

void srcu_read_unlock(srcu_struct* s, int phase) noexcept {
  if (WARN_ON(phase & ~1)) return;
  kmem_driver::lockdep::release(s, __builtin_return_address(0));
  __atomic_add_fetch(&s->kmem_left[phase], 1, __ATOMIC_SEQ_CST);
  if (load(s->kmem_waits)) wake_up_all(&s->kmem_queue);
}

int srcu_read_lock_held(const srcu_struct* s) noexcept { return kmem_driver::lockdep::is_held(s); }

void synchronize_srcu(srcu_struct* s) noexcept {
  might_sleep();
  if (WARN(kmem_driver_lock_is_written(s) >= 0, "Illegal synchronize_srcu() in same-type SRCU read-side critical section"))
    return;
  wait_for_readers(s);
}

void call_srcu(srcu_struct* s, rcu_head* head, rcu_callback_t function) noexcept {
  head->func = function;
  head->next = nullptr;
  unsigned long flags;
  spin_lock_irqsave(&s->kmem_queue.lock, flags);
  *s->kmem_end = head;
  s->kmem_end = &head->next;
  spin_unlock_irqrestore(&s->kmem_queue.lock, flags);
  schedule_work(&s->kmem_work);
}

void srcu_barrier(srcu_struct* s) noexcept { flush_work(&s->kmem_work); }

}  // extern "C"
