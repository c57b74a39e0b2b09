#ifndef KMEM_LINUX_WAIT_H
#define KMEM_LINUX_WAIT_H
/* Queues of tasks that wait for a condition, and waking them.
 *
 * After changing the condition, wake the queue.  The wait_event forms sleep: task context.  Waking: any context.
 * Meaning: the kernel's <linux/wait.h>. */
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

struct wait_queue_entry;
typedef int (*wait_queue_func_t)(struct wait_queue_entry* entry, unsigned mode, int flags, void* key);

#define WQ_FLAG_EXCLUSIVE 0x01u
#define WQ_FLAG_WOKEN 0x02u
#define WQ_FLAG_CUSTOM 0x04u

struct wait_queue_entry {
  unsigned int flags;
#ifdef __cplusplus
  void* private_;
#else
  void* private;
#endif
  wait_queue_func_t func;
  struct list_head entry;
};
#ifdef __cplusplus
#define KMEM_WAITER_ private_
#else
#define KMEM_WAITER_ private
#endif
typedef struct wait_queue_entry wait_queue_entry_t;
typedef struct wait_queue_entry wait_queue_t; /* before 4.13 */

struct wait_queue_head {
  spinlock_t lock;
  struct list_head head;
};
typedef struct wait_queue_head wait_queue_head_t;

#define __WAIT_QUEUE_HEAD_INITIALIZER(name)                         \
  {                                                                 \
    __SPIN_LOCK_UNLOCKED(name.lock), { &(name).head, &(name).head } \
  }
#define DECLARE_WAIT_QUEUE_HEAD(name) struct wait_queue_head name = __WAIT_QUEUE_HEAD_INITIALIZER(name)
#define __WAITQUEUE_INITIALIZER(name, task)        \
  {                                                \
    0, task, default_wake_function, { NULL, NULL } \
  }
#define DECLARE_WAITQUEUE(name, task) struct wait_queue_entry name = __WAITQUEUE_INITIALIZER(name, task)
#define DEFINE_WAIT_FUNC(name, function) \
  struct wait_queue_entry name = {0, get_current(), function, {&(name).entry, &(name).entry}}
#define DEFINE_WAIT(name) DEFINE_WAIT_FUNC(name, autoremove_wake_function)

KMEM_BEGIN_C

/* Wake functions: return 1 if they woke a task, 0 if not, below 0 to stop the walk. */
KMEM_API int default_wake_function(struct wait_queue_entry* entry, unsigned mode, int flags, void* key)
    KMEM_DRIVER_NAME(default_wake_function);
KMEM_API int autoremove_wake_function(struct wait_queue_entry* entry, unsigned mode, int flags, void* key)
    KMEM_DRIVER_NAME(autoremove_wake_function);
KMEM_API int woken_wake_function(struct wait_queue_entry* entry, unsigned mode, int flags, void* key)
    KMEM_DRIVER_NAME(woken_wake_function);

KMEM_API void kmem_driver_init_waitqueue_head(struct wait_queue_head* queue) KMEM_NOTHROW;
static inline void init_waitqueue_entry(struct wait_queue_entry* entry, struct task_struct* task) {
  entry->flags = 0;
  entry->KMEM_WAITER_ = task;
  entry->func = default_wake_function;
}
static inline void init_waitqueue_func_entry(struct wait_queue_entry* entry, wait_queue_func_t func) {
  entry->flags = 0;
  entry->KMEM_WAITER_ = NULL;
  entry->func = func;
}
KMEM_API void init_wait_entry(struct wait_queue_entry* entry, int flags) KMEM_DRIVER_NAME(init_wait_entry);

KMEM_API void add_wait_queue(struct wait_queue_head* queue, struct wait_queue_entry* entry) KMEM_DRIVER_NAME(add_wait_queue);
/** Adds an exclusive waiter at the end; exclusive waiters are woken one at a time. */
KMEM_API void add_wait_queue_exclusive(struct wait_queue_head* queue, struct wait_queue_entry* entry)
    KMEM_DRIVER_NAME(add_wait_queue_exclusive);
KMEM_API void remove_wait_queue(struct wait_queue_head* queue, struct wait_queue_entry* entry)
    KMEM_DRIVER_NAME(remove_wait_queue);
