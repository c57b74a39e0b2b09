#include "page/policy.h"

#include "watch/context.h"

namespace kmem {

// The kernel's order: half, a quarter of the rest, half of the rest.
uint64_t Reach::floor(const Marks& marks) const {
  if (all) return 0;
  if (low) return marks.low;
  uint64_t floor = marks.min;
  if (high) floor -= floor / 2;
  if (high && non_block) floor -= floor / 4;
  if (oom) floor -= floor / 2;
  return floor;
}

Asker this_asker(Gfp gfp) {
  Asker asker;
  asker.task_flags = kmem_port_task()->flags.peek();
  if ((gfp & gfp::kDirectReclaim) || asker.task_flags) asker.in_interrupt = in_interrupt();
  asker.may_sleep = !declared_atomic() && !asker.in_interrupt;
  // A handler does not inherit the interrupted task's rights.
  if (asker.in_interrupt) asker.task_flags = 0;
  return asker;
}

Gfp gfp_of(Gfp gfp, const Asker& asker) {
  if (asker.task_flags & task_flag::kNoIo) gfp &= ~(gfp::kIo | gfp::kFs);
  if (asker.task_flags & task_flag::kNoFs) gfp &= ~gfp::kFs;
  return asker.may_sleep ? gfp : gfp & ~gfp::kDirectReclaim;
}

Reach reach_of(Gfp gfp, const Asker& asker) {
  Reach reach;
  const bool reserves = !(gfp & gfp::kNoMemAlloc);
  reach.high = gfp & gfp::kHigh;
  reach.non_block = reserves && !(gfp & gfp::kDirectReclaim);
  reach.oom = reserves && (asker.task_flags & task_flag::kOutOfMemory);
  reach.all = reserves && ((gfp & gfp::kMemAlloc) || (asker.task_flags & task_flag::kMemAlloc));
  return reach;
}

bool may_take_reserve(Gfp gfp) {
  const Asker asker = this_asker(gfp);
  constexpr Marks kAny{.min = 64, .low = 80, .high = 96};
  return reach_of(gfp_of(gfp, asker), asker).floor(kAny) < kAny.min;
}

}  // namespace kmem
