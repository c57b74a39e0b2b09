#ifndef KMEM_LINUX_KTHREAD_H
#define KMEM_LINUX_KTHREAD_H
/* Kernel threads: here threads of the process, in which all signals are blocked.
 *
 * Creating, stopping and parking: task context.  Meaning: the kernel's <linux/kthread.h>. */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

KMEM_BEGIN_C
/** A thread that sleeps until wake_up_process(), and then runs function(data).  ERR_PTR(-ENOMEM), or the host's error. */
KMEM_API struct task_struct* kthread_create_on_node(int (*function)(void* data), void* data, int node, const char* format, ...)
    KMEM_DRIVER_NAME(kthread_create_on_node) KMEM_PRINTF_LIKE(4, 5);
/** Asks it to end, wakes it and waits for its end. Returns the function's result; -EINTR if it never ran. */
KMEM_API int kthread_stop(struct task_struct* task) KMEM_DRIVER_NAME(kthread_stop);
/** The same for a thread that the caller holds by get_task_struct(); drops that reference. */
KMEM_API int kthread_stop_put(struct task_struct* task) KMEM_DRIVER_NAME(kthread_stop_put);
KMEM_API bool kthread_should_stop(void) KMEM_DRIVER_NAME(kthread_should_stop);
KMEM_API bool kthread_should_park(void) KMEM_DRIVER_NAME(kthread_should_park);
static inline bool kthread_should_stop_or_park(void) { return kthread_should_stop() || kthread_should_park(); }
/** Called by the thread: if asked to park, sleeps until it is unparked. */
KMEM_API void kthread_parkme(void) KMEM_DRIVER_NAME(kthread_parkme);
/** 0: it is parked.  -ENOSYS: it has ended. */
KMEM_API int kthread_park(struct task_struct* task) KMEM_DRIVER_NAME(kthread_park);
KMEM_API void kthread_unpark(struct task_struct* task) KMEM_DRIVER_NAME(kthread_unpark);
KMEM_API void* kthread_data(struct task_struct* task) KMEM_DRIVER_NAME(kthread_data);
/** Called by the thread: ends it. */
KMEM_API void kthread_complete_and_exit(struct completion* done, long code) KMEM_DRIVER_NAME(kthread_complete_and_exit)
    __attribute__((__noreturn__));
/** The host is asked to run it on that CPU. */
KMEM_API void kthread_bind(struct task_struct* task, unsigned int cpu) KMEM_DRIVER_NAME(kthread_bind);

/* Workers: a thread that runs work items one after the other. */
struct kthread_work;
typedef void (*kthread_work_func_t)(struct kthread_work* work);
struct kthread_worker {
  unsigned int flags;
  spinlock_t lock;
  struct list_head work_list;
  struct task_struct* task;
  struct kthread_work* current_work;
  unsigned long kmem_done; /* how many have run */
  wait_queue_head_t kmem_idle;
};
struct kthread_work {
  struct list_head node;
  kthread_work_func_t func;
  struct kthread_worker* worker;
  int canceling;
};
KMEM_API void kmem_driver_kthread_init_worker(struct kthread_worker* worker) KMEM_NOTHROW;
KMEM_API int kthread_worker_fn(void* worker) KMEM_DRIVER_NAME(kthread_worker_fn);
KMEM_API struct kthread_worker* kthread_create_worker(unsigned int flags, const char* format, ...)
    KMEM_DRIVER_NAME(kthread_create_worker) KMEM_PRINTF_LIKE(2, 3);
KMEM_API void kthread_destroy_worker(struct kthread_worker* worker) KMEM_DRIVER_NAME(kthread_destroy_worker);
/** false: it is queued already, or being cancelled.  Any context. */
KMEM_API bool kthread_queue_work(struct kthread_worker* worker, struct kthread_work* work) KMEM_DRIVER_NAME(kthread_queue_work);
KMEM_API void kthread_flush_work(struct kthread_work* work) KMEM_DRIVER_NAME(kthread_flush_work);
KMEM_API void kthread_flush_worker(struct kthread_worker* worker) KMEM_DRIVER_NAME(kthread_flush_worker);
/** Returns whether it was queued. It does not run when this returns, even if it queues itself. */
KMEM_API bool kthread_cancel_work_sync(struct kthread_work* work) KMEM_DRIVER_NAME(kthread_cancel_work_sync);
KMEM_END_C

#define kthread_create(function, data, ...) kthread_create_on_node(function, data, -1, __VA_ARGS__)
#define kthread_run(function, data, ...)                                                  \
  __extension__({                                                                         \
    struct task_struct* const kmem_thread_ = kthread_create(function, data, __VA_ARGS__); \
    if (!IS_ERR(kmem_thread_)) wake_up_process(kmem_thread_);                             \
    kmem_thread_;                                                                         \
  })
#define kthread_init_worker(worker) kmem_driver_kthread_init_worker(worker)
#define kthread_run_worker(flags, ...) kthread_create_worker(flags, __VA_ARGS__)
#define kthread_init_work(work, function) \
  do {                                    \
    INIT_LIST_HEAD(&(work)->node);        \
    (work)->func = (function);            \
    (work)->worker = NULL;                \
    (work)->canceling = 0;                \
  } while (0)
#define DEFINE_KTHREAD_WORK(name, function) struct kthread_work name = {LIST_HEAD_INIT((name).node), function, NULL, 0}
#endif
