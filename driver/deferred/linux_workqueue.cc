// Work queues: items, the threads that run them, waiting for them.

#include <linux/workqueue.h>

#include <stdio.h>
#include <string.h>

#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "host/host.h"
#include "lock/lockdep.h"
#include "print/mistakes.h"
#include "sync/quiet_lock.h"
#include "task/service.h"
#include "task/task.h"

namespace kmem_driver {
namespace {

constexpr unsigned long kPending = 1, kTakesData = 2;

/// A worker thread's data, on its own stack.
struct Worker {
  Worker* next;
  workqueue_struct* queue;
  task_struct* task;
  work_struct* work;  // the item that it runs; only compared, because the item may have been freed
  unsigned long number;
  bool idle;
};

/// Guards all queues and all items, because an item may be involved in two queues.
constinit QuietLock lock;
DECLARE_WAIT_QUEUE_HEAD(something_ended);
Worker* me() { return static_cast<Worker*>(host::own().worker); }

}  // namespace
}  // namespace kmem_driver

struct workqueue_struct {
  list_head pending;
  kmem_driver::Worker* workers;
  int nr_workers, nr_idle, max_active;
  unsigned flags;
  bool dying;
  unsigned long last_number;
  workqueue_struct* next;
  char name[32];
};

namespace kmem_driver {
namespace {

constinit workqueue_struct* all = nullptr;

Worker* runner_in(const workqueue_struct* queue, const work_struct* work) {
  for (Worker* w = queue ? queue->workers : nullptr; w; w = w->next)
    if (w->work == work) return w;
  return nullptr;
}

/// The first pending item that is not running anywhere.
work_struct* next_locked(const workqueue_struct* queue) {
  work_struct* work;
  list_for_each_entry(work, &queue->pending, entry) if (!runner_in(queue, work)) return work;
  return nullptr;
}

void check_context(const workqueue_struct* queue, work_func_t function) {
  const int count = preempt_count() - (queue->flags & WQ_BH ? static_cast<int>(SOFTIRQ_OFFSET) : 0);
  if (count || irqs_disabled()) {
    count_mistake();
    printk(KERN_ERR "BUG: workqueue leaked atomic, lock or RCU: %s[%d]\n     preempt=0x%08x workfn=%ps\n", get_current()->comm,
           get_current()->pid, static_cast<unsigned>(count), reinterpret_cast<void*>(function));
    if (count) preempt_count_sub(count);
    if (irqs_disabled()) local_irq_enable();
  }
  lockdep::check_none_held("a work item ends");
}

void run(Worker& w, work_struct* work) {
  const work_func_t function = work->func;
  const bool softirq = w.queue->flags & WQ_BH;
  if (softirq) preempt_count_add(static_cast<int>(SOFTIRQ_OFFSET));
  if (work->data & kTakesData) reinterpret_cast<void (*)(void*)>(reinterpret_cast<void*>(function))(work->kmem_data);
  else function(work);
  check_context(w.queue, function);
  if (softirq) preempt_count_sub(static_cast<int>(SOFTIRQ_OFFSET));
}

void work_in(void* queue);
void add_worker(workqueue_struct* queue) { start_service(queue->name, work_in, queue); }

/// Takes the next item; starts another thread if more items wait and no thread is idle.
work_struct* take(Worker& w, bool* ends) {
  bool more = false;
  work_struct* work;
  {
    Quietly hold(lock);
    workqueue_struct* queue = w.queue;
    work = next_locked(queue);
    if (work) {
      list_del_init(&work->entry);
      w.work = work;
      w.number = work->kmem_number;
      __atomic_and_fetch(&work->data, ~kPending, __ATOMIC_SEQ_CST);
      if (w.idle) --queue->nr_idle;
      w.idle = false;
      more = !queue->nr_idle && queue->nr_workers < queue->max_active && next_locked(queue);
      if (more) ++queue->nr_workers;
    } else {
      if (!w.idle) ++queue->nr_idle;
      w.idle = true;
      *ends = queue->dying;
      set_state(w.task, TASK_IDLE);
    }
  }
  if (more) add_worker(w.queue);
  return work;
}

void ended(Worker& w) {
  {
    Quietly hold(lock);
    w.work = nullptr;
  }
  wake_up_all(&something_ended);
}

void leave(Worker& w) {
  Quietly hold(lock);
  Worker** at = &w.queue->workers;
  while (*at != &w) at = &(*at)->next;
  *at = w.next;
  --w.queue->nr_idle;
  --w.queue->nr_workers;
}

void work_in(void* argument) {
  Worker w = {nullptr, static_cast<workqueue_struct*>(argument), get_current(), nullptr, 0, false};
  host::own().worker = &w;
  w.task->flags |= PF_WQ_WORKER;
  {
    Quietly hold(lock);
    w.next = w.queue->workers;
    w.queue->workers = &w;
  }
  for (bool ends = false; !ends;) {
    work_struct* work = take(w, &ends);
    if (work) {
      run(w, work);
      ended(w);
    } else if (!ends) {
      schedule();
    }
  }
  __set_current_state(TASK_RUNNING);
  leave(w);
  wake_up_all(&something_ended);
  host::own().worker = nullptr;
}

void wake_idle_locked(workqueue_struct* queue) {
  for (Worker* w = queue->workers; w; w = w->next)
    if (w->idle && wake_up_state(w->task, TASK_IDLE)) return;
}

/// Inserts an item that is marked as pending. If it is running in another queue it is inserted there, so that it does not run
/// twice at a time.
void insert_locked(workqueue_struct* queue, work_struct* work) {
  if (work->kmem_queue != queue && runner_in(work->kmem_queue, work)) queue = work->kmem_queue;
  work->kmem_queue = queue;
  work->kmem_number = ++queue->last_number;
  list_add_tail(&work->entry, &queue->pending);
  wake_idle_locked(queue);
}

bool mark_pending_locked(work_struct* work) {
  if (work->kmem_disabled) return false;
  return !(__atomic_fetch_or(&work->data, kPending, __ATOMIC_SEQ_CST) & kPending);
}

void run_delayed(timer_list* timer) {
  delayed_work* d = container_of(timer, delayed_work, timer);
  Quietly hold(lock);
  if (!d->kmem_armed) return;  // cancelled meanwhile
  d->kmem_armed = false;
  insert_locked(d->wq, &d->work);
}

void delay_locked(workqueue_struct* queue, delayed_work* d, unsigned long ticks) {
  d->wq = queue;
  if (!ticks) return insert_locked(queue, &d->work);
  d->kmem_armed = true;
  d->timer.function = run_delayed;
  mod_timer(&d->timer, jiffies + ticks);
}

/// Removes the item from its queue; returns whether it was pending.
bool take_out_locked(work_struct* work) {
  if (!(work->data & kPending)) return false;
  if (!list_empty(&work->entry)) list_del_init(&work->entry);
  __atomic_and_fetch(&work->data, ~kPending, __ATOMIC_SEQ_CST);
  return true;
}
bool take_out_locked(delayed_work* d) {
  if (d->kmem_armed) {
    d->kmem_armed = false;
    timer_delete(&d->timer);
  }
  return take_out_locked(&d->work);
}

/// Is the queueing with that number still pending or running?
bool is_due(const work_struct* work, const workqueue_struct* queue, unsigned long number) {
  Quietly hold(lock);
  if (!list_empty(&work->entry) && work->kmem_number == number && work->kmem_queue == queue) return true;
  const Worker* w = runner_in(queue, work);
  return w && w->number == number;
}

/// Finds the queueing for which a task must wait so that the item has run.
bool what_is_due(const work_struct* work, const workqueue_struct** queue, unsigned long* number) {
  Quietly hold(lock);
  *queue = work->kmem_queue;
  if (!list_empty(&work->entry)) return *number = work->kmem_number, true;
  const Worker* w = runner_in(work->kmem_queue, work);
  return w && (*number = w->number, true);
}

void wait_until_it_ran(const work_struct* work, const workqueue_struct* queue, unsigned long number) {
  if (WARN(me() && me()->work == work, "a work item waits for its own end")) return;
  wait_event(something_ended, !is_due(work, queue, number));
}

/// Disables the item during the wait, so that it cannot queue itself again.
template <typename Work>
bool cancel_and_wait(Work* what, work_struct* work) {
  might_sleep();
  bool was_pending;
  {
    Quietly hold(lock);
    ++work->kmem_disabled;
    was_pending = take_out_locked(what);
  }
  const workqueue_struct* queue;
  unsigned long number;
  if (what_is_due(work, &queue, &number)) wait_until_it_ran(work, queue, number);
  return was_pending;
}
bool enable(work_struct* work) {
  Quietly hold(lock);
  if (WARN(!work->kmem_disabled, "workqueue: work disable count underflowed")) return false;
  return !--work->kmem_disabled;
}

bool has_before(const workqueue_struct* queue, unsigned long number) {
  Quietly hold(lock);
  for (const Worker* w = queue->workers; w; w = w->next)
    if (w->work && w->number <= number) return true;
  const work_struct* work;
  list_for_each_entry(work, &queue->pending, entry) if (work->kmem_number <= number) return true;
  return false;
}
bool is_empty(const workqueue_struct* queue) {
  Quietly hold(lock);
  if (!list_empty(&queue->pending)) return false;
  for (const Worker* w = queue->workers; w; w = w->next)
    if (w->work) return false;
  return true;
}
bool has_workers(const workqueue_struct* queue) {
  Quietly hold(lock);
  return queue->nr_workers != 0;
}

void begin(workqueue_struct* queue, unsigned flags, int max_active) {
  INIT_LIST_HEAD(&queue->pending);
  queue->flags = flags;
  queue->max_active = max_active <= 0 ? WQ_DFL_ACTIVE : max_active < WQ_MAX_ACTIVE ? max_active : WQ_MAX_ACTIVE;
  queue->nr_workers = 1;
  add_worker(queue);
}

void run_behind_rcu(rcu_head* head) {
  rcu_work* r = container_of(head, rcu_work, rcu);
  Quietly hold(lock);
  insert_locked(r->wq, &r->work);
}

}  // namespace
}  // namespace kmem_driver

