// smp_processor_id(), and pinning the caller to its CPU.

#include <linux/smp.h>

#include "system/percpu_world.h"
#include "system/system.h"
#include "watch/context.h"
#include "watch/report.h"

namespace {

/// The copy that this task uses: its own in a section, and if it has declared that it must not migrate.
uint32_t copy_here() {
  uint32_t copy;
  kmem::Copies& copies = kmem::percpu().copies;
  if (copies.held(copy)) return copy;
  return kmem::is_pinned() ? copies.take() : kmem::CpuLocal::here();
}

}  // namespace

extern "C" {

int kmem_processor_id() noexcept { return kmem::boot() ? static_cast<int>(copy_here()) : 0; }

int kmem_checked_processor_id() noexcept {
  if (kmem::checks_processor_ids()) kmem::check_preemptible("smp_processor_id()", __builtin_return_address(0));
  return kmem_processor_id();
}

int kmem_get_cpu() noexcept {
  if (!kmem::boot()) return 0;
  kmem::add_preempt_count(kmem::preempt::kPreempt);
  return static_cast<int>(kmem::percpu().copies.take());
}

void kmem_put_cpu() noexcept {
  if (!(kmem::preempt_count() & kmem::preempt::kPreemptMask))
    return kmem::bug_report(kmem::Trouble::Warning, "put_cpu() without get_cpu()");
  kmem::add_preempt_count(-kmem::preempt::kPreempt);
  kmem::end_pinning();
}

}  // extern "C"
