// jiffies, ktime, delays.

#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>

#include "host/host.h"
#include "task/task.h"
#include "time/clock.h"
#include "time/timer_queue.h"

namespace kmem_driver {
namespace {

constexpr unsigned long long kTick = TICK_NSEC;

/// The clock's value at the first call.
unsigned long long begin_ns() {
  static unsigned long long begin = 0;
  unsigned long long known = __atomic_load_n(&begin, __ATOMIC_ACQUIRE);
  if (known) return known;
  const unsigned long long now = clock_ns();
  return __atomic_compare_exchange_n(&begin, &known, now, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) ? now : known;
}
const unsigned long long at_start = begin_ns();

unsigned long round_to_second(unsigned long ticks, bool up) {
  const unsigned long rest = ticks % HZ;
  const unsigned long rounded = rest < HZ / 4 && !up ? ticks - rest : ticks - rest + (rest ? HZ : 0);
  return time_is_after_jiffies(rounded) ? rounded : ticks;
}

void sleep_at_least(unsigned long long ns, unsigned state) {
  const unsigned long long until = clock_ns() + ns;
  do {
    __set_current_state(state);
  } while (sleep_until(until) && clock_ns() < until);
}

}  // namespace

unsigned long long clock_begin_ns() { return begin_ns(); }

}  // namespace kmem_driver

using namespace kmem_driver;

extern "C" {

unsigned long kmem_driver_jiffies() noexcept {
  const unsigned long long begin = begin_ns();
  return INITIAL_JIFFIES + static_cast<unsigned long>((clock_ns_asked() - begin) / kTick);
}

unsigned long round_jiffies(unsigned long ticks) noexcept { return round_to_second(ticks, false); }
unsigned long round_jiffies_up(unsigned long ticks) noexcept { return round_to_second(ticks, true); }
unsigned long round_jiffies_relative(unsigned long ticks) noexcept {
  const unsigned long now = jiffies;
  return round_to_second(now + ticks, false) - now;
}

ktime_t ktime_get() noexcept { return static_cast<ktime_t>(clock_ns_asked()); }

ktime_t ktime_get_real() noexcept {
  const auto offset = static_cast<ktime_t>(host::calendar_ns() - host::now_ns());
  return static_cast<ktime_t>(clock_ns_asked()) + offset;
}

void msleep(unsigned int ms) noexcept {
  kmem_might_sleep(__FILE__, __LINE__);
  sleep_at_least(ms * 1'000'000ull, TASK_UNINTERRUPTIBLE);
}

unsigned long msleep_interruptible(unsigned int ms) noexcept {
  kmem_might_sleep(__FILE__, __LINE__);
  const unsigned long long until = clock_ns() + ms * 1'000'000ull;
  while (clock_ns() < until && !signal_pending(get_current())) {
    __set_current_state(TASK_INTERRUPTIBLE);
    sleep_until(until);
  }
  const unsigned long long now = clock_ns();
  return now >= until ? 0 : static_cast<unsigned long>((until - now + 999'999) / 1'000'000);
}

void usleep_range_state(unsigned long least, unsigned long, unsigned int state) noexcept {
  kmem_might_sleep(__FILE__, __LINE__);
  sleep_at_least(least * 1'000ull, state);
}

void ndelay(unsigned long ns) noexcept {
  if (time_is_virtual()) return clock_spend(ns);
  const unsigned long long until = clock_ns() + ns;
  while (clock_ns() < until) __asm__ volatile("" ::: "memory");
}

}  // extern "C"
