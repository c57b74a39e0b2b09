#pragma once
// Where the code runs that called us, and whether it may sleep there.
//
//   task        an ordinary thread (a task of a kernel)                                       may sleep
//   atomic      a spin lock is held, preemption or interrupts are off, non_block_start()      may not
//   interrupt   a signal handler: it said so (irq_enter), or the port finds it out            may not
//
// What is declared lies in the task's state and costs a load.  Finding out costs microseconds (kmem_port_in_interrupt), so
// it is done by whoever is really about to sleep or to reclaim, and for each place in the program that claims it may
// sleep now and then: see SleepCheck.

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
/// Interrupts restore what they found, so a load and a store do.
inline void add_preempt_count(uint32_t n) {
  Atomic<uint32_t>& count = kmem_port_task()->preempt_count;
  count.poke(count.peek() + n);
}

/// Did the caller say that it must not sleep: by a count, by switching interrupts off, by non_block_start()?
inline bool declared_atomic() {
  const TaskState& task = *kmem_port_task();
  return task.preempt_count.peek() | task.irqs_off.peek() | task.non_block.peek();
}

/// Declared, or found out.
bool in_interrupt();
bool may_sleep();

/// Every call is looked at closely instead of one now and then (boot word might_sleep).
void check_every_sleep(bool on);

/// One look at a call that claims it may sleep, made by the code at `site`.
///
/// What is declared is looked at each time.  Whether it is an interrupt that did not declare itself is found out at the
/// 1st, 2nd, 4th, 8th ... call from each site.  A mistake is reported once for each site; the sites lie in a table of
/// fixed size, beyond which reports are rate-limited and not by site.
class SleepCheck {
 public:
  /// `site` null: complain of nothing, and find nothing out.
  explicit SleepCheck(const void* site);
  bool may_sleep() const { return cause_ == None; }
  /// It may not, and this site has not been reported before.
  bool is_news() const { return news_; }
  /// The lines of the kernel's report, without the call trace.  `line` 0: `where` stands alone.
  void describe(Report& report, const char* where, unsigned line) const;

 private:
  enum Cause : uint8_t { None, Declared, Found };
  Cause cause_ = None;
  bool news_ = false;
};

/// The check of the kernel's might_sleep(): reports where the caller may not.
void check_sleep(const char* file, unsigned line, const void* site);

/// Every smp_processor_id() is looked at (boot word debug_preempt).
void check_processor_ids(bool on);
bool checks_processor_ids();
/// Reports once for each site that `what` was used where nothing keeps the task on its CPU: preemption and interrupts are on.
void check_preemptible(const char* what, const void* site);

/// All sites are new again: for tests, and for a machine that is switched on anew.
void forget_sleep_sites();

}  // namespace kmem
