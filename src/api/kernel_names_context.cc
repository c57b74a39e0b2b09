// Contexts by their kernel names: the preempt count, interrupts off and on, might_sleep(), scopes of allocations.

#include <linux/hardirq.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>

#include "api/percpu_world.h"
#include "page/gfp_context.h"
#include "port/port.h"
#include "watch/context.h"

namespace {

using kmem::RateLimit;
using kmem::TaskState;
using kmem::Trouble;

TaskState& task() { return *kmem_port_task(); }

RateLimit count_limit;

/// Each field of the count for itself: one must not carry into the next, nor borrow from it.
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
static_assert(PF_MEMALLOC == kmem::task_flag::kMemAlloc && PF_MEMALLOC_NOFS == kmem::task_flag::kNoFs &&
              PF_MEMALLOC_NOIO == kmem::task_flag::kNoIo);

// A task is what kmem remembers of it, as far as others may see it.
static_assert(offsetof(TaskState, preempt_count) == offsetof(task_struct, kmem_count) &&
              offsetof(TaskState, flags) == offsetof(task_struct, flags) && sizeof(TaskState) >= sizeof(task_struct));

extern "C" {

// The count ----------------------------------------------------------------------------------------------------------

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
                           "preempt_count %#x: %#x less than nothing; a section ends that did not begin",
                           kmem::preempt_count(), change);
}

bool kmem_in_undeclared_interrupt() noexcept { return kmem_port_in_interrupt(); }

// Interrupts ---------------------------------------------------------------------------------------------------------

int irqs_disabled() noexcept { return task().irqs_off.peek() != 0; }

unsigned long kmem_irq_save() noexcept {
  if (irqs_disabled()) return 0;
  const uint64_t flags = kmem_port_irq_save();
  task().irq_flags.poke(flags);
  task().irqs_off.poke(1);
  return 1;
}

void kmem_irq_restore(unsigned long were_on) noexcept {
  if (!were_on || !irqs_disabled()) return;
  task().irqs_off.poke(0);
  kmem::end_pinning();
  kmem_port_irq_restore(task().irq_flags.peek());
}

// Sleeping -----------------------------------------------------------------------------------------------------------

void kmem_might_sleep(const char* file, int line) noexcept {
  kmem::check_sleep(file, static_cast<unsigned>(line), __builtin_return_address(0));
}

void kmem_cant_sleep(const char* file, int line) noexcept {
  if (!kmem::may_sleep()) return;
  static RateLimit limit;
  kmem::bug_report_limited(limit, Trouble::Bug, "assuming atomic context at %s:%d", file, line);
}

void non_block_start() noexcept { task().non_block.poke(task().non_block.peek() + 1); }

void non_block_end() noexcept {
  const uint32_t depth = task().non_block.peek();
  if (depth) return task().non_block.poke(depth - 1);
  kmem::bug_report_limited(count_limit, Trouble::Warning, "non_block_end() without non_block_start()");
}

// The task -----------------------------------------------------------------------------------------------------------

task_struct* get_current() noexcept { return reinterpret_cast<task_struct*>(&task()); }

int task_pid_nr(const task_struct* of) noexcept { return of == get_current() ? static_cast<int>(kmem_port_task_id()) : 0; }

char* kmem_get_task_comm(char* buffer, size_t size, const task_struct* of) noexcept {
  if (!size) return buffer;
  buffer[0] = 0;
  if (of == get_current()) kmem_port_task_name(buffer, size);
  return buffer;
}

long kmem_schedule_timeout(long ticks, long hz) noexcept {
  constexpr uint64_t kSecond = 1'000'000'000;
  kmem::check_sleep("schedule_timeout", 0, __builtin_return_address(0));
  if (ticks < 0 || hz <= 0) {
    static RateLimit limit;
    kmem::bug_report_limited(limit, Trouble::Bug, "schedule_timeout: wrong timeout value %lx", static_cast<unsigned long>(ticks));
    return 0;
  }
  if (!kmem::may_sleep()) return ticks;
  static const uint32_t nobody = 0;
  const auto n = static_cast<uint64_t>(ticks), a_second = static_cast<uint64_t>(hz);
  const bool for_ever = n / a_second > kmem::kForever / kSecond / 4;
  const uint64_t until = for_ever ? kmem::kForever : kmem_port_now_ns() + n / a_second * kSecond + n % a_second * kSecond / a_second;
  while (kmem_port_now_ns() < until) kmem_port_wait(&nobody, 0, until);
  return 0;
}

// Scopes -------------------------------------------------------------------------------------------------------------

unsigned int memalloc_flags_save(unsigned int flags) noexcept {
  const uint32_t before = task().flags.peek();
  task().flags.poke(before | flags);
  return flags & ~before;
}

void memalloc_flags_restore(unsigned int saved) noexcept { task().flags.poke(task().flags.peek() & ~saved); }

gfp_t current_gfp_context(gfp_t flags) noexcept { return kmem::gfp_in_scopes(flags); }

void might_alloc(gfp_t flags) noexcept { kmem::effective_gfp(flags, __builtin_return_address(0), "might_alloc"); }

}  // extern "C"
