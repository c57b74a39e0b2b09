// The heap of timers and its thread.

#include "time/timer_queue.h"

#include <linux/kernel.h>

#include "host/host.h"
#include "task/task.h"
#include "time/clock.h"

namespace kmem_driver {

namespace {
constinit TimerQueue soft{"ktimers", Context::Softirq}, hard{"hrtimers", Context::Hardirq};
}  // namespace

TimerQueue& soft_timers() { return soft; }
TimerQueue& hard_timers() { return hard; }

/// Makes the later one the first child of the earlier one.
kmem_timer_node* TimerHeap::meld(kmem_timer_node* a, kmem_timer_node* b) {
  if (!a || !b) return a ? a : b;
  if (b->when < a->when) {
    kmem_timer_node* later = a;
    a = b;
    b = later;
  }
  b->next = a->child;
  if (b->next) b->next->prev = b;
  b->prev = a;
  a->child = b;
  return a;
}

/// Pairs siblings, then melds the pairs from the end.
kmem_timer_node* TimerHeap::meld_all(kmem_timer_node* list) {
  kmem_timer_node* pairs = nullptr;
  while (list) {
    kmem_timer_node *a = list, *b = a->next;
    list = b ? b->next : nullptr;
    a->next = a->prev = nullptr;
    if (b) b->next = b->prev = nullptr;
    a = meld(a, b);
    a->next = pairs;
    pairs = a;
  }
  kmem_timer_node* root = nullptr;
  while (pairs) {
    kmem_timer_node* one = pairs;
    pairs = one->next;
    one->next = nullptr;
    root = meld(root, one);
  }
  return root;
}

void TimerHeap::add(kmem_timer_node* node) {
  node->child = node->next = node->prev = nullptr;
  __atomic_store_n(&node->queued, 1u, __ATOMIC_RELAXED);
  root_ = meld(root_, node);
}

void TimerHeap::remove(kmem_timer_node* node) {
  __atomic_store_n(&node->queued, 0u, __ATOMIC_RELAXED);
  if (node == root_) {
    root_ = meld_all(node->child);
    return;
  }
  (node->prev->child == node ? node->prev->child : node->prev->next) = node->next;
  if (node->next) node->next->prev = node->prev;
  root_ = meld(root_, meld_all(node->child));
}

void TimerQueue::begin() {
  if (__atomic_exchange_n(&begun_, 1u, __ATOMIC_SEQ_CST)) return;
  __atomic_store_n(&thread_, start_service(name_, work, this), __ATOMIC_SEQ_CST);
}

int TimerQueue::set(kmem_timer_node* node, unsigned long long when, If condition) {
  begin();
  bool was_set, is_first;
  {
    Quietly hold(lock_);
    was_set = node->queued;
    if (condition == If::Set && !was_set) return 0;
    if (condition == If::Earlier && was_set && node->when <= when) return 1;
    if (was_set) heap_.remove(node);
    node->when = when;
    heap_.add(node);
    is_first = heap_.first() == node;
  }
  task_struct* thread = __atomic_load_n(&thread_, __ATOMIC_SEQ_CST);
  if (is_first && thread) wake_up_state(thread, TASK_IDLE);
  return was_set;
}

int TimerQueue::remove(kmem_timer_node* node) {
  Quietly hold(lock_);
  if (!node->queued) return 0;
  heap_.remove(node);
  return 1;
}

bool TimerQueue::runs(const kmem_timer_node* node) {
  Quietly hold(lock_);
  return running_ == node;
}

bool TimerQueue::wait_for(const kmem_timer_node* node) {
  if (get_current() == __atomic_load_n(&thread_, __ATOMIC_SEQ_CST)) return !runs(node);
  for (;;) {
    const unsigned ended = __atomic_load_n(&ended_, __ATOMIC_SEQ_CST);
    if (!runs(node)) return true;
    host::wait(&ended_, ended);
  }
}

/// Runs the first one, if it is due.
bool TimerQueue::run_due() {
  kmem_timer_node* node;
  {
    Quietly hold(lock_);
    node = heap_.first();
    if (!node || node->when > clock_ns()) return false;
    heap_.remove(node);
    running_ = node;
  }
  // The function may free the timer, so the node is not used afterwards.
  const auto run = node->run;
  run_in(context_, reinterpret_cast<const void*>(run), [&] { run(node); });
  {
    Quietly hold(lock_);
    running_ = nullptr;
    __atomic_add_fetch(&ended_, 1, __ATOMIC_SEQ_CST);
  }
  host::wake(&ended_, __INT_MAX__);
  return true;
}

void TimerQueue::sleep() {
  unsigned long long until;
  {
    Quietly hold(lock_);
    const kmem_timer_node* node = heap_.first();
    until = node ? node->when : kNever;
    // Under the lock, so that a task that sets an earlier timer finds this thread asleep.
    set_state(get_current(), TASK_IDLE);
  }
  sleep_until(until);
}

void TimerQueue::work(void* self) {
  auto& queue = *static_cast<TimerQueue*>(self);
  __atomic_store_n(&queue.thread_, get_current(), __ATOMIC_SEQ_CST);
  for (;;)
    if (!queue.run_due()) queue.sleep();
}

}  // namespace kmem_driver
