// Scopes of allocations.

#include <linux/sched/mm.h>

#include "page/gfp_context.h"
#include "port/port.h"
#include "port/task.h"

namespace {
kmem::TaskState& task() { return *kmem_port_task(); }
}  // namespace

static_assert(PF_MEMALLOC == kmem::task_flag::kMemAlloc && PF_MEMALLOC_NOFS == kmem::task_flag::kNoFs &&
              PF_MEMALLOC_NOIO == kmem::task_flag::kNoIo);

extern "C" {

unsigned int memalloc_flags_save(unsigned int flags) noexcept {
  const uint32_t before = task().flags.peek();
  task().flags.poke(before | flags);
  return flags & ~before;
}

void memalloc_flags_restore(unsigned int saved) noexcept { task().flags.poke(task().flags.peek() & ~saved); }

gfp_t current_gfp_context(gfp_t flags) noexcept { return kmem::gfp_in_scopes(flags); }

void might_alloc(gfp_t flags) noexcept { kmem::effective_gfp(flags, __builtin_return_address(0), "might_alloc"); }

}  // extern "C"
