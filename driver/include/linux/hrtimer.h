#ifndef KMEM_LINUX_HRTIMER_H
#define KMEM_LINUX_HRTIMER_H
/* Functions that run at a time in nanoseconds, in an interrupt, or, in a mode that says so, in a softirq.
 * Any context, but hrtimer_cancel(), which waits for the function.  Meaning: the kernel's <linux/hrtimer.h>. */
#include <linux/ktime.h>
#include <linux/timer.h>
#include <time.h>

enum hrtimer_restart { HRTIMER_NORESTART, HRTIMER_RESTART };
enum hrtimer_mode {
  HRTIMER_MODE_ABS = 0x00,
  HRTIMER_MODE_REL = 0x01,
  HRTIMER_MODE_PINNED = 0x02,
  HRTIMER_MODE_SOFT = 0x04,
  HRTIMER_MODE_HARD = 0x08,
  HRTIMER_MODE_ABS_PINNED = 0x02,
  HRTIMER_MODE_REL_PINNED = 0x03,
  HRTIMER_MODE_ABS_SOFT = 0x04,
  HRTIMER_MODE_REL_SOFT = 0x05,
  HRTIMER_MODE_ABS_HARD = 0x08,
  HRTIMER_MODE_REL_HARD = 0x09
};
struct hrtimer {
  struct kmem_timer_node kmem_node;
  enum hrtimer_restart (*function)(struct hrtimer* timer);
  ktime_t kmem_expires; /* on its clock */
  int kmem_clock, kmem_soft;
};

KMEM_BEGIN_C
KMEM_API void hrtimer_setup(struct hrtimer* timer, enum hrtimer_restart (*function)(struct hrtimer*), clockid_t clock,
                            enum hrtimer_mode mode) KMEM_DRIVER_NAME(hrtimer_setup);
static inline void hrtimer_init(struct hrtimer* timer, clockid_t clock, enum hrtimer_mode mode) {
  hrtimer_setup(timer, NULL, clock, mode);
}
KMEM_API void hrtimer_start(struct hrtimer* timer, ktime_t at, enum hrtimer_mode mode) KMEM_DRIVER_NAME(hrtimer_start);
static inline void hrtimer_start_range_ns(struct hrtimer* timer, ktime_t at, u64 slack, enum hrtimer_mode mode) {
  (void)slack;
  hrtimer_start(timer, at, mode);
}
/** At the time that it is set for. */
KMEM_API void hrtimer_restart_(struct hrtimer* timer) KMEM_DRIVER_NAME(hrtimer_restart_);
/** 1: it was set.  0: not. */
KMEM_API int hrtimer_cancel(struct hrtimer* timer) KMEM_DRIVER_NAME(hrtimer_cancel);
/** -1: the function runs. */
KMEM_API int hrtimer_try_to_cancel(struct hrtimer* timer) KMEM_DRIVER_NAME(hrtimer_try_to_cancel);
/** Advances the expiry by whole intervals until it is after `now`; returns how many. */
KMEM_API u64 hrtimer_forward(struct hrtimer* timer, ktime_t now, ktime_t interval) KMEM_DRIVER_NAME(hrtimer_forward);
KMEM_API bool hrtimer_callback_running(struct hrtimer* timer) KMEM_DRIVER_NAME(hrtimer_callback_running);
static inline bool hrtimer_is_queued(const struct hrtimer* timer) {
  return __atomic_load_n(&timer->kmem_node.queued, __ATOMIC_RELAXED) != 0;
}
static inline bool hrtimer_active(struct hrtimer* timer) { return hrtimer_is_queued(timer) || hrtimer_callback_running(timer); }
KMEM_API ktime_t hrtimer_cb_get_time(const struct hrtimer* timer) KMEM_DRIVER_NAME(hrtimer_cb_get_time);
static inline u64 hrtimer_forward_now(struct hrtimer* timer, ktime_t interval) {
  return hrtimer_forward(timer, hrtimer_cb_get_time(timer), interval);
}
static inline ktime_t hrtimer_get_expires(const struct hrtimer* timer) { return timer->kmem_expires; }
static inline s64 hrtimer_get_expires_ns(const struct hrtimer* timer) { return timer->kmem_expires; }
static inline void hrtimer_set_expires(struct hrtimer* timer, ktime_t at) { timer->kmem_expires = at; }
static inline void hrtimer_add_expires_ns(struct hrtimer* timer, u64 ns) { timer->kmem_expires += (s64)ns; }
static inline ktime_t hrtimer_get_remaining(const struct hrtimer* timer) {
  return timer->kmem_expires - hrtimer_cb_get_time(timer);
}
/** Sleeps in the state that was set. 0: the time has come; -EINTR: woken earlier. */
KMEM_API int schedule_hrtimeout(ktime_t* at, enum hrtimer_mode mode) KMEM_DRIVER_NAME(schedule_hrtimeout);
static inline int schedule_hrtimeout_range(ktime_t* at, u64 slack, enum hrtimer_mode mode) {
  return (void)slack, schedule_hrtimeout(at, mode);
}
/** In C++ the type is spelled enum hrtimer_restart, as in C. */
static inline void hrtimer_restart(struct hrtimer* timer) { hrtimer_restart_(timer); }
KMEM_END_C
#endif
