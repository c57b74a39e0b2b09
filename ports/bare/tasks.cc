// A small scheduler: one queue for all CPUs, tasks preempted at the timer's interrupt, sleeping on a word.

#include "bare.h"
#include "base/bits.h"
#include "base/memory.h"
#include "port/port.h"
#include "port/task.h"

extern "C" {
void bare_switch(uint64_t* save, uint64_t restore);
void bare_begin_task();
void bare_task_main(void (*body)(void*), void* argument);
}

namespace bare {

struct Task {
  uint64_t stack_pointer = 0;
  kmem::TaskState state;
  uint32_t id = 0;
  const char* name = "";
  Task* next = nullptr;
  char* stack = nullptr;  // with an unmapped page below it, to catch overflows
  uint64_t stack_bytes = 0;
  const uint32_t* waits_on = nullptr;
  uint64_t deadline = 0;
  bool is_idle = false, ended = false;
  bool steps_off = false;  // it must not do steps on its CPU's copies of variables
  uint32_t pinned = 0;     // the CPU that it stays on, plus 1
};

Cpu cpus[kMostCpus];
uint32_t nr_cpus_up = 0;

namespace {

Task tasks[kMostTasks];
bool task_used[kMostTasks];
SpinLock run_lock;  // the queues and the current tasks; held across a switch
bool scheduling = false;
bool no_steps = false;

struct Queue {
  Task *first = nullptr, *last = nullptr;
  void push(Task* task) {
    task->next = nullptr;
    (last ? last->next : first) = task;
    last = task;
  }
  /// The first task that may run on the CPU.
  Task* pop(uint32_t cpu) {
    Task* task = first;
    while (task && task->pinned && task->pinned != cpu + 1) task = task->next;
    if (task) remove(task);
    return task;
  }
  void remove(Task* task) {
    Task* before = nullptr;
    for (Task* at = first; at; before = at, at = at->next) {
      if (at != task) continue;
      (before ? before->next : first) = at->next;
      if (last == at) last = before;
      return;
    }
  }
};
Queue ready, waiting;

/// An ended task, whose stack may be reused once another task runs.
Task* to_bury[kMostCpus];

Task* current() { return current_task(); }

Task* new_task(const char* name) {
  for (uint32_t i = 1; i < kMostTasks; ++i) {
    if (task_used[i]) continue;
    char* const stack = tasks[i].stack;
    const uint64_t bytes = tasks[i].stack_bytes;
    memset(static_cast<void*>(&tasks[i]), 0, sizeof tasks[i]);
    tasks[i].stack = stack;
    tasks[i].stack_bytes = bytes;
    task_used[i] = true;
    tasks[i].id = i;
    tasks[i].name = name;
    return &tasks[i];
  }
  return nullptr;
}

/// A stack stays with its table entry: the next task there reuses it, if it is large enough.
bool give_stack(Task& task, uint64_t bytes) {
  if (task.stack_bytes >= bytes) return true;
  auto* at = static_cast<char*>(kmem_port_window_reserve(bytes + kPageSize, kPageSize));
  if (!at) return false;
  for (uint64_t off = kPageSize; off <= bytes; off += kPageSize) {
    const uint64_t frame = pool.take();
    if (!frame || !map_range(reinterpret_cast<uint64_t>(at) + off, frame, kPageSize, {})) return false;
  }
  task.stack = at;
  task.stack_bytes = bytes;
  return true;
}

void wake_task(Task* task) {
  waiting.remove(task);
  task->waits_on = nullptr;
  task->deadline = 0;
  ready.push(task);
}

/// With run_lock held, and interrupts off. The lock stays held across the switch: the next task releases it.
void switch_away(bool still_ready) {
  Cpu& cpu = this_cpu();
  Task* const before = cpu.current;
  Task* next = ready.pop(cpu.id);
  const bool is_here = !before->pinned || before->pinned == cpu.id + 1;
  if (!next) {
    if (still_ready && is_here) return;
    next = cpu.idle;
  }
  if (still_ready && !before->is_idle) ready.push(before);
  cpu.must_schedule = false;
  if (next == before) return;
  set_current_task(cpu, next);
  cpu.percpu = next->steps_off || no_steps ? -1 : static_cast<int32_t>(cpu.id);
  bare_switch(&before->stack_pointer, next->stack_pointer);
}

void bury() {
  Task*& dead = to_bury[this_cpu_id()];
  if (!dead) return;
  task_used[dead->id] = false;
  dead = nullptr;
}

}  // namespace

void start_scheduler() { scheduling = true; }

/// The boot stack becomes the idle task's.
void run_cpu() {
  Cpu& cpu = this_cpu();
  if (!cpu.idle) {
    const uint64_t flags = run_lock.lock();
    cpu.idle = new_task("idle");
    cpu.idle->is_idle = true;
    set_current_task(cpu, cpu.idle);
    run_lock.unlock(flags);
  }
  for (;;) {
    const uint64_t flags = run_lock.lock();
    switch_away(false);
    bury();
    run_lock.unlock(flags);
    wait_for_interrupt();
  }
}

void schedule() {
  if (!scheduling) return;
  const uint64_t flags = run_lock.lock();
  switch_away(true);
  bury();
  run_lock.unlock(flags);
}

Task* spawn(const char* name, void (*body)(void*), void* argument, uint64_t stack_bytes) {
  uint64_t flags = run_lock.lock();
  Task* task = new_task(name);
  run_lock.unlock(flags);
  if (!task || !give_stack(*task, stack_bytes)) return nullptr;
  task->stack_pointer = prepare_stack(task->stack + kPageSize + task->stack_bytes, body, argument);
  flags = run_lock.lock();
  ready.push(task);
  run_lock.unlock(flags);
  return task;
}

void (*on_task_end)() = nullptr;

void exit_task() {
  if (on_task_end) on_task_end();
  (void)run_lock.lock();
  Task* task = current();
  to_bury[this_cpu_id()] = task;
  task->ended = true;
  switch_away(false);
  panic("a task that ended goes on");
}

// Preempts the task, unless it holds a spin lock of the kernel or has disabled preemption.
void tick() {
  Cpu& cpu = this_cpu();
  ++cpu.nr_ticks;
  if (!scheduling || !cpu.current) return;
  {
    const Locked locked(run_lock);
    const uint64_t now = waiting.first ? now_ns() : 0;
    for (Task* task = waiting.first; task;) {
      Task* const after = task->next;
      if (task->deadline && task->deadline <= now) wake_task(task);
      task = after;
    }
    cpu.must_schedule = ready.first != nullptr;
  }
}

void set_percpu_steps(bool on) {
  const uint64_t flags = irq_save();
  Cpu& cpu = this_cpu();
  if (cpu.current) cpu.current->steps_off = !on;
  cpu.percpu = on && !no_steps ? static_cast<int32_t>(cpu.id) : -1;
  irq_restore(flags);
}
void forbid_percpu_steps() {
  no_steps = true;
  set_percpu_steps(false);
}

void pin_task(int cpu) {
  current()->pinned = cpu < 0 ? 0 : static_cast<uint32_t>(cpu) + 1;
  schedule();
}

void pin_other(uint32_t id, uint32_t cpu) {
  const Locked locked(run_lock);
  tasks[id].pinned = cpu + 1;
}

Range task_stack() {
  const Task* task = current();
  if (!task || !task->stack) return {};
  const uint64_t start = reinterpret_cast<uint64_t>(task->stack) + kPageSize;
  return {start, start + task->stack_bytes, 0};
}

uint32_t task_id() { return current() ? current()->id : 1; }
const char* task_name() { return current() ? current()->name : "boot"; }

void sleep_until(uint64_t ns) {
  static const uint32_t nobody = 0;
  while (now_ns() < ns) kmem_port_wait(&nobody, 0, ns);
}

}  // namespace bare

