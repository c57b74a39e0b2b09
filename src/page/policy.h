#pragma once
// What a request may do and how much of the reserve it may use: arithmetic only. docs/reclaim.md has it as a table.

#include "page/gfp.h"
#include "port/task.h"

namespace kmem {

/// Orders above this one are costly: rarely requested, and not retried for long (the kernel's PAGE_ALLOC_COSTLY_ORDER).
inline constexpr unsigned kCostlyOrder = 3;

/// A zone's marks, in free frames.
struct Marks {
  uint64_t min = 0;   // below: only requests that may use the reserve
  uint64_t low = 0;   // below: reclaim begins
  uint64_t high = 0;  // above: reclaim ends
};

/// How much of a zone's reserve a request may use.
struct Reach {
  bool low = false;        // not below the low mark: the first try of every request
  bool high = false;       // __GFP_HIGH: half of min is for these
  bool non_block = false;  // cannot wait; with `high` a quarter of the rest
  bool oom = false;        // it runs an out-of-memory notifier: half of the rest
  bool all = false;        // frees more than it takes: no marks, and no lowmem_reserve

  /// Free frames that must stay.
  uint64_t floor(const Marks& marks) const;
};

/// The properties of the caller that matter.
struct Asker {
  uint32_t task_flags = 0;
  bool may_sleep = true;
  bool in_interrupt = false;
  /// It may sleep, and is not reclaiming already.
  bool may_reclaim(Gfp gfp) const { return may_sleep && (gfp & gfp::kDirectReclaim) && !(task_flags & task_flag::kMemAlloc); }
};

/// The calling task or interrupt, with its scopes and its context. Detecting an interrupt takes microseconds, so it is done
/// only if the flags make it matter.
Asker this_asker(Gfp gfp);

/// The flags without those that the asker must not use: __GFP_IO and __GFP_FS in scopes, __GFP_DIRECT_RECLAIM if it may not
/// sleep. For requests that did not go through effective_gfp() (malloc), and for contexts that it does not detect.
Gfp gfp_of(Gfp gfp, const Asker& asker);
Reach reach_of(Gfp gfp, const Asker& asker);
/// May the caller's request go below the min mark?
bool may_take_reserve(Gfp gfp);

}  // namespace kmem