static inline void __add_wait_queue(struct wait_queue_head* queue, struct wait_queue_entry* entry) {
  list_add(&entry->entry, &queue->head);
}
static inline void __add_wait_queue_entry_tail(struct wait_queue_head* queue, struct wait_queue_entry* entry) {
  list_add_tail(&entry->entry, &queue->head);
}
static inline void __remove_wait_queue(struct wait_queue_head* queue, struct wait_queue_entry* entry) {
  (void)queue;
  list_del(&entry->entry);
}

KMEM_API void prepare_to_wait(struct wait_queue_head* queue, struct wait_queue_entry* entry, unsigned state)
    KMEM_DRIVER_NAME(prepare_to_wait);
/** Was the queue empty? */
KMEM_API bool prepare_to_wait_exclusive(struct wait_queue_head* queue, struct wait_queue_entry* entry, unsigned state)
    KMEM_DRIVER_NAME(prepare_to_wait_exclusive);
/** Returns -ERESTARTSYS, and leaves the queue, if a signal is pending that interrupts the state. */
KMEM_API long prepare_to_wait_event(struct wait_queue_head* queue, struct wait_queue_entry* entry, unsigned state)
    KMEM_DRIVER_NAME(prepare_to_wait_event);
KMEM_API void finish_wait(struct wait_queue_head* queue, struct wait_queue_entry* entry) KMEM_DRIVER_NAME(finish_wait);
/** Sleeps unless woken_wake_function() has run since the last time: for code that looks in between with another state. */
KMEM_API long wait_woken(struct wait_queue_entry* entry, unsigned mode, long timeout) KMEM_DRIVER_NAME(wait_woken);

/** Wakes all that are not exclusive, and `nr` that are; 0: all. */
KMEM_API int __wake_up(struct wait_queue_head* queue, unsigned mode, int nr, void* key) KMEM_DRIVER_NAME(__wake_up);
/** The same for a caller that holds the queue's lock. */
KMEM_API void __wake_up_locked(struct wait_queue_head* queue, unsigned mode, int nr) KMEM_DRIVER_NAME(__wake_up_locked);
KMEM_API void __wake_up_locked_key(struct wait_queue_head* queue, unsigned mode, void* key)
    KMEM_DRIVER_NAME(__wake_up_locked_key);

/** For wait_event_..._locked(): 0, -ERESTARTSYS. */
KMEM_API int do_wait_intr(struct wait_queue_head* queue, struct wait_queue_entry* entry) KMEM_DRIVER_NAME(do_wait_intr);
KMEM_API int do_wait_intr_irq(struct wait_queue_head* queue, struct wait_queue_entry* entry) KMEM_DRIVER_NAME(do_wait_intr_irq);
/** Sleeps until the time; true: it was reached. */
KMEM_API bool kmem_driver_sleep_ns(ktime_t at) KMEM_NOTHROW;

/** Does not take the lock; a waker needs a barrier before it (wq_has_sleeper()). */
static inline int waitqueue_active(struct wait_queue_head* queue) {
  return __atomic_load_n(&queue->head.next, __ATOMIC_RELAXED) != &queue->head;
}
static inline bool wq_has_sleeper(struct wait_queue_head* queue) {
  KMEM_DRIVER_FENCE(__ATOMIC_SEQ_CST);
  return waitqueue_active(queue) != 0;
}

/** 2.6: sleeps until it is woken.  A change just before the sleep is missed. */
KMEM_API void sleep_on(struct wait_queue_head* queue) KMEM_DRIVER_NAME(sleep_on);
KMEM_API void interruptible_sleep_on(struct wait_queue_head* queue) KMEM_DRIVER_NAME(interruptible_sleep_on);
KMEM_API long interruptible_sleep_on_timeout(struct wait_queue_head* queue, long timeout)
    KMEM_DRIVER_NAME(interruptible_sleep_on_timeout);

KMEM_END_C

#define init_waitqueue_head(queue)          \
  do {                                      \
    kmem_driver_init_waitqueue_head(queue); \
    spin_lock_init(&(queue)->lock);         \
  } while (0)