using namespace kmem_driver;

extern "C" {

void kmem_driver_init_work(work_struct* work, work_func_t function, void* data, int takes_data) noexcept {
  *work = {};
  INIT_LIST_HEAD(&work->entry);
  work->func = function;
  work->kmem_data = data;
  work->data = takes_data ? kTakesData : 0;
}
void kmem_driver_init_delayed_work(delayed_work* d, work_func_t function) noexcept {
  kmem_driver_init_work(&d->work, function, nullptr, 0);
  timer_setup(&d->timer, run_delayed, TIMER_IRQSAFE);
  d->wq = nullptr;
  d->kmem_armed = false;
}

workqueue_struct* kmem_driver_alloc_workqueue(unsigned int flags, int max_active, const char* format, ...) noexcept {
  auto* queue = static_cast<workqueue_struct*>(kzalloc(sizeof(workqueue_struct), GFP_KERNEL));
  if (!queue) return nullptr;
  va_list arguments;
  va_start(arguments, format);
  kmem_driver_vsnprintf(queue->name, sizeof(queue->name), format, arguments);
  va_end(arguments);
  begin(queue, flags, max_active);
  Quietly hold(lock);
  queue->next = all;
  all = queue;
  return queue;
}

void destroy_workqueue(workqueue_struct* queue) noexcept {
  drain_workqueue(queue);
  {
    Quietly hold(lock);
    queue->dying = true;
    for (Worker* w = queue->workers; w; w = w->next) wake_up_state(w->task, TASK_IDLE);
    workqueue_struct** at = &all;
    while (*at && *at != queue) at = &(*at)->next;
    if (*at) *at = queue->next;
  }
  wait_event(something_ended, !has_workers(queue));
  kfree(queue);
}

bool queue_work(workqueue_struct* queue, work_struct* work) noexcept {
  Quietly hold(lock);
  if (WARN(queue->dying, "workqueue: cannot queue %ps on wq %s", reinterpret_cast<void*>(work->func), queue->name))
    return false;
  if (!mark_pending_locked(work)) return false;
  insert_locked(queue, work);
  return true;
}

bool queue_delayed_work(workqueue_struct* queue, delayed_work* d, unsigned long delay) noexcept {
  Quietly hold(lock);
  if (!mark_pending_locked(&d->work)) return false;
  delay_locked(queue, d, delay);
  return true;
}

bool mod_delayed_work(workqueue_struct* queue, delayed_work* d, unsigned long delay) noexcept {
  Quietly hold(lock);
  const bool was_pending = take_out_locked(d);
  if (mark_pending_locked(&d->work)) delay_locked(queue, d, delay);
  return was_pending;
}

bool queue_rcu_work(workqueue_struct* queue, rcu_work* r) noexcept {
  {
    Quietly hold(lock);
    if (!mark_pending_locked(&r->work)) return false;
    r->wq = queue;
  }
  call_rcu(&r->rcu, run_behind_rcu);
  return true;
}

bool flush_work(work_struct* work) noexcept {
  might_sleep();
  const workqueue_struct* queue;
  unsigned long number;
  if (!what_is_due(work, &queue, &number)) return false;
  wait_until_it_ran(work, queue, number);
  return true;
}

bool flush_delayed_work(delayed_work* d) noexcept {
  {
    Quietly hold(lock);
    if (d->kmem_armed) {
      d->kmem_armed = false;
      timer_delete(&d->timer);
      insert_locked(d->wq, &d->work);
    }
  }
  return flush_work(&d->work);
}

bool flush_rcu_work(rcu_work* r) noexcept {
  const bool was_pending = work_pending(&r->work);
  if (was_pending) rcu_barrier();
  return flush_work(&r->work) || was_pending;
}

bool cancel_work(work_struct* work) noexcept {
  Quietly hold(lock);
  return take_out_locked(work);
}
bool cancel_delayed_work(delayed_work* d) noexcept {
  Quietly hold(lock);
  return take_out_locked(d);
}

bool cancel_work_sync(work_struct* work) noexcept {
  const bool was_pending = cancel_and_wait(work, work);
  enable(work);
  return was_pending;
}
bool cancel_delayed_work_sync(delayed_work* d) noexcept {
  const bool was_pending = cancel_and_wait(d, &d->work);
  timer_delete_sync(&d->timer);  // waits for a running function, which finds that it is not armed
  enable(&d->work);
  return was_pending;
}

bool disable_work(work_struct* work) noexcept {
  Quietly hold(lock);
  ++work->kmem_disabled;
  return take_out_locked(work);
}
bool disable_work_sync(work_struct* work) noexcept { return cancel_and_wait(work, work); }
bool enable_work(work_struct* work) noexcept { return enable(work); }
bool disable_delayed_work_sync(delayed_work* d) noexcept {
  const bool was_pending = cancel_and_wait(d, &d->work);
  timer_delete_sync(&d->timer);
  return was_pending;
}
bool enable_delayed_work(delayed_work* d) noexcept { return enable(&d->work); }

void kmem_driver_flush_workqueue(workqueue_struct* queue) noexcept {
  might_sleep();
  unsigned long number;
  {
    Quietly hold(lock);
    number = queue->last_number;
  }
  if (WARN(me() && me()->queue == queue, "workqueue %s is flushed by one of its own items", queue->name)) return;
  wait_event(something_ended, !has_before(queue, number));
}

void drain_workqueue(workqueue_struct* queue) noexcept {
  might_sleep();
  wait_event(something_ended, is_empty(queue));
}

unsigned int work_busy(work_struct* work) noexcept {
  Quietly hold(lock);
  return (work->data & kPending ? WORK_BUSY_PENDING : 0) | (runner_in(work->kmem_queue, work) ? WORK_BUSY_RUNNING : 0);
}
work_struct* current_work() noexcept { return me() ? me()->work : nullptr; }
void workqueue_set_max_active(workqueue_struct* queue, int max_active) noexcept {
  if (WARN_ON(queue->flags & __WQ_ORDERED) || max_active < 1) return;
  Quietly hold(lock);
  queue->max_active = max_active;
}
bool workqueue_congested(int, workqueue_struct* queue) noexcept {
  Quietly hold(lock);
  return !queue->nr_idle && queue->nr_workers >= queue->max_active && !list_empty(&queue->pending);
}

workqueue_struct* kmem_driver_system_workqueue(int which) noexcept {
  static workqueue_struct queues[7];
  static unsigned begun[7];
  static const char* const kNames[] = {"events",           "events_highpri",    "events_long", "events_unbound",
                                       "events_freezable", "events_power_effi", "events_bh"};
  workqueue_struct* queue = &queues[which];
  // 1: being created, 2: created.
  unsigned seen = __atomic_load_n(&begun[which], __ATOMIC_ACQUIRE);
  while (seen != 2) {
    if (!seen && __atomic_compare_exchange_n(&begun[which], &seen, 1u, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
      snprintf(queue->name, sizeof(queue->name), "%s", kNames[which]);
      begin(queue, which == 6 ? WQ_BH : 0, 0);
      __atomic_store_n(&begun[which], 2u, __ATOMIC_RELEASE);
    }
    seen = __atomic_load_n(&begun[which], __ATOMIC_ACQUIRE);
  }
  return queue;
}

}  // extern "C"
