#include "system/callbacks.h"

#include "base/format.h"
#include "port/port.h"
#include "system/bad_free.h"
#include "system/fast_paths.h"
#include "system/system.h"
#include "system/trouble.h"
#include "watch/context.h"
#include "watch/report.h"

namespace kmem {
namespace {

// Reclaim does not pass the context, so a task waits for the window's lock only if it has not declared that it must not sleep.
uint64_t shrink(void* of, OtherCpus others) {
  Heap& heap = *static_cast<Heap*>(of);
  return system().vmap.purge_all(wait_by_context()) + let_go_kept(heap) + heap.caches().reclaim(others);
}

void answer(void* of, CpuId cpu) {
  Heap& heap = *static_cast<Heap*>(of);
  for (uint32_t id = 1; id <= heap.nr_caches(); ++id)
    if (heap.cache(id).live()) heap.cache(id).sheaves().answer(cpu);
}

void use_fell(void* of) {
  Heap& heap = *static_cast<Heap*>(of);
  let_go_kept(heap);
  heap.caches().shrink_idle();
}

void lists_changed(void*) { set_page_lists(system()); }

/// panic_on_oom: reports, then panics.
void out_of_memory(void*, Gfp gfp, Order order) {
  if (!system().options.panic_on_oom) return;
  report_failure("out of memory", order.bytes(), gfp & ~gfp::kNoWarn);
  note("Kernel panic - not syncing: out of memory: panic_on_oom is set");
  kmem_port_panic();
}

void* alloc_places(size_t bytes, Gfp gfp, int nid) {
  return system().heap.kmalloc(bytes, (gfp & ~gfp::kZoneMask) | gfp::kZero, nid);
}

void free_places(void* places) { (void)free_block(places, system().heap.classify(places)); }

}  // namespace

void report_double_free(const Cache& cache, const void* object) {
  static RateLimit limit;
  bug_report_limited(limit, Trouble::Bug, "double free of %p, an object of cache %s (%u bytes)", object, cache.name(),
                     cache.object_size());
}

// The access ends the program as it would without kmem, but the report names its address.
bool caught_access(const BadAccess& access) {
  if (system().guarded.caught(access)) return true;
  if (TextOf<192> name; system().vmap.describe(access.address, name))
    bug_report(Trouble::Bug, "%s of %p, in %s", access.write ? "write" : "read", access.address, name.data());
  return false;
}

ReclaimHook reclaim_hook(System& system) { return {shrink, answer, use_fell, out_of_memory, lists_changed, &system.heap}; }

PoolWorld pool_world(const BootOptions& options, uint32_t nr_cpus) {
  const bool poison = options.slub_debug.flags_for("mempool") & debug::kPoison;
  return {alloc_places, free_places, poisonable_element, poisonable_element && poison, nr_cpus};
}

}  // namespace kmem
