// What a driver's surroundings ask of their host (driver/host/host.h), on a bare machine: tasks, sleep, time.

#include "bare.h"
#include "host/host.h"
#include "port/port.h"

#include <errno.h>
#include <kmem/driver.h>

namespace kmem_driver::host {
namespace {

/// Of a task, by its number.
struct Entry {
  Own own;
  void (*ends)(task_struct*);
  task_struct* task;  // for ends()
};
Entry entries[bare::kMostTasks];

Entry& mine() { return entries[bare::task_id()]; }

void task_ends() {
  Entry& e = mine();
  if (e.ends && e.task) e.ends(e.task);
  e = {};
}

struct Started {
  void (*begin)(const Start&);
  Start start;
};
/// Of threads that have not begun yet.
Started starts[bare::kMostTasks];
bare::SpinLock starts_lock;

Started* put_aside(void (*begin)(const Start&), const Start& start) {
  const bare::Locked locked(starts_lock);
  for (Started& s : starts) {
    if (s.begin) continue;
    s = {begin, start};
    return &s;
  }
  return nullptr;
}
Started take(Started& from) {
  const bare::Locked locked(starts_lock);
  const Started taken = from;
  from.begin = nullptr;
  return taken;
}

void run(void* argument) {
  const Started started = take(*static_cast<Started*>(argument));
  started.begin(started.start);
}

constexpr unsigned long long kTick = 1'000'000;

}  // namespace

Own& own() { return mine().own; }

int start_thread(const char* name, void (*begin)(const Start&), const Start& start) {
  Started* started = put_aside(begin, start);
  if (!started) return -ENOMEM;
  if (bare::spawn(name, run, started)) return 0;
  take(*started);
  return -ENOMEM;
}

void end_thread() {
  bare::exit_task();
  __builtin_unreachable();
}

void end_all() { bare::end_machine(bare::kFatal); }

void at_end(void (*ends)(task_struct*), task_struct* task) {
  mine().ends = ends;
  mine().task = task;
  bare::on_task_end = task_ends;
}

int thread_number() { return static_cast<int>(bare::task_id()); }
int process_number() { return 1; }
void thread_name(char* name, size_t bytes) { kmem_port_task_name(name, bytes); }
void give_way() { kmem_port_yield(); }
void bind(int thread, unsigned cpu) { bare::pin_other(static_cast<uint32_t>(thread), cpu); }
// The scheduler has one queue, and no priorities.
void set_nice(int, int) {}
void set_fifo(int, int) {}
/// There are no programs: the number is a task's.
void send_signal(int process, int signal) { kmem_driver_signal(process, signal); }
User user() { return {}; }

Woken wait(unsigned* word, unsigned value, unsigned long long deadline) {
  if (now_ns() >= deadline) return Woken::TooLate;
  kmem_port_wait(word, value, deadline == kNever ? kmem::kForever : deadline);
  return now_ns() >= deadline && __atomic_load_n(word, __ATOMIC_SEQ_CST) == value ? Woken::TooLate : Woken::Yes;
}
void wake(unsigned* word, int most) { kmem_port_wake(word, static_cast<uint32_t>(most)); }

unsigned long long now_ns() { return bare::now_ns(); }
unsigned long long calendar_ns() { return bare::now_ns(); }
void nap() { bare::sleep_until(bare::now_ns() + kTick); }

/// The port's own frames, which no failure point refuses.
void* pages(size_t bytes) { return kmem_port_map(bytes, kmem::kPageSize); }

}  // namespace kmem_driver::host
