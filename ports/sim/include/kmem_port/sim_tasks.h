#pragma once
// Tasks, interrupts, and the script that schedules them.
//
// A task runs on one simulated CPU until its script says otherwise.  Before every atomic operation of the core, before
// every instruction of a per-CPU sequence and around every call of the port lies a step; at each the script may switch
// to another task, deliver an interrupt to the task that runs, or migrate it.  Tasks on one CPU preempt each other;
// tasks on different CPUs run side by side, so switching between them does not restart a sequence.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/types.h"
#include "port/task.h"

namespace sim_port {

/// The position in a run.
struct Moment {
  uint64_t step = 0;  // counted over all tasks and interrupts
  unsigned task = 0;
  uint32_t cpu = 0;
  unsigned depth = 0;  // interrupts within interrupts; 0 is the task itself
};

struct Event {
  enum Kind : uint8_t { Nothing, Switch, Interrupt, Migrate } kind = Nothing;
  unsigned target = 0;  // the task to switch to, the number of the interrupt handler, the CPU to migrate to
};

using Script = std::function<Event(const Moment&)>;

/// A script without events.
Script undisturbed();
/// Each event at its step, counted from the start; steps ascend.
struct Planned {
  uint64_t step;
  Event event;
};
Script plan(std::vector<Planned> events);
/// At one of `odds` steps an event occurs, drawn from the seed: a switch, an interrupt, a migration.
struct Chances {
  unsigned odds = 8;
  unsigned nr_tasks = 1, nr_handlers = 0;
  uint32_t nr_cpus = 1;
  unsigned max_depth = 2;
};
Script random(uint64_t seed, const Chances& chances);

struct Outcome {
  uint64_t steps = 0;
  std::string failure;  // why the run was given up: no progress, a panic; empty when all tasks ended
  explicit operator bool() const { return failure.empty(); }
};

/// The tasks of one run.  When a task ends, the lowest-numbered task that has not ended continues.
class Tasks {
 public:
  Tasks();
  ~Tasks();
  /// Steps after which a run is aborted, because a task that busy-waits for one that does not run would never end.
  uint64_t step_limit = 1000000;

  /// `registered`: the task has restartable sequences.
  unsigned add(uint32_t cpu, std::function<void()> body, bool registered = true);
  /// Adds an interrupt handler; returns its number.
  unsigned add_handler(std::function<void()> body);
  Outcome run(const Script& script);

  struct Runner;  // the port's own

 private:
  std::unique_ptr<Runner> runner_;
};

/// For code outside of tasks, such as a test: sets its CPU, and whether it has sequences.
void stand_on(uint32_t cpu, bool registered = true);

// For the files of this port, and for tests that plant a sequence of their own ------------------------------------------------

/// A sequence in flight. Constructed for each attempt.
class Sequence {
 public:
  Sequence();
  /// Advances by one instruction. True: the sequence was disturbed, and must restart.
  [[nodiscard]] bool disturbed();
};

/// The CPU number that the kernel shows; -1 for a task without sequences.
int32_t shown_cpu();
/// The actual CPU.
uint32_t real_cpu();
/// The state of the current task, and whether an interrupt is on top of it.
kmem::TaskState& task_state();
bool in_interrupt();
/// Blocks interrupts of the task, or unblocks them and delivers the pending ones; returns whether they were blocked before.
bool interrupts_off(bool off);
/// The task sleeps, and the lowest-numbered runnable task continues. If none is runnable, the clock moves to the next deadline;
/// if there is none, or if an interrupt would sleep, the run is aborted. Outside of a run only the clock moves.
void wait_on(const uint32_t* word, uint64_t deadline_ns);
/// Wakes up to `most` tasks, those that have slept longest first.
void wake_on(const uint32_t* word, uint32_t most);
/// Every sequence in flight on another CPU restarts.
void fence_others();
/// Aborts the run and does not return; outside of a run it aborts the program.
[[noreturn]] void give_up(const char* why);

}  // namespace sim_port
