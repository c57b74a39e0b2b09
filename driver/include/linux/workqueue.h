#ifndef KMEM_LINUX_WORKQUEUE_H
#define KMEM_LINUX_WORKQUEUE_H
/* Functions that run soon, in a task that may sleep.  A work item is queued at most once, and never runs twice at a time; it
 * may free itself, and queue itself again.
 *
 * Queueing and cancelling without waiting: any context.  Flushing, the _sync forms, creating and destroying: task context.
 * What differs: each queue has threads of its own, as many as have work at a time, up to max_active; so WQ_UNBOUND, WQ_HIGHPRI,
 * WQ_CPU_INTENSIVE, WQ_MEM_RECLAIM (one thread is there always), WQ_POWER_EFFICIENT, WQ_FREEZABLE and WQ_SYSFS change nothing.
 * Meaning: the kernel's Documentation/core-api/workqueue.rst. */
#include <linux/container_of.h>
#include <linux/list.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/timer.h>

struct workqueue_struct;
struct work_struct;
typedef void (*work_func_t)(struct work_struct* work);

struct work_struct {
  unsigned long data; /* bit 0: pending, bit 1: the function takes kmem_data (before 2.6.20) */
  struct list_head entry;
  work_func_t func;
  struct workqueue_struct* kmem_queue; /* where it was queued last */
  unsigned long kmem_number;           /* of its last queueing */
  int kmem_disabled;
  void* kmem_data;
};
struct delayed_work {
  struct work_struct work;
  struct timer_list timer;
  struct workqueue_struct* wq;
  bool kmem_armed;
};
struct rcu_work {
  struct work_struct work;
  struct rcu_head rcu;
  struct workqueue_struct* wq;
};

#define WQ_BH (1u << 0)
#define WQ_UNBOUND (1u << 1)
#define WQ_FREEZABLE (1u << 2)
#define WQ_MEM_RECLAIM (1u << 3)
#define WQ_HIGHPRI (1u << 4)
#define WQ_CPU_INTENSIVE (1u << 5)
#define WQ_SYSFS (1u << 6)
#define WQ_POWER_EFFICIENT (1u << 7)
#define WQ_PERCPU (1u << 8)
#define __WQ_ORDERED (1u << 17)
#define __WQ_LEGACY (1u << 18)
#define WQ_MAX_ACTIVE 2048
#define WQ_DFL_ACTIVE (WQ_MAX_ACTIVE / 8)
#define WORK_CPU_UNBOUND (-1)
#define WORK_BUSY_PENDING 1u
#define WORK_BUSY_RUNNING 2u

#define __WORK_INITIALIZER(name, function) \
  { 0, {&(name).entry, &(name).entry}, function, NULL, 0, 0, NULL }
#define DECLARE_WORK(name, function) struct work_struct name = __WORK_INITIALIZER(name, function)
#define DECLARE_DELAYED_WORK(name, function) \
  struct delayed_work name = {               \
      __WORK_INITIALIZER((name).work, function), {{NULL, NULL, NULL, 0, 0, NULL}, 0, NULL, 0, 0}, NULL, false}
#define DECLARE_DEFERRABLE_WORK(name, function) DECLARE_DELAYED_WORK(name, function)

KMEM_BEGIN_C
KMEM_API void kmem_driver_init_work(struct work_struct* work, work_func_t function, void* data, int takes_data) KMEM_NOTHROW;
KMEM_API void kmem_driver_init_delayed_work(struct delayed_work* work, work_func_t function) KMEM_NOTHROW;
/** max_active: how many items run at a time; 0: WQ_DFL_ACTIVE.  NULL. */
KMEM_API struct workqueue_struct* kmem_driver_alloc_workqueue(unsigned int flags, int max_active, const char* format,
                                                              ...) KMEM_NOTHROW KMEM_PRINTF_LIKE(3, 4);
/** Runs what is queued, and ends the threads. */
KMEM_API void destroy_workqueue(struct workqueue_struct* queue) KMEM_DRIVER_NAME(destroy_workqueue);
/** true; false: it was pending already, or is disabled. */
KMEM_API bool queue_work(struct workqueue_struct* queue, struct work_struct* work) KMEM_DRIVER_NAME(queue_work);
KMEM_API bool queue_delayed_work(struct workqueue_struct* queue, struct delayed_work* work, unsigned long delay)
    KMEM_DRIVER_NAME(queue_delayed_work);
