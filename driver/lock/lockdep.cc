// Lock checking: the actions when a lock is taken and released.

#include "lock/lockdep.h"

#include <kmem/driver.h>
#include <kmem/lock_watch.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "host/host.h"
#include "lock/classes.h"
#include "lock/reports.h"
#include "sync/quiet_lock.h"
#include "task/task.h"

namespace kmem_driver::lockdep {
namespace {

constinit QuietLock graph_lock;
bool is_on = true;
unsigned& off() { return host::own().lockdep_off; }

/// Locks taken by the checker itself are not checked, nor those of an interrupt on top of it.
class Inside {
 public:
  Inside() : first_(!off()++ && __atomic_load_n(&is_on, __ATOMIC_RELAXED) && !thread_has_ended()) {}
  ~Inside() { --off(); }
  Inside(const Inside&) = delete;
  explicit operator bool() const { return first_; }

 private:
  bool first_;
};

unsigned bit(unsigned usage) { return 1u << usage; }

unsigned usages_of(const kmem_held_lock& h) {
  const unsigned read = h.read != 0;
  unsigned usages = 0;
  if (h.in_hardirq) usages |= bit(kInHardirq + read);
  if (h.in_softirq) usages |= bit(kInSoftirq + read);
  if (!h.hardirqs_off && !h.in_hardirq) {
    usages |= bit(kOnHardirq + read);
    if (!h.softirqs_off && !h.in_softirq) usages |= bit(kOnSoftirq + read);
  }
  return usages;
}

/// The usages that conflict with a usage; readers do not conflict with readers in an interrupt.
unsigned conflicts_of(unsigned usage) {
  switch (usage) {
    case kInHardirq: return bit(kOnHardirq) | bit(kOnHardirqRead);
    case kInHardirqRead: return bit(kOnHardirq);
    case kInSoftirq: return bit(kOnSoftirq) | bit(kOnSoftirqRead);
    case kInSoftirqRead: return bit(kOnSoftirq);
    case kOnHardirq: return bit(kInHardirq) | bit(kInHardirqRead);
    case kOnHardirqRead: return bit(kInHardirq);
    case kOnSoftirq: return bit(kInSoftirq) | bit(kInSoftirqRead);
    default: return bit(kInSoftirq);
  }
}

/// A lock that an interrupt takes must not be held while one is taken that is also taken with interrupts on.
void check_inversion(unsigned from, unsigned to) {
  for (int kind = 0; kind < 2; ++kind) {
    const bool soft = kind == 1;
    const unsigned in = soft ? bit(kInSoftirq) | bit(kInSoftirqRead) : bit(kInHardirq) | bit(kInHardirqRead);
    const unsigned on = soft ? bit(kOnSoftirq) : bit(kOnHardirq);
    const unsigned safe = find_usage(from, in, Walk::Backwards);
    if (safe == kNoClass) continue;
    const unsigned unsafe = find_usage(to, on, Walk::Forwards);
    if (unsafe != kNoClass && safe != unsafe)
      return report_inversion(safe, unsafe, from, to, soft ? Interrupt::Soft : Interrupt::Hard);
  }
}

void mark(const kmem_held_lock& held, unsigned usage) {
  LockClass& c = graph().classes[held.lock_class];
  if (__atomic_load_n(&c.usage, __ATOMIC_RELAXED) & bit(usage)) return;
  Quietly hold(graph_lock);
  const unsigned conflict = c.usage & conflicts_of(usage);
  take_trace(c.first_use[usage]);
  __atomic_or_fetch(&c.usage, bit(usage), __ATOMIC_RELAXED);
  if (conflict) return report_usage(held, usage, static_cast<unsigned>(__builtin_ctz(conflict)));
  for (int e = c.edges_out; e >= 0; e = graph().edges[e].next_out)
    if (!graph().edges[e].wrong) check_inversion(held.lock_class, graph().edges[e].to);
  for (int e = c.edges_in; e >= 0; e = graph().edges[e].next_in)
    if (!graph().edges[e].wrong) check_inversion(graph().edges[e].from, held.lock_class);
}

void mark_all(const kmem_held_lock& held) {
  for (unsigned usages = usages_of(held); usages; usages &= usages - 1)
    mark(held, static_cast<unsigned>(__builtin_ctz(usages)));
}

/// For a lock taken while another one is held: is there a path in the opposite order?
void check_order(const kmem_held_lock& before, const kmem_held_lock& next) {
  if (before.lock_class == next.lock_class || find_edge(before.lock_class, next.lock_class) >= 0) return;
  Quietly hold(graph_lock);
  if (find_edge(before.lock_class, next.lock_class) >= 0) return;
  Path path;
  const bool circle = find_path(next.lock_class, before.lock_class, &path);
  const unsigned edge = add_edge(before.lock_class, next.lock_class, circle ? Order::Wrong : Order::Right);
  if (circle) return report_circle(before, next, path);
  if (edge != kMostEdges) check_inversion(before.lock_class, next.lock_class);
}

/// An interrupt on top of a task does not hold its locks.
unsigned first_held() { return host::own().held_below; }

/// The same class again: the task would wait for itself, or for another task that takes two locks of the class in the other
/// order.
bool check_recursion(const task_struct* task, const kmem_held_lock& next) {
  for (unsigned i = first_held(); i < task->kmem_nr_held; ++i) {
    const kmem_held_lock& h = task->kmem_held[i];
    if (h.lock_class != next.lock_class || next.nested || (h.read && next.read == 2)) continue;
    report_recursion(h, next);
    return false;
  }
  return true;
}

void check_against_held(const task_struct* task, const kmem_held_lock& next) {
  if (next.trylock || !check_recursion(task, next)) return;
  for (unsigned i = task->kmem_nr_held; i-- > first_held();) {
    check_order(task->kmem_held[i], next);
    if (!task->kmem_held[i].trylock) return;  // locks held before this one are already ordered before it
  }
}

/// The order of locks of one class may be left to a lock that all who take them hold.  Do they?
bool check_nest(const task_struct* task, const kmem_held_lock& next, const void* nest) {
  for (unsigned i = 0; i < task->kmem_nr_held; ++i)
    if (task->kmem_held[i].address == reinterpret_cast<unsigned long>(nest)) return true;
  report_nest_not_held(next, nest);
  return false;
}

kmem_held_lock describe(const void* lock, unsigned lock_class, const How& how, const void* caller) {
  const auto count = static_cast<unsigned>(preempt_count());
  kmem_held_lock h = {};
  h.address = reinterpret_cast<unsigned long>(lock);
  h.ip = reinterpret_cast<unsigned long>(caller);
  h.lock_class = lock_class;
  h.read = how.recursive_read ? 2 : how.read;
  h.trylock = how.trylock;
  h.hardirqs_off = irqs_disabled() != 0;
  h.softirqs_off = (count & SOFTIRQ_MASK) != 0;
  h.in_hardirq = (count & HARDIRQ_MASK) != 0;
  h.in_softirq = (count & SOFTIRQ_MASK & SOFTIRQ_OFFSET) != 0 && !h.in_hardirq;
  return h;
}

void push(task_struct* task, const kmem_held_lock& held) {
  if (task->kmem_nr_held < KMEM_MOST_HELD_LOCKS) {
    task->kmem_held[task->kmem_nr_held++] = held;
    return;
  }
  printk(KERN_ERR "BUG: MAX_LOCK_DEPTH too low!\n");
}

int index_of(const task_struct* task, const void* lock) {
  for (int i = static_cast<int>(task->kmem_nr_held) - 1; i >= 0; --i)
    if (task->kmem_held[i].address == reinterpret_cast<unsigned long>(lock)) return i;
  return -1;
}

void watched_acquire(const void* lock, const void* site, unsigned how, const void* caller) {
  const bool read = (how & KMEM_LOCK_READ) != 0;
  acquire(lock, site, {.read = read, .recursive_read = read, .trylock = (how & KMEM_LOCK_TRY) != 0}, caller);
}
void interrupts_on(const void*) {
  if (off() || !__atomic_load_n(&is_on, __ATOMIC_RELAXED) || thread_has_ended()) return;
  task_struct* task = known_task();
  if (!task || !task->kmem_nr_held) return;
  const Inside inside;
  if (!inside || (static_cast<unsigned>(preempt_count()) & HARDIRQ_MASK)) return;
  for (unsigned i = 0; i < task->kmem_nr_held; ++i) {
    kmem_held_lock& h = task->kmem_held[i];
    if (!h.hardirqs_off) continue;
    h.hardirqs_off = 0;
    if (h.lock_class != kNoClass) mark_all(h);
  }
}
const kmem_lock_watch watch = {watched_acquire, release, interrupts_on};

__attribute__((constructor)) void begin() {
  void* frame;
  host::trace(&frame, 1);  // loads its library now, not while a lock is held
  kmem_watch_locks(&watch);
}

}  // namespace

void acquire(const void* lock, const void* site, How how, const void* caller) {
  host::Own& own = host::own();
  const unsigned subclass = how.subclass ? how.subclass : own.next_subclass;
  const void* nest = own.next_nest;
  own.next_subclass = 0;
  own.next_nest = nullptr;
  const Inside inside;
  if (!inside) return;
  if (subclass >= kSubclasses) return report_subclass(subclass);
  task_struct* task = get_current();
  const unsigned lock_class = class_of(lock, site, subclass, how.sleeps);
  if (lock_class == kNoClass) return;
  kmem_held_lock held = describe(lock, lock_class, how, caller);
  held.nested = nest && check_nest(task, held, nest);
  if (!graph().classes[lock_class].unchecked && !how.unordered) {
    check_against_held(task, held);
    mark_all(held);
  }
  push(task, held);
}

void release(const void* lock, const void* caller) {
  const Inside inside;
  if (!inside) return;
  task_struct* task = get_current();
  const int at = index_of(task, lock);
  if (at < 0) return;  // taken before checking began, or not checked
  (void)caller;
  for (unsigned i = static_cast<unsigned>(at); i + 1 < task->kmem_nr_held; ++i) task->kmem_held[i] = task->kmem_held[i + 1];
  --task->kmem_nr_held;
}

bool is_held(const void* lock) { return off() || !is_on || index_of(get_current(), lock) >= 0; }

void check_none_held(const char* where) {
  task_struct* task = get_current();
  if (task->kmem_nr_held == first_held()) return;
  const Inside inside;
  report_held(task, where);
  task->kmem_nr_held = first_held();
}

unsigned begin_interrupt() {
  unsigned& below = host::own().held_below;
  const unsigned before = below;
  below = get_current()->kmem_nr_held;
  return before;
}
void end_interrupt(unsigned before) { host::own().held_below = before; }

}  // namespace kmem_driver::lockdep

