#pragma once
// The context in which the caller runs, and whether it may sleep.
//
//   task        an ordinary thread (a task of a kernel)                                       may sleep
//   atomic      a spin lock is held, preemption or interrupts are off, or the task reads      may not
//               under rcu_read_lock(); non_block_start()
//   interrupt   a signal handler: declared (irq_enter), or detected by the port            may not
//
// A declared context lies in the task's state and costs a load. Detecting an interrupt that was not declared costs microseconds
// (kmem_port_in_interrupt), so only callers that are about to sleep or to reclaim do it, and now and then each call site that
// claims it may sleep: see SleepCheck.

#include "base/atomic.h"
#include "base/attributes.h"
#include "port/task.h"
#include "watch/report.h"

namespace kmem {

/// The fields of TaskState::preempt_count, as the kernel has them.
namespace preempt {
inline constexpr uint32_t kPreempt = 0x1, kPreemptMask = 0xff;
inline constexpr uint32_t kSoftirq = 0x100, kSoftirqDisable = 0x200, kSoftirqMask = 0xff00;
inline constexpr uint32_t kHardirq = 0x10000, kHardirqMask = 0xf0000;
inline constexpr uint32_t kNmi = 0x100000, kNmiMask = 0xf00000;
inline constexpr uint32_t kInterruptMask = kSoftirqMask | kHardirqMask | kNmiMask;
}  // namespace preempt

inline uint32_t preempt_count() { return kmem_port_task()->preempt_count.peek(); }
/// Interrupts restore the old value, so a load and a store suffice.
inline void add_preempt_count(uint32_t n) {
  Atomic<uint32_t>& count = kmem_port_task()->preempt_count;
  count.poke(count.peek() + n);
}

/// Did the caller say that it must not sleep: by a count, by switching interrupts off, by rcu_read_lock(), by
/// non_block_start()?
inline bool declared_atomic() {
  const TaskState& task = *kmem_port_task();
  return task.preempt_count.peek() | task.irqs_off.peek() | task.non_block.peek() | (task.rcu.peek() & kRcuDepth);
}

/// Declared, or detected by the port.
bool in_interrupt();
bool may_sleep();

/// Detects the context at every call instead of now and then (boot word might_sleep).
void check_every_sleep(bool on);

/// Checks one call that claims it may sleep, made by the code at `site`.
///
/// The declared context is checked each time. Undeclared interrupts are detected at the first call from each site, then at
/// one of 2, one of 4, 8 ... and in the end at one of 16,384, as the task draws.  A mistake is reported once for each site;
/// the sites lie in a table of fixed size, beyond which reports are rate-limited and not by site.
class SleepCheck {
 public:
  /// `site` null: reports nothing and detects nothing.
  explicit SleepCheck(const void* site);
  bool may_sleep() const { return cause_ == None; }
  /// The call may not sleep, and this site has not been reported before.
  bool is_news() const { return news_; }
  /// The lines of the kernel's report, without the call trace.  `line` 0: `where` stands alone.
  void describe(Report& report, const char* where, unsigned line) const;

 private:
  enum Cause : uint8_t { None, Declared, Found };
  Cause cause_ = None;
  bool news_ = false;
};

/// The check of the kernel's might_sleep(): reports where the caller may not.  `line` 0: `file` is the name of a function.
void check_sleep(const char* file, unsigned line, const void* site);
inline void check_sleep(const char* function, const void* site) { check_sleep(function, 0, site); }

/// Checks every smp_processor_id() (boot word debug_preempt).
void check_processor_ids(bool on);
bool checks_processor_ids();
/// Reports once for each site that `what` was used where nothing keeps the task on its CPU: preemption and interrupts are on.
void check_preemptible(const char* what, const void* site);

/// Forgets all sites: for tests, and for a machine that boots again.
void forget_sleep_sites();

}  // namespace kmem