#define init_wait(entry) init_wait_entry(entry, 0)
#define DECLARE_WAIT_QUEUE_HEAD_ONSTACK(name) \
  struct wait_queue_head name;                \
  init_waitqueue_head(&name)

#define wake_up(queue) __wake_up(queue, TASK_NORMAL, 1, NULL)
#define wake_up_nr(queue, nr) __wake_up(queue, TASK_NORMAL, nr, NULL)
#define wake_up_all(queue) __wake_up(queue, TASK_NORMAL, 0, NULL)
#define wake_up_locked(queue) __wake_up_locked(queue, TASK_NORMAL, 1)
#define wake_up_all_locked(queue) __wake_up_locked(queue, TASK_NORMAL, 0)
#define wake_up_interruptible(queue) __wake_up(queue, TASK_INTERRUPTIBLE, 1, NULL)
#define wake_up_interruptible_nr(queue, nr) __wake_up(queue, TASK_INTERRUPTIBLE, nr, NULL)
#define wake_up_interruptible_all(queue) __wake_up(queue, TASK_INTERRUPTIBLE, 0, NULL)
#define wake_up_interruptible_sync(queue) __wake_up(queue, TASK_INTERRUPTIBLE, 1, NULL)
#define wake_up_sync(queue) __wake_up(queue, TASK_NORMAL, 1, NULL)
#define poll_to_key(mask) ((void*)(unsigned long)(mask))
#define key_to_poll(key) ((unsigned)(unsigned long)(key))
#define wake_up_poll(queue, mask) __wake_up(queue, TASK_NORMAL, 1, poll_to_key(mask))
#define wake_up_locked_poll(queue, mask) __wake_up_locked_key(queue, TASK_NORMAL, poll_to_key(mask))
#define wake_up_interruptible_poll(queue, mask) __wake_up(queue, TASK_INTERRUPTIBLE, 1, poll_to_key(mask))
#define wake_up_interruptible_sync_poll(queue, mask) __wake_up(queue, TASK_INTERRUPTIBLE, 1, poll_to_key(mask))
#define wake_up_pollfree(queue) __wake_up(queue, TASK_NORMAL, 0, poll_to_key(0x4000 | 0x10))

/* All wait_event forms: check the condition, sleep by `doze`, repeat. 0, or -ERESTARTSYS. */
#define KMEM_WAIT_(queue, condition, state, exclusive, doze)                \
  __extension__({                                                           \
    struct wait_queue_entry kmem_entry;                                     \
    long kmem_signal;                                                       \
    init_wait_entry(&kmem_entry, (exclusive) ? (int)WQ_FLAG_EXCLUSIVE : 0); \
    for (;;) {                                                              \
      kmem_signal = prepare_to_wait_event(&(queue), &kmem_entry, state);    \
      if (condition) {                                                      \
        kmem_signal = 0;                                                    \
        break;                                                              \
      }                                                                     \
      if (kmem_signal) break;                                               \
      doze;                                                                 \
    }                                                                       \
    finish_wait(&(queue), &kmem_entry);                                     \
    (int)kmem_signal;                                                       \
  })
/* With a time-out: at least 1 is left where the condition holds, however late. */
#define KMEM_TIMED_CONDITION_(condition)         \
  __extension__({                                \
    const bool kmem_holds = (condition);         \
    if (kmem_holds && !kmem_left) kmem_left = 1; \
    kmem_holds || !kmem_left;                    \
  })
#define KMEM_WAIT_TIMED_(queue, condition, state, exclusive, timeout, before, after)                        \
  __extension__({                                                                                           \
    long kmem_left = (timeout);                                                                             \
    if (!KMEM_TIMED_CONDITION_(condition)) {                                                                \
      const long kmem_ended = KMEM_WAIT_(queue, KMEM_TIMED_CONDITION_(condition), state, exclusive, before; \
                                         kmem_left = schedule_timeout(kmem_left); after);                   \
      if (kmem_ended) kmem_left = kmem_ended;                                                               \
    }                                                                                                       \
    kmem_left;                                                                                              \
  })
#define KMEM_WAIT_TIMEOUT_(queue, condition, state, exclusive, timeout)              \
  __extension__({                                                                    \
    might_sleep();                                                                   \
    KMEM_WAIT_TIMED_(queue, condition, state, exclusive, timeout, (void)0, (void)0); \
  })