using namespace kmem_driver;
using namespace kmem_driver::lockdep;

extern "C" {

void kmem_driver_lockdep(int on) noexcept { __atomic_store_n(&is_on, on != 0, __ATOMIC_RELAXED); }

int kmem_driver_lock_is_held(const void* lock) noexcept { return is_held(lock); }
unsigned kmem_driver_nr_locks_held() noexcept { return get_current()->kmem_nr_held; }
int kmem_driver_lock_is_written(const void* lock) noexcept {
  const task_struct* task = get_current();
  const int at = index_of(task, lock);
  return at < 0 ? -1 : !task->kmem_held[at].read;
}

void kmem_driver_might_lock(const void* lock, const void* site, int reads) noexcept {
  acquire(lock, site, {.read = reads != 0}, __builtin_return_address(0));
  release(lock, __builtin_return_address(0));
}

void lock_acquire(lockdep_map* map, unsigned subclass, int trylock, int read, int check, lockdep_map* nest,
                  unsigned long ip) noexcept {
  host::own().next_nest = nest;
  acquire(map, map->kmem_class,
          {.read = read != 0, .recursive_read = read == 2, .trylock = trylock != 0, .unordered = !check, .subclass = subclass},
          reinterpret_cast<const void*>(ip));
}
void lock_release(lockdep_map* map, unsigned long ip) noexcept { release(map, reinterpret_cast<const void*>(ip)); }
void lock_map_acquire(lockdep_map* map) noexcept { acquire(map, map->kmem_class, {}, __builtin_return_address(0)); }
void lock_map_acquire_read(lockdep_map* map) noexcept {
  acquire(map, map->kmem_class, {.read = true, .recursive_read = true}, __builtin_return_address(0));
}
void lock_map_release(lockdep_map* map) noexcept { release(map, __builtin_return_address(0)); }
void lockdep_off() noexcept { ++off(); }
void lockdep_on() noexcept { --off(); }

void kmem_driver_no_locks_freed(const void* from, size_t size) noexcept {
  const task_struct* task = get_current();
  const auto begin = reinterpret_cast<unsigned long>(from);
  for (unsigned i = 0; i < task->kmem_nr_held; ++i) {
    if (task->kmem_held[i].address - begin >= size) continue;
    const Inside inside;
    if (inside) report_freed(task, begin, size, i);
    return;
  }
}

void kmem_driver_lock_begins(const void* lock, size_t size, const char*) noexcept { kmem_driver_no_locks_freed(lock, size); }

void kmem_driver_spin_lock_init(spinlock_t* lock, const kmem_lock_site* site) noexcept {
  kmem_driver_no_locks_freed(lock, sizeof(*lock));
  *lock = {};
  lock->kmem_class = site;
}
void kmem_driver_rwlock_init(rwlock_t* lock, const kmem_lock_site* site) noexcept {
  kmem_driver_no_locks_freed(lock, sizeof(*lock));
  *lock = {};
  lock->kmem_class = site;
}
void kmem_driver_next_lock_is_nested(unsigned int subclass) noexcept { host::own().next_subclass = subclass; }
void kmem_driver_next_lock_is_nested_under(const void* nest) noexcept { host::own().next_nest = nest; }

}  // extern "C"