/** Queues it in so many ticks, pending or not; returns whether it was pending. */
KMEM_API bool mod_delayed_work(struct workqueue_struct* queue, struct delayed_work* work, unsigned long delay)
    KMEM_DRIVER_NAME(mod_delayed_work);
KMEM_API bool queue_rcu_work(struct workqueue_struct* queue, struct rcu_work* work) KMEM_DRIVER_NAME(queue_rcu_work);
/** Waits for the last queueing; returns whether it had to wait. An item that queues itself again is waited for once. */
KMEM_API bool flush_work(struct work_struct* work) KMEM_DRIVER_NAME(flush_work);
KMEM_API bool flush_delayed_work(struct delayed_work* work) KMEM_DRIVER_NAME(flush_delayed_work);
KMEM_API bool flush_rcu_work(struct rcu_work* work) KMEM_DRIVER_NAME(flush_rcu_work);
/** Cancels it if pending; returns whether it was. */
KMEM_API bool cancel_work(struct work_struct* work) KMEM_DRIVER_NAME(cancel_work);
KMEM_API bool cancel_delayed_work(struct delayed_work* work) KMEM_DRIVER_NAME(cancel_delayed_work);
/** Also waits until it does not run: even an item that queues itself again is not pending when this returns. */
KMEM_API bool cancel_work_sync(struct work_struct* work) KMEM_DRIVER_NAME(cancel_work_sync);
KMEM_API bool cancel_delayed_work_sync(struct delayed_work* work) KMEM_DRIVER_NAME(cancel_delayed_work_sync);
/** The same, and it cannot be queued until it is enabled as often. */
KMEM_API bool disable_work(struct work_struct* work) KMEM_DRIVER_NAME(disable_work);
KMEM_API bool disable_work_sync(struct work_struct* work) KMEM_DRIVER_NAME(disable_work_sync);
KMEM_API bool enable_work(struct work_struct* work) KMEM_DRIVER_NAME(enable_work);
KMEM_API bool disable_delayed_work_sync(struct delayed_work* work) KMEM_DRIVER_NAME(disable_delayed_work_sync);
KMEM_API bool enable_delayed_work(struct delayed_work* work) KMEM_DRIVER_NAME(enable_delayed_work);
/** Waits for all that was queued before. */
KMEM_API void kmem_driver_flush_workqueue(struct workqueue_struct* queue) KMEM_NOTHROW;
/** Also waits for items that those queue, until the queue is empty. */
KMEM_API void drain_workqueue(struct workqueue_struct* queue) KMEM_DRIVER_NAME(drain_workqueue);
KMEM_API unsigned int work_busy(struct work_struct* work) KMEM_DRIVER_NAME(work_busy);
KMEM_API struct work_struct* current_work(void) KMEM_DRIVER_NAME(current_work);
KMEM_API void workqueue_set_max_active(struct workqueue_struct* queue, int max_active)
    KMEM_DRIVER_NAME(workqueue_set_max_active);
KMEM_API bool workqueue_congested(int cpu, struct workqueue_struct* queue) KMEM_DRIVER_NAME(workqueue_congested);
/** 0: system_wq, 1: highpri, 2: long, 3: unbound, 4: freezable, 5: power_efficient, 6: bh. */
KMEM_API struct workqueue_struct* kmem_driver_system_workqueue(int which) KMEM_NOTHROW;

static inline bool queue_work_on(int cpu, struct workqueue_struct* queue, struct work_struct* work) {
  return (void)cpu, queue_work(queue, work);
}
static inline bool queue_work_node(int node, struct workqueue_struct* queue, struct work_struct* work) {
  return (void)node, queue_work(queue, work);
}
static inline bool queue_delayed_work_on(int cpu, struct workqueue_struct* queue, struct delayed_work* work,
                                         unsigned long delay) {
  return (void)cpu, queue_delayed_work(queue, work, delay);
}
static inline bool mod_delayed_work_on(int cpu, struct workqueue_struct* queue, struct delayed_work* work,
                                       unsigned long delay) {
  return (void)cpu, mod_delayed_work(queue, work, delay);
}
static inline bool work_pending(const struct work_struct* work) { return __atomic_load_n(&work->data, __ATOMIC_RELAXED) & 1; }
static inline bool delayed_work_pending(const struct delayed_work* work) { return work_pending(&work->work); }
static inline struct delayed_work* to_delayed_work(struct work_struct* work) {
  return container_of(work, struct delayed_work, work);
}
static inline struct rcu_work* to_rcu_work(struct work_struct* work) { return container_of(work, struct rcu_work, work); }
KMEM_END_C