#define KMEM_WAIT_PLAIN_(queue, condition, state, exclusive)                            \
  do {                                                                                  \
    might_sleep();                                                                      \
    if (!(condition)) (void)KMEM_WAIT_(queue, condition, state, exclusive, schedule()); \
  } while (0)
#define KMEM_WAIT_INTR_(queue, condition, state, exclusive)                       \
  __extension__({                                                                 \
    might_sleep();                                                                \
    (condition) ? 0 : KMEM_WAIT_(queue, condition, state, exclusive, schedule()); \
  })

#define wait_event(queue, condition) KMEM_WAIT_PLAIN_(queue, condition, TASK_UNINTERRUPTIBLE, 0)
#define io_wait_event(queue, condition) wait_event(queue, condition)
#define wait_event_idle(queue, condition) KMEM_WAIT_PLAIN_(queue, condition, TASK_IDLE, 0)
#define wait_event_idle_exclusive(queue, condition) KMEM_WAIT_PLAIN_(queue, condition, TASK_IDLE, 1)
#define wait_event_freezable(queue, condition) KMEM_WAIT_INTR_(queue, condition, TASK_INTERRUPTIBLE, 0)
#define wait_event_freezable_exclusive(queue, condition) KMEM_WAIT_INTR_(queue, condition, TASK_INTERRUPTIBLE, 1)
#define wait_event_interruptible(queue, condition) KMEM_WAIT_INTR_(queue, condition, TASK_INTERRUPTIBLE, 0)
#define wait_event_interruptible_exclusive(queue, condition) KMEM_WAIT_INTR_(queue, condition, TASK_INTERRUPTIBLE, 1)
#define wait_event_killable(queue, condition) KMEM_WAIT_INTR_(queue, condition, TASK_KILLABLE, 0)
#define wait_event_killable_exclusive(queue, condition) KMEM_WAIT_INTR_(queue, condition, TASK_KILLABLE, 1)
#define wait_event_state(queue, condition, state) KMEM_WAIT_INTR_(queue, condition, state, 0)

#define wait_event_timeout(queue, condition, timeout) KMEM_WAIT_TIMEOUT_(queue, condition, TASK_UNINTERRUPTIBLE, 0, timeout)
#define wait_event_interruptible_timeout(queue, condition, timeout) \
  KMEM_WAIT_TIMEOUT_(queue, condition, TASK_INTERRUPTIBLE, 0, timeout)
#define wait_event_freezable_timeout(queue, condition, timeout) \
  KMEM_WAIT_TIMEOUT_(queue, condition, TASK_INTERRUPTIBLE, 0, timeout)
#define wait_event_killable_timeout(queue, condition, timeout) KMEM_WAIT_TIMEOUT_(queue, condition, TASK_KILLABLE, 0, timeout)
#define wait_event_idle_timeout(queue, condition, timeout) KMEM_WAIT_TIMEOUT_(queue, condition, TASK_IDLE, 0, timeout)
#define wait_event_idle_exclusive_timeout(queue, condition, timeout) KMEM_WAIT_TIMEOUT_(queue, condition, TASK_IDLE, 1, timeout)

/* Time-out in nanoseconds, not ticks. 0; -ETIME: timed out; -ERESTARTSYS. */
#define KMEM_WAIT_HR_(queue, condition, state, timeout)                                                                   \
  __extension__({                                                                                                         \
    int kmem_answer = 0;                                                                                                  \
    might_sleep();                                                                                                        \
    if (!(condition)) {                                                                                                   \
      const ktime_t kmem_span = (timeout);                                                                                \
      const ktime_t kmem_at = kmem_span == KTIME_MAX ? KTIME_MAX : ktime_add_safe(ktime_get(), kmem_span);                \
      bool kmem_over = false, kmem_late = false;                                                                          \
      kmem_answer =                                                                                                       \
          KMEM_WAIT_(queue, (condition) || (kmem_late = kmem_over), state, 0, kmem_over = kmem_driver_sleep_ns(kmem_at)); \
      if (!kmem_answer && kmem_late) kmem_answer = -ETIME;                                                                \
    }                                                                                                                     \
    kmem_answer;                                                                                                          \
  })
