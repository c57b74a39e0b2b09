#pragma once
// Whose copy is whose: the copies of per-CPU variables, and the tasks that keep one for themselves for a while.
//
// There is a copy for each CPU and a few that stand in.  A CPU's copy belongs to whoever runs on that CPU, one
// restartable step at a time (port/cpu_local.h), unless a task has taken it: between get_cpu() and put_cpu() it is that
// task's, also while it is descheduled or runs elsewhere.  Who then comes to that CPU does not wait: the step goes to a
// stand-in, which the task claims for the length of it, and whoever wants a section takes a stand-in for that.  So a
// section may end up on a number that no CPU has; it is a possible one, and what sums over all possible CPUs misses
// nothing. docs/decisions/per-cpu-sections.md says why, and what else was thought of.

#include "base/atomic.h"
#include "base/fault.h"
#include "port/cpu_local.h"
#include "port/machine.h"
#include "port/task.h"

namespace kmem {

inline constexpr uint32_t kMaxCopies = 2 * kMaxCpus;

/// Lock-free but for one case: a task that finds its CPU's copy taken and every stand-in in use waits for the next one
/// to come back.  Who has one never waits for another, so that is no deadlock (and sections must not sleep).  Any
/// context.
///
///   copy                distance[n]      owner[n]          who may enter it
///   ─────────────────   ──────────────   ───────────────   ──────────────────────────────────────────────────────
///   a CPU's, at rest    n's              0                 steps of whoever runs on CPU n
///   a CPU's, taken      0                0                 the task whose TaskState names it
///   a stand-in, free    (it has none)    0                 nobody; may be claimed
///   a stand-in, claimed (it has none)    the TaskState     that task, and interrupts on top of it
///
/// Without sequences every copy is a stand-in, and those of the CPUs are claimed first.
///
/// Invariants on a quiet system, where no task is in a section (walked by check()):
///   L1  a CPU's distance is its own, or 0 throughout without sequences
///   L2  no copy has an owner
class Copies {
 public:
  void init(uint32_t nr_cpus, bool sequences);

  uint32_t nr_cpus() const { return nr_cpus_; }
  uint32_t nr_copies() const { return nr_copies_; }
  bool sequences() const { return sequences_; }
  /// Has the stand-in ever been used?  Until then it holds nothing that a sum could miss.
  bool was_used(uint32_t copy) const { return copy < nr_cpus_ || used_[copy].peek(); }
  /// Has one been used for the first time since this was asked last?
  bool has_new() { return new_.peek() && new_.exchange(false); }

  /// One step on this CPU's copy, or the one that the task has; what CpuAccess says of `old`.
  uint64_t step(const CpuAccess& access);
  /// The copy for this task's section, taken now if it has none yet.  give() ends it.
  uint32_t take();
  /// The task's section is over; nothing where it had taken no copy.
  void give();
  /// The copy that the task has; false where it has none.
  bool held(uint32_t& copy) const;

  /// In the child of a fork: what other threads of the parent had is free.
  void after_fork();
  Fault check() const;

 private:
  friend class CopiesTestPeer;
  struct Claim {
    uint32_t copy;
    uint16_t intent;  // what the task meant to claim before; put back when it has settled
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
  Atomic<uint32_t> given_, waiters_;  // given_: changes whenever somebody may have waited for it
};

/// A step on a copy that nobody else enters but interrupts: by one atomic instruction.
uint64_t step_alone(char* copy, const CpuAccess& access);

}  // namespace kmem
