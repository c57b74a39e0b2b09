#include "page/gfp_context.h"

#include "page/gfp_names.h"
#include "watch/context.h"

namespace kmem {
namespace {

constexpr Gfp kOnlyOfSleepers = gfp::kDirectReclaim | gfp::kIo | gfp::kFs | gfp::kNoFail | gfp::kRetryMayFail;

Gfp in_scopes(Gfp gfp, uint32_t scopes) {
  if (scopes & task_flag::kNoIo) gfp &= ~(gfp::kIo | gfp::kFs);
  if (scopes & task_flag::kNoFs) gfp &= ~gfp::kFs;
  // An interrupt on top of a task that frees memory does not inherit the task's scope.
  const bool frees = (scopes & task_flag::kMemAlloc) && !(preempt_count() & preempt::kInterruptMask);
  return frees && !(gfp & gfp::kNoMemAlloc) ? gfp | gfp::kMemAlloc : gfp;
}

KMEM_COLD void report_sleeper(const SleepCheck& check, Gfp gfp, const void* site, const char* who) {
  {
    const FlagNames flags(gfp);
    Report report;
    check.describe(report, who, 0);
    report.line("mode:%#x(%s), called from [<%p>]; served as GFP_ATOMIC", gfp, flags.text, site);
    report.call_trace();
  }
  after_report();
}

}  // namespace

Gfp gfp_in_scopes(Gfp gfp) {
  const uint32_t scopes = kmem_port_task()->flags.peek();
  return KMEM_LIKELY(!scopes) ? gfp : in_scopes(gfp, scopes);
}

Gfp effective_gfp(Gfp gfp, const void* site, const char* who) {
  gfp = gfp_in_scopes(gfp);
  if (!(gfp & gfp::kDirectReclaim)) return gfp;
  const SleepCheck check(site);
  if (KMEM_LIKELY(check.may_sleep())) return gfp;
  if (check.is_news()) report_sleeper(check, gfp, site, who);
  return (gfp & ~kOnlyOfSleepers) | gfp::kHigh | gfp::kKswapdReclaim;
}

bool may_block(Gfp gfp) { return (gfp & gfp::kDirectReclaim) && may_sleep(); }

bool may_reclaim(Gfp gfp) { return !(kmem_port_task()->flags.peek() & task_flag::kMemAlloc) && may_block(gfp); }

}  // namespace kmem
