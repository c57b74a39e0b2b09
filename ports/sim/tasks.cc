#include "kmem_port/sim_tasks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"
#include "fiber.h"
#include "kmem_port/sim_host.h"
#include "port/port.h"

namespace sim_port {
namespace {

/// The simulated kernel's state of a thread.
struct Thread {
  uint32_t cpu = 0;
  bool registered = true;
  bool restart = false;  // its sequence was disturbed
  unsigned depth = 0;
  bool irqs_off = false;
  std::vector<unsigned> pending;  // interrupts that arrived while blocked
  kmem::TaskState state;
};

struct Task : Thread {
  std::function<void()> body;
  std::unique_ptr<Fiber> fiber;
  bool done = false;
  const uint32_t* waits_for = nullptr;  // asleep
  uint64_t deadline = 0, asleep_since = 0;
  bool can_run() const { return !done && !waits_for; }
};

Thread outside;  // for code outside of tasks
Thread* current = &outside;

/// Stacks are kept from run to run.
std::vector<std::unique_ptr<Fiber>>& spare_fibers() {
  static std::vector<std::unique_ptr<Fiber>> spare;
  return spare;
}

}  // namespace

struct Tasks::Runner {
  std::vector<std::unique_ptr<Task>> tasks;
  std::vector<std::function<void()>> handlers;
  std::vector<Task*> on_cpu;  // the task that runs there; other tasks of that CPU are preempted
  const Script* script = nullptr;
  uint64_t steps = 0, limit = 0;
  std::string failure;
  unsigned now = 0;  // index of the task that runs

  static Runner* active;
  static Fiber& driver() {
    static Fiber fiber;
    return fiber;
  }
  static void entry();