#define system_wq kmem_driver_system_workqueue(0)
#define system_percpu_wq kmem_driver_system_workqueue(0)
#define system_highpri_wq kmem_driver_system_workqueue(1)
#define system_long_wq kmem_driver_system_workqueue(2)
#define system_unbound_wq kmem_driver_system_workqueue(3)
#define system_dfl_wq kmem_driver_system_workqueue(3)
#define system_freezable_wq kmem_driver_system_workqueue(4)
#define system_power_efficient_wq kmem_driver_system_workqueue(5)
#define system_bh_wq kmem_driver_system_workqueue(6)
#define schedule_work(work) queue_work(system_wq, work)
#define schedule_work_on(cpu, work) queue_work_on(cpu, system_wq, work)
#define schedule_delayed_work(work, delay) queue_delayed_work(system_wq, work, delay)
#define schedule_delayed_work_on(cpu, work, delay) queue_delayed_work_on(cpu, system_wq, work, delay)
#define flush_scheduled_work() kmem_driver_flush_workqueue(system_wq)
#define flush_workqueue(queue) kmem_driver_flush_workqueue(queue)

/* By two arguments; by three before 2.6.20, where the function takes the third. */
#define INIT_WORK(...) KMEM_WORK_PICK_(__VA_ARGS__, KMEM_INIT_WORK_3_, KMEM_INIT_WORK_2_, 0)(__VA_ARGS__)
#define KMEM_WORK_PICK_(a, b, c, name, ...) name
#define KMEM_INIT_WORK_2_(work, function) kmem_driver_init_work(work, function, NULL, 0)
#define KMEM_INIT_WORK_3_(work, function, data) kmem_driver_init_work(work, (work_func_t)(void*)(function), data, 1)
#define INIT_WORK_ONSTACK(work, function) INIT_WORK(work, function)
#define destroy_work_on_stack(work) ((void)(work))
#define INIT_DELAYED_WORK(work, function) kmem_driver_init_delayed_work(work, function)
#define INIT_DELAYED_WORK_ONSTACK(work, function) INIT_DELAYED_WORK(work, function)
#define INIT_DEFERRABLE_WORK(work, function) INIT_DELAYED_WORK(work, function)
#define INIT_RCU_WORK(rwork, function) INIT_WORK(&(rwork)->work, function)

/* alloc_workqueue(format, flags, max_active, ...) and alloc_ordered_workqueue(format, flags, ...), of printf's kind. */
#define alloc_workqueue(format, flags, ...) KMEM_WORK_QUEUE_(format, flags, __VA_ARGS__)
#define KMEM_WORK_QUEUE_(format, flags, ...) \
  KMEM_PR_BY_COUNT_(KMEM_WORK_QUEUE_PLAIN_, KMEM_WORK_QUEUE_MORE_, __VA_ARGS__)(format, flags, __VA_ARGS__)
#define KMEM_WORK_QUEUE_PLAIN_(format, flags, max_active) kmem_driver_alloc_workqueue(flags, max_active, format)
#define KMEM_WORK_QUEUE_MORE_(format, flags, max_active, ...) \
  kmem_driver_alloc_workqueue(flags, max_active, format, __VA_ARGS__)
#define alloc_ordered_workqueue(format, ...) \
  KMEM_PR_BY_COUNT_(KMEM_ORDERED_PLAIN_, KMEM_ORDERED_MORE_, __VA_ARGS__)(format, __VA_ARGS__)
#define KMEM_ORDERED_PLAIN_(format, flags) kmem_driver_alloc_workqueue((flags) | __WQ_ORDERED | WQ_UNBOUND, 1, format)
#define KMEM_ORDERED_MORE_(format, flags, ...) \
  kmem_driver_alloc_workqueue((flags) | __WQ_ORDERED | WQ_UNBOUND, 1, format, __VA_ARGS__)
#define create_workqueue(name) kmem_driver_alloc_workqueue(__WQ_LEGACY | WQ_MEM_RECLAIM, 1, "%s", name)
#define create_freezable_workqueue(name) kmem_driver_alloc_workqueue(__WQ_LEGACY | WQ_FREEZABLE | WQ_UNBOUND, 1, "%s", name)
#define create_singlethread_workqueue(name) kmem_driver_alloc_workqueue(__WQ_LEGACY | __WQ_ORDERED, 1, "%s", name)
#endif