#define wait_event_hrtimeout(queue, condition, timeout) KMEM_WAIT_HR_(queue, condition, TASK_UNINTERRUPTIBLE, timeout)
#define wait_event_interruptible_hrtimeout(queue, condition, timeout) \
  KMEM_WAIT_HR_(queue, condition, TASK_INTERRUPTIBLE, timeout)

#define wait_event_cmd(queue, condition, before, after)                                                       \
  do {                                                                                                        \
    if (!(condition)) (void)KMEM_WAIT_(queue, condition, TASK_UNINTERRUPTIBLE, 0, before; schedule(); after); \
  } while (0)
#define wait_event_exclusive_cmd(queue, condition, before, after)                                             \
  do {                                                                                                        \
    if (!(condition)) (void)KMEM_WAIT_(queue, condition, TASK_UNINTERRUPTIBLE, 1, before; schedule(); after); \
  } while (0)

/* The caller holds a lock, which is released during the sleep; the condition is checked under it. */
#define wait_event_lock_irq_cmd(queue, condition, lock, cmd)                                                 \
  do {                                                                                                       \
    if (!(condition))                                                                                        \
      (void)KMEM_WAIT_(queue, condition, TASK_UNINTERRUPTIBLE, 0, spin_unlock_irq(&(lock)); cmd; schedule(); \
                       spin_lock_irq(&(lock)));                                                              \
  } while (0)
#define wait_event_lock_irq(queue, condition, lock) wait_event_lock_irq_cmd(queue, condition, lock, (void)0)
#define wait_event_interruptible_lock_irq_cmd(queue, condition, lock, cmd)                                      \
  ((condition) ? 0                                                                                              \
               : KMEM_WAIT_(queue, condition, TASK_INTERRUPTIBLE, 0, spin_unlock_irq(&(lock)); cmd; schedule(); \
                            spin_lock_irq(&(lock))))
#define wait_event_interruptible_lock_irq(queue, condition, lock) \
  wait_event_interruptible_lock_irq_cmd(queue, condition, lock, (void)0)
#define wait_event_interruptible_lock_irq_timeout(queue, condition, lock, timeout) \
  KMEM_WAIT_TIMED_(queue, condition, TASK_INTERRUPTIBLE, 0, timeout, spin_unlock_irq(&(lock)), spin_lock_irq(&(lock)))
#define wait_event_lock_irq_timeout(queue, condition, lock, timeout) \
  KMEM_WAIT_TIMED_(queue, condition, TASK_UNINTERRUPTIBLE, 0, timeout, spin_unlock_irq(&(lock)), spin_lock_irq(&(lock)))

/* The lock is the queue's own. */
#define KMEM_WAIT_LOCKED_(queue, condition, exclusive, sleep)                         \
  __extension__({                                                                     \
    int kmem_answer = 0;                                                              \
    if (!(condition)) {                                                               \
      DEFINE_WAIT(kmem_entry);                                                        \
      if (exclusive) kmem_entry.flags |= WQ_FLAG_EXCLUSIVE;                           \
      do {                                                                            \
        kmem_answer = sleep(&(queue), &kmem_entry);                                   \
        if (kmem_answer) break;                                                       \
      } while (!(condition));                                                         \
      if (!list_empty(&kmem_entry.entry)) __remove_wait_queue(&(queue), &kmem_entry); \
      __set_current_state(TASK_RUNNING);                                              \
    }                                                                                 \
    kmem_answer;                                                                      \
  })
#define wait_event_interruptible_locked(queue, condition) KMEM_WAIT_LOCKED_(queue, condition, 0, do_wait_intr)
#define wait_event_interruptible_locked_irq(queue, condition) KMEM_WAIT_LOCKED_(queue, condition, 0, do_wait_intr_irq)
#define wait_event_interruptible_exclusive_locked(queue, condition) KMEM_WAIT_LOCKED_(queue, condition, 1, do_wait_intr)
#define wait_event_interruptible_exclusive_locked_irq(queue, condition) KMEM_WAIT_LOCKED_(queue, condition, 1, do_wait_intr_irq)

#endif
