#ifndef KMEM_LINUX_TIMER_H
#define KMEM_LINUX_TIMER_H
/* Functions that run at a tick, in a softirq: here in a thread that runs them one after the other.
 *
 * Setting and deleting: any context; the _sync forms wait until the function does not run, so: not under a lock that it takes.
 * Meaning: the kernel's <linux/timer.h>. */
#include <linux/container_of.h>
#include <linux/jiffies.h>
#include <linux/types.h>
#include <time.h> /* which has a timer_delete() too */

/** A place in the queue of timers; kmem's own. */
struct kmem_timer_node {
  struct kmem_timer_node *child, *next, *prev;
  unsigned long long when;
  unsigned int queued;
  void (*run)(struct kmem_timer_node* node);
};

struct timer_list {
  struct kmem_timer_node kmem_node;
  unsigned long expires;
  void (*function)(struct timer_list* timer);
  u32 flags;
  unsigned long data; /* before 4.15 */
};
#define TIMER_DEFERRABLE 0x00080000u
#define TIMER_PINNED 0x00100000u
#define TIMER_IRQSAFE 0x00200000u
#define KMEM_TIMER_OLD 0x80000000u /* the function takes data */
#define KMEM_TIMER_SHUT 0x40000000u

#define DEFINE_TIMER(name, timer_function) struct timer_list name = {{NULL, NULL, NULL, 0, 0, NULL}, 0, timer_function, 0, 0}

KMEM_BEGIN_C
KMEM_API void kmem_driver_timer_setup(struct timer_list* timer, void (*function)(struct timer_list*),
                                      unsigned int flags) KMEM_NOTHROW;
/** Sets it: 1 where it was set before. */
KMEM_API int mod_timer(struct timer_list* timer, unsigned long expires) KMEM_DRIVER_NAME(mod_timer);
/** The same if it is set. */
KMEM_API int mod_timer_pending(struct timer_list* timer, unsigned long expires) KMEM_DRIVER_NAME(mod_timer_pending);
/** The same if that is earlier, or if it is not set. */
KMEM_API int timer_reduce(struct timer_list* timer, unsigned long expires) KMEM_DRIVER_NAME(timer_reduce);
/** For timer->expires.  Adding a timer that is set already is a bug. */
KMEM_API void add_timer(struct timer_list* timer) KMEM_DRIVER_NAME(add_timer);
static inline void add_timer_on(struct timer_list* timer, int cpu) { (void)cpu, add_timer(timer); }
/** 1 where it was set.  Its function may run still. */
KMEM_API int kmem_driver_timer_delete(struct timer_list* timer) KMEM_NOTHROW;
/** The same, and waits for the function. */
KMEM_API int timer_delete_sync(struct timer_list* timer) KMEM_DRIVER_NAME(timer_delete_sync);
/** -1: the function is running, and nothing was changed. */
KMEM_API int timer_delete_sync_try(struct timer_list* timer) KMEM_DRIVER_NAME(timer_delete_sync_try);
/** The same, and it can be set no more. */
KMEM_API int timer_shutdown(struct timer_list* timer) KMEM_DRIVER_NAME(timer_shutdown);
KMEM_API int timer_shutdown_sync(struct timer_list* timer) KMEM_DRIVER_NAME(timer_shutdown_sync);
static inline int timer_pending(const struct timer_list* timer) {
  return __atomic_load_n(&timer->kmem_node.queued, __ATOMIC_RELAXED) != 0;
}
static inline int del_timer(struct timer_list* timer) { return kmem_driver_timer_delete(timer); }
static inline int del_timer_sync(struct timer_list* timer) { return timer_delete_sync(timer); }
static inline int del_singleshot_timer_sync(struct timer_list* timer) { return timer_delete_sync(timer); }
static inline int try_to_del_timer_sync(struct timer_list* timer) { return timer_delete_sync_try(timer); }
/** Before 4.15: set function and data behind it. */
static inline void init_timer(struct timer_list* timer) { kmem_driver_timer_setup(timer, NULL, KMEM_TIMER_OLD); }
KMEM_END_C

#define timer_delete(timer) kmem_driver_timer_delete(timer)
#define timer_setup(timer, function, flags) kmem_driver_timer_setup(timer, function, flags)
#define timer_setup_on_stack(timer, function, flags) timer_setup(timer, function, flags)
#define destroy_timer_on_stack(timer) ((void)(timer))
/* The function's type is void (*)(unsigned long) there. */
#define setup_timer(timer, old_function, old_data)                                                       \
  do {                                                                                                   \
    kmem_driver_timer_setup(timer, (void (*)(struct timer_list*))(void*)(old_function), KMEM_TIMER_OLD); \
    (timer)->data = (unsigned long)(old_data);                                                           \
  } while (0)
#define timer_container_of(variable, timer, member) container_of(timer, __typeof__(*(variable)), member)
#define from_timer(variable, timer, member) timer_container_of(variable, timer, member)
#endif
