// Timers by ticks, and by nanoseconds.

#include <linux/errno.h>
#include <linux/hrtimer.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/timer.h>

#include "task/task.h"
#include "time/clock.h"
#include "time/timer_queue.h"

namespace {

using namespace kmem_driver;

timer_list* timer_of(kmem_timer_node* node) { return container_of(node, timer_list, kmem_node); }

void run_timer(kmem_timer_node* node) {
  timer_list* timer = timer_of(node);
  const u32 flags = timer->flags;
  if (flags & TIMER_IRQSAFE) local_irq_disable();
  if (flags & KMEM_TIMER_OLD) reinterpret_cast<void (*)(unsigned long)>(reinterpret_cast<void*>(timer->function))(timer->data);
  else timer->function(timer);
  if (flags & TIMER_IRQSAFE) local_irq_enable();
}

/// The time of the tick, or now if it has passed.
unsigned long long when_is(unsigned long expires) {
  const long ticks = static_cast<long>(expires - INITIAL_JIFFIES);
  return clock_begin_ns() + (ticks > 0 ? static_cast<unsigned long long>(ticks) * TICK_NSEC : 0);
}

int set(timer_list* timer, unsigned long expires, TimerQueue::If condition) {
  if (timer->flags & KMEM_TIMER_SHUT || !timer->function) return 0;
  if (condition == TimerQueue::If::Always) timer->expires = expires;
  timer->kmem_node.run = run_timer;
  return soft_timers().set(&timer->kmem_node, when_is(expires), condition);
}

int remove_and_wait(timer_list* timer) {
  const int was_set = soft_timers().remove(&timer->kmem_node);
  WARN(!soft_timers().wait_for(&timer->kmem_node), "timer %p is deleted by its own function, which would wait for itself",
       static_cast<void*>(timer));
  // The function may have set the timer again meanwhile.
  return soft_timers().remove(&timer->kmem_node) | was_set;
}

hrtimer* hrtimer_of(kmem_timer_node* node) { return container_of(node, hrtimer, kmem_node); }
TimerQueue& queue_of(const hrtimer* timer) { return timer->kmem_soft ? soft_timers() : hard_timers(); }

/// Converts from the timer's clock.
unsigned long long when_is(const hrtimer* timer) {
  s64 at = timer->kmem_expires;
  if (timer->kmem_clock == CLOCK_REALTIME) at -= ktime_get_real() - static_cast<s64>(clock_ns());
  return at > 0 ? static_cast<unsigned long long>(at) : 0;
}

void run_hrtimer(kmem_timer_node* node) {
  hrtimer* timer = hrtimer_of(node);
  if (timer->function(timer) != HRTIMER_RESTART) return;
  if (!hrtimer_is_queued(timer)) queue_of(timer).set(node, when_is(timer));
}

}  // namespace

extern "C" {

void kmem_driver_timer_setup(timer_list* timer, void (*function)(timer_list*), unsigned int flags) noexcept {
  *timer = {};
  timer->function = function;
  timer->flags = flags;
  soft_timers().begin();
}

int mod_timer(timer_list* timer, unsigned long expires) noexcept { return set(timer, expires, TimerQueue::If::Always); }
int mod_timer_pending(timer_list* timer, unsigned long expires) noexcept {
  const int was_set = set(timer, expires, TimerQueue::If::Set);
  if (was_set) timer->expires = expires;
  return was_set;
}
int timer_reduce(timer_list* timer, unsigned long expires) noexcept { return set(timer, expires, TimerQueue::If::Earlier); }

void add_timer(timer_list* timer) noexcept {
  if (WARN(timer_pending(timer), "add_timer: timer %p is set already", static_cast<void*>(timer))) return;
  mod_timer(timer, timer->expires);
}

int kmem_driver_timer_delete(timer_list* timer) noexcept { return soft_timers().remove(&timer->kmem_node); }

int timer_delete_sync_try(timer_list* timer) noexcept {
  return soft_timers().runs(&timer->kmem_node) ? -1 : timer_delete(timer);
}

int timer_delete_sync(timer_list* timer) noexcept {
  WARN(!(timer->flags & TIMER_IRQSAFE) && (static_cast<unsigned>(preempt_count()) & HARDIRQ_MASK),
       "timer_delete_sync() in an interrupt");
  return remove_and_wait(timer);
}

int timer_shutdown(timer_list* timer) noexcept {
  timer->flags |= KMEM_TIMER_SHUT;
  return timer_delete(timer);
}
int timer_shutdown_sync(timer_list* timer) noexcept {
  timer->flags |= KMEM_TIMER_SHUT;
  return remove_and_wait(timer);
}

void hrtimer_setup(hrtimer* timer, enum hrtimer_restart (*function)(hrtimer*), clockid_t clock, hrtimer_mode mode) noexcept {
  *timer = {};
  timer->function = function;
  timer->kmem_clock = clock;
  timer->kmem_soft = (mode & HRTIMER_MODE_SOFT) != 0;
  queue_of(timer).begin();
}

void hrtimer_start(hrtimer* timer, ktime_t at, hrtimer_mode mode) noexcept {
  timer->kmem_expires = mode & HRTIMER_MODE_REL ? ktime_add_safe(hrtimer_cb_get_time(timer), at) : at;
  hrtimer_restart_(timer);
}

void hrtimer_restart_(hrtimer* timer) noexcept {
  timer->kmem_node.run = run_hrtimer;
  queue_of(timer).set(&timer->kmem_node, when_is(timer));
}

int hrtimer_try_to_cancel(hrtimer* timer) noexcept {
  return hrtimer_callback_running(timer) ? -1 : queue_of(timer).remove(&timer->kmem_node);
}

int hrtimer_cancel(hrtimer* timer) noexcept {
  TimerQueue& queue = queue_of(timer);
  int was_set = queue.remove(&timer->kmem_node);
  WARN(!queue.wait_for(&timer->kmem_node), "hrtimer %p is cancelled by its own function", static_cast<void*>(timer));
  // A function that was still running may have restarted the timer, which is undone.
  return was_set | queue.remove(&timer->kmem_node);
}

u64 hrtimer_forward(hrtimer* timer, ktime_t now, ktime_t interval) noexcept {
  const s64 late = now - timer->kmem_expires;
  if (late < 0 || WARN_ON(hrtimer_is_queued(timer)) || interval <= 0) return 0;
  const u64 n = static_cast<u64>(late / interval) + 1;
  timer->kmem_expires += static_cast<s64>(n) * interval;
  return n;
}

bool hrtimer_callback_running(hrtimer* timer) noexcept { return queue_of(timer).runs(&timer->kmem_node); }
ktime_t hrtimer_cb_get_time(const hrtimer* timer) noexcept {
  return timer->kmem_clock == CLOCK_REALTIME ? ktime_get_real() : static_cast<ktime_t>(clock_ns());
}

int schedule_hrtimeout(ktime_t* at, hrtimer_mode mode) noexcept {
  if (!at) return schedule(), -EINTR;
  const ktime_t until = mode & HRTIMER_MODE_REL ? ktime_add_safe(static_cast<ktime_t>(clock_ns()), *at) : *at;
  sleep_until(static_cast<unsigned long long>(until));
  return static_cast<ktime_t>(clock_ns()) >= until ? 0 : -EINTR;
}

}  // extern "C"
