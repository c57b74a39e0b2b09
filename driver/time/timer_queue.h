#pragma once
// Timers by expiry, and the thread that runs them.

#include <linux/timer.h>

#include "sync/quiet_lock.h"
#include "task/service.h"

namespace kmem_driver {

/// A pairing heap: the earliest timer is its root.  Guarded by the queue's lock.
class TimerHeap {
 public:
  kmem_timer_node* first() const { return root_; }
  void add(kmem_timer_node* node);
  void remove(kmem_timer_node* node);

 private:
  static kmem_timer_node* meld(kmem_timer_node* a, kmem_timer_node* b);
  static kmem_timer_node* meld_all(kmem_timer_node* list);
  kmem_timer_node* root_ = nullptr;
};

class TimerQueue {
 public:
  constexpr TimerQueue(const char* name, Context context) : name_(name), context_(context) {}

  /// Starts the thread if it is not running.
  void begin();
  /// Sets a timer if the condition holds; returns 1 if it was set before.
  enum class If { Always, Set, Earlier };
  int set(kmem_timer_node* node, unsigned long long when, If condition = If::Always);
  int remove(kmem_timer_node* node);
  bool runs(const kmem_timer_node* node);
  /// Waits until the timer's function does not run. False, without waiting, if called by that function.
  bool wait_for(const kmem_timer_node* node);

 private:
  static void work(void* self);
  bool run_due();
  void sleep();

  const char* name_;
  Context context_;
  QuietLock lock_;
  TimerHeap heap_;
  kmem_timer_node* running_ = nullptr;
  task_struct* thread_ = nullptr;
  unsigned ended_ = 0;  // number of functions that have run: a futex
  unsigned begun_ = 0;
};

TimerQueue& soft_timers();
TimerQueue& hard_timers();
/// The clock's value at INITIAL_JIFFIES.
unsigned long long clock_begin_ns();

}  // namespace kmem_driver
