#pragma once
// What a request may do and how deep it may go: arithmetic only.  docs/reclaim.md has it as a table.

#include "page/gfp.h"
#include "port/task.h"

namespace kmem {

/// Orders above this one are asked for rarely, and are not worth long tries (the kernel's PAGE_ALLOC_COSTLY_ORDER).
inline constexpr unsigned kCostlyOrder = 3;

/// A zone's marks, in free frames.
struct Marks {
  uint64_t min = 0;   // below: only who has a claim to the reserve
  uint64_t low = 0;   // below: reclaim begins
  uint64_t high = 0;  // above: reclaim ends
};

/// How deep into a zone a request may go.
struct Reach {
  bool low = false;        // not below the low mark: everybody's first try
  bool high = false;       // __GFP_HIGH: half of min is for these
  bool non_block = false;  // cannot wait; with `high` a quarter of what is left
  bool oom = false;        // helps against being out of memory: half of what is left
  bool all = false;        // frees more than it takes: no marks, nothing is kept back for lower zones

  /// Free frames that must stay.
  uint64_t floor(const Marks& marks) const;
};

/// Who asks, as far as it changes the answer.
struct Asker {
  uint32_t task_flags = 0;
  bool may_sleep = true;
  bool in_interrupt = false;
  /// It may sleep, and is not reclaiming already.
  bool may_reclaim(Gfp gfp) const {
    return may_sleep && (gfp & gfp::kDirectReclaim) && !(task_flags & task_flag::kMemAlloc);
  }
};

/// The asker that calls, with its scopes and its context.  Finding out whether this is an interrupt takes microseconds: it
/// is looked at only where something depends on it.
Asker this_asker(Gfp gfp);

/// The flags without what the asker must not do: __GFP_IO and __GFP_FS in scopes, __GFP_DIRECT_RECLAIM where it may not
/// sleep.  For requests that effective_gfp() has not seen (malloc), and of contexts that it did not find out.
Gfp gfp_of(Gfp gfp, const Asker& asker);
Reach reach_of(Gfp gfp, const Asker& asker);

}  // namespace kmem
