#ifndef KMEM_LINUX_COMPLETION_H
#define KMEM_LINUX_COMPLETION_H
/* Waiting until something is done.  complete() and complete_all(): any context; waiting: task context.
 * Meaning: the kernel's Documentation/scheduler/completion.rst. */
#include <linux/wait.h>

struct completion {
  unsigned int done; /* how many may go on; UINT_MAX: all, from now on */
  wait_queue_head_t wait;
};
#define COMPLETION_INITIALIZER(name) \
  { 0, __WAIT_QUEUE_HEAD_INITIALIZER((name).wait) }
#define DECLARE_COMPLETION(name) struct completion name = COMPLETION_INITIALIZER(name)
#define COMPLETION_INITIALIZER_ONSTACK(name) COMPLETION_INITIALIZER(name)
#define DECLARE_COMPLETION_ONSTACK(name) DECLARE_COMPLETION(name)

KMEM_BEGIN_C
static inline void reinit_completion(struct completion* x) { x->done = 0; }
/** One more waiter may go on. */
KMEM_API void complete(struct completion* x) KMEM_DRIVER_NAME(complete);
/** All may, until reinit_completion(). */
KMEM_API void complete_all(struct completion* x) KMEM_DRIVER_NAME(complete_all);
/** Waits in this state for at most so many ticks. Returns the ticks left, at least 1; 0: timed out; -ERESTARTSYS: a signal. */
KMEM_API long kmem_driver_wait_for_completion(struct completion* x, long ticks, unsigned int state) KMEM_NOTHROW;
/** Takes one without waiting, if there is one. */
KMEM_API bool try_wait_for_completion(struct completion* x) KMEM_DRIVER_NAME(try_wait_for_completion);
/** True if a waiter would not have to wait. */
KMEM_API bool completion_done(struct completion* x) KMEM_DRIVER_NAME(completion_done);

static inline void wait_for_completion(struct completion* x) {
  (void)kmem_driver_wait_for_completion(x, MAX_SCHEDULE_TIMEOUT, TASK_UNINTERRUPTIBLE);
}
static inline void wait_for_completion_io(struct completion* x) { wait_for_completion(x); }
static inline int kmem_completion_error_(long left) { return left < 0 ? (int)left : 0; }
static inline int wait_for_completion_interruptible(struct completion* x) {
  return kmem_completion_error_(kmem_driver_wait_for_completion(x, MAX_SCHEDULE_TIMEOUT, TASK_INTERRUPTIBLE));
}
static inline int wait_for_completion_killable(struct completion* x) {
  return kmem_completion_error_(kmem_driver_wait_for_completion(x, MAX_SCHEDULE_TIMEOUT, TASK_KILLABLE));
}
static inline int wait_for_completion_state(struct completion* x, unsigned int state) {
  return kmem_completion_error_(kmem_driver_wait_for_completion(x, MAX_SCHEDULE_TIMEOUT, state));
}
static inline unsigned long wait_for_completion_timeout(struct completion* x, unsigned long ticks) {
  return (unsigned long)kmem_driver_wait_for_completion(x, (long)ticks, TASK_UNINTERRUPTIBLE);
}
static inline unsigned long wait_for_completion_io_timeout(struct completion* x, unsigned long ticks) {
  return wait_for_completion_timeout(x, ticks);
}
static inline long wait_for_completion_interruptible_timeout(struct completion* x, unsigned long ticks) {
  return kmem_driver_wait_for_completion(x, (long)ticks, TASK_INTERRUPTIBLE);
}
static inline long wait_for_completion_killable_timeout(struct completion* x, unsigned long ticks) {
  return kmem_driver_wait_for_completion(x, (long)ticks, TASK_KILLABLE);
}
KMEM_END_C

#define init_completion(x)           \
  do {                               \
    (x)->done = 0;                   \
    init_waitqueue_head(&(x)->wait); \
  } while (0)
#define INIT_COMPLETION(x) reinit_completion(&(x)) /* before 3.13 */
#endif
