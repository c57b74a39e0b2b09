#pragma once
// The copies of per-CPU variables, and the tasks that own one for a while.
//
// There is a copy for each CPU and a few substitutes. A task that runs on a CPU uses that CPU's copy, one restartable
// step at a time (port/cpu_local.h), unless another task owns it: between get_cpu() and put_cpu() a task owns the copy,
// also while it is descheduled or runs elsewhere. Another task on that CPU then does not wait. It claims a substitute
// for the length of its step, or for its section. So a section may run on a number that no CPU has; that number counts
// as a possible CPU, so a sum over all possible CPUs includes every copy. docs/decisions/per-cpu-sections.md says why,
// and which designs were rejected.

#include "base/atomic.h"
#include "base/fault.h"
#include "port/cpu_local.h"
#include "port/machine.h"
#include "port/task.h"
#include "sync/wait_word.h"

namespace kmem {

inline constexpr uint32_t kMaxCopies = 2 * kMaxCpus;

/// Lock-free except for one case: a task that finds its CPU's copy taken and every substitute in use waits for the next
/// one to be released. A task that owns a copy never waits for another, so this cannot deadlock (and sections must not
/// sleep). Any context.
///
///   copy                distance[n]      owner[n]          used by
///   ─────────────────   ──────────────   ───────────────   ──────────────────────────────────────────────────────
///   a CPU's, at rest    n's              0                 steps of tasks that run on CPU n
///   a CPU's, taken      0                0                 the task whose TaskState names it
///   substitute, free    (it has none)    0                 no task; may be claimed
///   substitute, claimed (it has none)    the TaskState     that task, and interrupts on top of it
///
/// Without sequences the copies of the CPUs belong to no task: a single step changes one by an atomic instruction. Sections
/// claim substitutes.
///
/// Invariants on a quiet system, where no task is in a section (walked by check()):
///   D1  a CPU's distance is its own, or 0 throughout without sequences
///   D2  no copy has an owner
class Copies {
 public:
  void init(uint32_t nr_cpus, bool sequences);

  uint32_t nr_cpus() const { return nr_cpus_; }
  uint32_t nr_copies() const { return nr_copies_; }
  bool sequences() const { return sequences_; }
  /// Has the substitute ever been used? Until then it contributes nothing to a sum.
  bool was_used(uint32_t copy) const { return copy < nr_cpus_ || used_[copy].peek(); }
  /// Has one been used for the first time since this was asked last?
  bool has_new() { return new_.peek() && new_.exchange(false); }

  /// One step on this CPU's copy, or on the copy that the task owns. Returns what CpuAccess says of `old`.
  uint64_t step(const CpuAccess& access);
  /// The copy of this task's section; takes one if the task owns none yet. give() ends the section.
  uint32_t take();
  /// Ends the task's section; does nothing if the task owns no copy.
  void give();
  /// The copy that the task owns; false if it owns none.
  bool held(uint32_t& copy) const;

  /// In the child of a fork: frees the copies that other threads of the parent owned.
  void after_fork();
  Fault check() const;

 private:
  friend class CopiesTestPeer;
  struct Claim {
    uint32_t copy;
    uint16_t intent;  // the copy that the task intended to claim before; restored afterwards
  };

  bool is_stand_in(uint32_t copy) const { return !sequences_ || copy >= nr_cpus_; }
  Claim claim(TaskState& task);
  void mark_used(uint32_t copy);
  bool try_claim(TaskState& task, uint32_t copy);
  bool settle(TaskState& task, const Claim& mine, uint16_t name);
  bool take_here(TaskState& task);
  void release(TaskState& task, uint32_t copy);
  void attach(uint32_t cpu);
  bool held_by(const TaskState& task, uint32_t& copy) const;

  uint32_t nr_cpus_ = 0, nr_copies_ = 0;
  bool sequences_ = false;
  Atomic<uint64_t> owner_[kMaxCopies];  // a TaskState
  Atomic<bool> used_[kMaxCopies];
  Atomic<bool> new_;
  Atomic<uint32_t> waiters_;
  WaitWord<uint32_t> given_;  // changes whenever a task may have waited for it
};

/// A step, by one atomic instruction, on a copy that only this task and interrupts on top of it use.
uint64_t step_alone(char* copy, const CpuAccess& access);

}  // namespace kmem