using namespace bare;

extern "C" {

void bare_task_main(void (*body)(void*), void* argument) {
  bury();
  run_lock.unlock(kInterruptsOn);
  body(argument);
  exit_task();
}

kmem::TaskState* kmem_port_task() {
  static kmem::TaskState at_boot;
  Task* task = current();
  return task ? &task->state : &at_boot;
}

void kmem_port_wait(const uint32_t* word, uint32_t expected, uint64_t deadline_ns) {
  if (!scheduling || kmem_port_in_interrupt()) return relax();
  const uint64_t flags = run_lock.lock();
  Task* task = current();
  if (!task->is_idle && __atomic_load_n(word, __ATOMIC_SEQ_CST) == expected && now_ns() < deadline_ns) {
    task->waits_on = word;
    task->deadline = deadline_ns == kmem::kForever ? 0 : deadline_ns;
    waiting.push(task);
    switch_away(false);
    bury();
  }
  run_lock.unlock(flags);
}

void kmem_port_wake(const uint32_t* word, uint32_t most) {
  const Locked locked(run_lock);
  for (Task* task = waiting.first; task && most;) {
    Task* const after = task->next;
    if (task->waits_on == word) wake_task(task), --most;
    task = after;
  }
}

bool kmem_port_spawn(void (*body)(void*), void* argument) { return spawn("kmem", body, argument) != nullptr; }
void kmem_port_yield() { schedule(); }
uint32_t kmem_port_task_id() { return task_id(); }
size_t kmem_port_task_name(char* out, size_t bytes) {
  const char* name = task_name();
  size_t n = 0;
  for (; name[n] && n + 1 < bytes; ++n) out[n] = name[n];
  if (bytes) out[n] = 0;
  return n;
}
/// Of the task: a task that looks at its CPU's depth may be moved between the two loads, and read another CPU's.
bool kmem_port_in_interrupt() { return kmem_port_task()->preempt_count.peek() & kHardirqMask; }
uint64_t kmem_port_irq_save() { return irq_save(); }
void kmem_port_irq_restore(uint64_t flags) { irq_restore(flags); }
bool kmem_port_cpus(kmem::HostCpus, uint64_t* mask, unsigned words) {
  memset(mask, 0, words * sizeof *mask);
  for (uint32_t cpu = 0; cpu < firmware.nr_cpus && cpu < words * 64; ++cpu)
    if (cpus[cpu].up) mask[cpu / 64] |= uint64_t{1} << cpu % 64;
  return true;
}
bool kmem_port_fence_cpus(kmem::Fence fence) {
  if (fence != kmem::Fence::Later) pass_by_all();
  return true;
}
uint64_t kmem_port_now_ns() { return now_ns(); }
uint64_t kmem_port_entropy() { return now_ns() * 0x9e3779b97f4a7c15u ^ 0x6b6d656d; }
}
