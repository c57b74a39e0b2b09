// The clock: the host's, or a virtual one that advances from deadline to deadline.

#include <kmem/driver.h>

#include "host/host.h"
#include "task/task.h"
#include "time/clock.h"

namespace kmem_driver {
namespace {

constexpr unsigned long long kAsked = 1'000;

struct Clock {
  QuietLock lock;
  bool is_virtual = false;
  unsigned long long now = 0;       // virtual
  unsigned long long earliest = 0;  // no deadline is earlier
  unsigned long changes = 0;        // counts tasks falling asleep and being woken
};
constinit Clock clock_;

template <typename T>
T load(const T& value) {
  return __atomic_load_n(&value, __ATOMIC_SEQ_CST);
}

bool sleeps(const task_struct* t) {
  return load(t->kmem_parked) && (load(t->__state) != TASK_RUNNING || load(t->kmem_parked) == 2);
}

/// The next deadline; 0 while any task runs.
unsigned long long next_deadline(const task_struct* but = nullptr) {
  Quietly hold(tasks().lock);
  unsigned long long next = kNever;
  for (const task_struct* t = tasks().first; t; t = t->kmem_next) {
    if (t == but) continue;
    if (!sleeps(t)) return 0;
    if (load(t->kmem_parked) == 1 && load(t->kmem_deadline) < next) next = load(t->kmem_deadline);
  }
  return next;
}

/// Wakes tasks whose deadline has passed.
void wake_due() {
  task_struct* due[64];
  unsigned nr;
  do {
    nr = 0;
    {
      Quietly hold(tasks().lock);
      for (task_struct* t = tasks().first; t && nr < 64; t = t->kmem_next)
        if (load(t->kmem_parked) == 1 && load(t->__state) != TASK_RUNNING && load(t->kmem_deadline) <= load(clock_.now) &&
            !__atomic_exchange_n(&t->kmem_timed_out, 1, __ATOMIC_SEQ_CST))
          due[nr++] = t;
    }
    for (unsigned i = 0; i < nr; ++i) wake(due[i], ~0u);
  } while (nr == 64);
}

void set_now(unsigned long long now) {
  if (now > load(clock_.now)) __atomic_store_n(&clock_.now, now, __ATOMIC_SEQ_CST);
  wake_due();
}

}  // namespace

bool time_is_virtual() { return load(clock_.is_virtual); }
unsigned long long clock_ns() { return time_is_virtual() ? load(clock_.now) : host::now_ns(); }

unsigned long long clock_ns_asked() {
  if (!time_is_virtual()) return host::now_ns();
  clock_spend(kAsked);
  return load(clock_.now);
}

void clock_spend(unsigned long long ns) {
  if (!time_is_virtual()) return;
  const unsigned long long now = __atomic_add_fetch(&clock_.now, ns, __ATOMIC_SEQ_CST);
  if (now < load(clock_.earliest)) return;
  wake_due();
  Quietly hold(tasks().lock);
  unsigned long long next = kNever;
  for (const task_struct* t = tasks().first; t; t = t->kmem_next)
    if (load(t->kmem_parked) == 1 && load(t->kmem_deadline) > now && load(t->kmem_deadline) < next)
      next = load(t->kmem_deadline);
  __atomic_store_n(&clock_.earliest, next, __ATOMIC_SEQ_CST);
}

void clock_look() {
  if (!time_is_virtual()) return;
  __atomic_add_fetch(&clock_.changes, 1, __ATOMIC_SEQ_CST);
  __atomic_store_n(&clock_.earliest, 0, __ATOMIC_SEQ_CST);
  for (;;) {
    const unsigned long before = load(clock_.changes);
    const unsigned long long next = next_deadline();
    if (!next || next == kNever) return;
    Quietly hold(clock_.lock);
    if (before != load(clock_.changes)) continue;
    __atomic_add_fetch(&clock_.changes, 1, __ATOMIC_SEQ_CST);
    return set_now(next);
  }
}

}  // namespace kmem_driver

using namespace kmem_driver;

extern "C" {

void kmem_driver_virtual_time(int on) noexcept {
  get_current();  // makes the caller a task, so that time does not advance while it runs
  if (on) __atomic_store_n(&clock_.now, host::now_ns(), __ATOMIC_SEQ_CST);
  __atomic_store_n(&clock_.is_virtual, on != 0, __ATOMIC_SEQ_CST);
  // Wakes tasks that sleep with a deadline of the other clock, to check again.
  for (task_struct* t = tasks().first; t; t = t->kmem_next) wake(t, ~0u);
}

void kmem_driver_advance(unsigned long long ns) noexcept {
  const task_struct* me = get_current();
  const unsigned long long until = clock_ns() + ns;
  for (;;) {
    unsigned long long next;
    while (!(next = next_deadline(me))) host::nap();  // waits while other tasks run
    Quietly hold(clock_.lock);
    if (next > until) return set_now(until);
    set_now(next);
  }
}

void kmem_driver_outside(int outside) noexcept {
  __atomic_store_n(&get_current()->kmem_parked, outside ? 2u : 0u, __ATOMIC_SEQ_CST);
  clock_look();
}

unsigned long long kmem_driver_now_ns() noexcept { return clock_ns(); }

}  // extern "C"
