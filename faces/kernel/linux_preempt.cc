// The preempt count.

#include <linux/preempt.h>

#include "port/port.h"
#include "port/task.h"
#include "system/percpu_world.h"
#include "watch/context.h"

namespace {

using kmem::RateLimit;
using kmem::Trouble;

RateLimit count_limit;

/// Checks each field of the count, because one must not carry into the next or borrow from it.
constexpr uint32_t kFields[] = {PREEMPT_MASK, SOFTIRQ_MASK, HARDIRQ_MASK, NMI_MASK};

bool fits(uint32_t count, uint32_t value, bool add) {
  for (const uint32_t field : kFields) {
    const uint32_t have = count & field, change = value & field;
    if (add ? change > field - have : change > have) return false;
  }
  return true;
}

}  // namespace

static_assert(PREEMPT_MASK == kmem::preempt::kPreemptMask && SOFTIRQ_MASK == kmem::preempt::kSoftirqMask &&
              HARDIRQ_MASK == kmem::preempt::kHardirqMask && NMI_MASK == kmem::preempt::kNmiMask);

extern "C" {

int preempt_count() noexcept { return static_cast<int>(kmem::preempt_count()); }

void preempt_count_add(int value) noexcept {
  const auto change = static_cast<uint32_t>(value);
  if (KMEM_LIKELY(fits(kmem::preempt_count(), change, true))) return kmem::add_preempt_count(change);
  kmem::bug_report_limited(count_limit, Trouble::Bug, "preempt_count %#x: %#x more do not fit; sections nest too deep",
                           kmem::preempt_count(), change);
}

void preempt_count_sub(int value) noexcept {
  const auto change = static_cast<uint32_t>(value);
  if (KMEM_LIKELY(fits(kmem::preempt_count(), change, false))) {
    kmem::add_preempt_count(0 - change);
    return kmem::end_pinning();
  }
  kmem::bug_report_limited(count_limit, Trouble::Bug,
                           "preempt_count %#x: %#x less than nothing; a section ends that did not begin", kmem::preempt_count(),
                           change);
}

int irqs_disabled() noexcept { return kmem_port_task()->irqs_off.peek() != 0; }

bool kmem_in_undeclared_interrupt() noexcept { return kmem_port_in_interrupt(); }

}  // extern "C"