  Task& running() { return *tasks[now]; }
  void step();
  void happen(const Event& event);
  void occupy(Task& task);
  void go_on_with(unsigned index);
  void resume_from_driver(unsigned index);
  void interrupt(unsigned handler);
  void migrate(uint32_t cpu);
  bool next(unsigned& index);
  bool end_a_wait();
  void sleep();
};

Tasks::Runner* Tasks::Runner::active = nullptr;

// A fiber serves one task after another.
void Tasks::Runner::entry() {
  Fiber::entered();
  for (;;) {
    Task& task = active->running();
    task.body();
    task.done = true;
    Fiber::go(*task.fiber, driver());
  }
}

void Tasks::Runner::step() {
  const Moment moment{steps++, now, current->cpu, current->depth};
  if (steps > limit) give_up("no progress: the step limit was reached");
  const Event event = (*script)(moment);
  if (event.kind != Event::Nothing) happen(event);
}

void Tasks::Runner::happen(const Event& event) {
  switch (event.kind) {
    case Event::Switch:
      if (event.target < tasks.size() && event.target != now && tasks[event.target]->can_run()) go_on_with(event.target);
      break;
    case Event::Interrupt:
      if (event.target >= handlers.size()) break;
      if (current->irqs_off) current->pending.push_back(event.target);
      else interrupt(event.target);
      break;
    case Event::Migrate: migrate(event.target); break;
    case Event::Nothing: break;
  }
}

/// Gives the task its CPU. The task that had it is preempted; the task itself was preempted if another one ran there meanwhile.
void Tasks::Runner::occupy(Task& task) {
  if (on_cpu.size() <= task.cpu) on_cpu.resize(task.cpu + 1);
  Task*& there = on_cpu[task.cpu];
  if (there == &task) return;
  if (there) there->restart = true;
  task.restart = true;
  there = &task;
}

void Tasks::Runner::go_on_with(unsigned index) {
  Task& from = running();
  now = index;
  occupy(running());
  current = &running();
  Fiber::go(*from.fiber, *running().fiber);
}

void Tasks::Runner::resume_from_driver(unsigned index) {
  now = index;
  occupy(running());
  current = &running();
  Fiber::go(driver(), *running().fiber);
  current = &outside;
}

void Tasks::Runner::interrupt(unsigned handler) {
  Thread& thread = *current;
  ++thread.depth;
  handlers[handler]();
  --thread.depth;
  thread.restart = true;
}

void Tasks::Runner::migrate(uint32_t cpu) {
  Task& task = running();
  if (task.cpu == cpu) return;
  on_cpu[task.cpu] = nullptr;
  task.cpu = cpu;
  occupy(task);
}

/// The lowest-numbered runnable task; false if all have ended or sleep for ever.
bool Tasks::Runner::next(unsigned& index) {
  do {
    for (index = 0; index < tasks.size(); ++index)
      if (tasks[index]->can_run()) return true;
  } while (end_a_wait());
  return false;
}

/// No task is runnable: moves the clock to the first deadline, and wakes the tasks that wait for it.
bool Tasks::Runner::end_a_wait() {
  Task* first = nullptr;
  bool asleep = false;
  for (auto& task : tasks) {
    if (task->done) continue;
    asleep = true;
    if (task->deadline != kmem::kForever && (!first || task->deadline < first->deadline)) first = task.get();
  }
  if (!first) {
    if (asleep) failure = "deadlock: every task waits";
    return false;
  }
  if (host().now_ns < first->deadline) host().now_ns = first->deadline;
  first->waits_for = nullptr;
  return true;
}

void Tasks::Runner::sleep() {
  Task& task = running();
  unsigned index;
  while (task.waits_for) {
    if (!next(index)) Fiber::go(*task.fiber, driver());  // the run has failed; no return
    if (index != now) go_on_with(index);
  }
}

// Tasks -----------------------------------------------------------------------------------------------------------------------

Tasks::Tasks() : runner_(new Runner) {}
Tasks::~Tasks() {
  // The fiber of an aborted task is in the middle of its body and cannot be reused.
  for (auto& task : runner_->tasks)
    if (task->done) spare_fibers().push_back(std::move(task->fiber));
}

unsigned Tasks::add(uint32_t cpu, std::function<void()> body, bool registered) {
  auto task = std::make_unique<Task>();
  task->cpu = cpu;
  task->registered = registered;
  task->body = std::move(body);
  if (spare_fibers().empty()) {
    task->fiber = std::make_unique<Fiber>(&Runner::entry);
  } else {
    task->fiber = std::move(spare_fibers().back());
    spare_fibers().pop_back();
  }
  runner_->tasks.push_back(std::move(task));
  return static_cast<unsigned>(runner_->tasks.size() - 1);
}

unsigned Tasks::add_handler(std::function<void()> body) {
  runner_->handlers.push_back(std::move(body));
  return static_cast<unsigned>(runner_->handlers.size() - 1);
}

Outcome Tasks::run(const Script& script) {
  Runner& r = *runner_;
  r.script = &script;
  r.limit = step_limit;
  Runner::active = &r;
  for (unsigned index; r.failure.empty() && r.next(index);) r.resume_from_driver(index);
  Runner::active = nullptr;
  return {r.steps, r.failure};
}

// Scripts ---------------------------------------------------------------------------------------------------------------------

Script undisturbed() {
  return [](const Moment&) { return Event{}; };
}

Script plan(std::vector<Planned> events) {
  return [events = std::move(events), next = size_t{0}](const Moment& m) mutable {
    if (next == events.size() || m.step < events[next].step) return Event{};
    return events[next++].event;
  };
}

Script random(uint64_t seed, const Chances& chances) {
  return [state = seed * 2 + 1, chances](const Moment& m) mutable -> Event {
    // xorshift64* (Marsaglia 2003, Vigna 2016).
    const auto draw = [&state](unsigned n) {
      state ^= state >> 12;
      state ^= state << 25;
      state ^= state >> 27;
      return static_cast<unsigned>((state * 0x2545f4914f6cdd1du) >> 33) % n;
    };
    if (draw(chances.odds)) return {};
    switch (draw(4)) {
      case 0: return {Event::Migrate, draw(chances.nr_cpus)};
      case 1:
        if (chances.nr_handlers && m.depth < chances.max_depth) return {Event::Interrupt, draw(chances.nr_handlers)};
        [[fallthrough]];
      default: return {Event::Switch, draw(chances.nr_tasks)};
    }
  };
}

// The current task --------------------------------------------------------------------------------------------------------

void stand_on(uint32_t cpu, bool registered) {
  outside.cpu = cpu;
  outside.registered = registered;
  outside.restart = false;
  outside.depth = 0;
  outside.irqs_off = false;
  outside.pending.clear();
  memset(static_cast<void*>(&outside.state), 0, sizeof outside.state);
}

Sequence::Sequence() {
  kmem_sim_step();
  current->restart = false;
}
bool Sequence::disturbed() {
  kmem_sim_step();
  return current->restart;
}

kmem::TaskState& task_state() { return current->state; }
bool in_interrupt() { return current->depth != 0; }
bool interrupts_off(bool off) {
  Thread& thread = *current;
  const bool before = thread.irqs_off;
  thread.irqs_off = off;
  while (!thread.irqs_off && !thread.pending.empty()) {
    const unsigned handler = thread.pending.front();
    thread.pending.erase(thread.pending.begin());
    Tasks::Runner::active->interrupt(handler);
  }
  return before;
}

void wait_on(const uint32_t* word, uint64_t deadline_ns) {
  Tasks::Runner* runner = Tasks::Runner::active;
  if (current->depth) give_up("an interrupt waits");
  if (!runner) {
    if (deadline_ns == kmem::kForever) give_up("a wait that nobody ends");
    if (host().now_ns < deadline_ns) host().now_ns = deadline_ns;
    return;
  }
  if (deadline_ns <= host().now_ns) return;
  Task& task = runner->running();
  task.asleep_since = runner->steps;
  task.deadline = deadline_ns;
  task.waits_for = word;
  runner->sleep();
}

void wake_on(const uint32_t* word, uint32_t most) {
  for (Tasks::Runner* runner = Tasks::Runner::active; runner && most; --most) {
    Task* longest = nullptr;
    for (auto& task : runner->tasks)
      if (!task->done && task->waits_for == word && (!longest || task->asleep_since < longest->asleep_since))
        longest = task.get();
    if (!longest) return;
    longest->waits_for = nullptr;
  }
}

int32_t shown_cpu() { return current->registered ? static_cast<int32_t>(current->cpu) : -1; }
uint32_t real_cpu() { return current->cpu; }

void fence_others() {
  if (!Tasks::Runner::active) return;
  for (Task* task : Tasks::Runner::active->on_cpu)
    if (task && task != current) task->restart = true;
}

void give_up(const char* why) {
  Tasks::Runner* runner = Tasks::Runner::active;
  if (!runner) {
    fprintf(stderr, "sim port: %s\n", why);
    abort();
  }
  Task& task = runner->running();
  char text[160];
  snprintf(text, sizeof text, "%s (task %u on CPU %u, step %llu)", why, runner->now, task.cpu,
           static_cast<unsigned long long>(runner->steps));
  runner->failure = text;
  Fiber::go(*task.fiber, Tasks::Runner::driver());
  abort();  // an aborted run does not continue
}

}  // namespace sim_port

extern "C" void kmem_sim_step() {
  if (sim_port::Tasks::Runner::active) sim_port::Tasks::Runner::active->step();
}
