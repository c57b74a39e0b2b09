#include "system/fast_paths.h"

#include "page/fast_path.h"
#include "port/port.h"
#include "slab/hardened_path.h"
#include "slab/kept_path.h"
#include "slab/profiled_path.h"
#include "system/system.h"
#include "watch/fault_injection.h"
#include "watch/profile.h"
#include "watch/report.h"

namespace kmem {
namespace {

// Fault injection leaves the fast paths of frees open, because a free does not fail.
void set_limits(System& s, uint32_t reasons) {
  const bool open = !reasons;
  show(kmem_malloc_limit, open ? MallocClasses::kMost : 0);
  show(kmem_kmalloc_limit, open ? KmallocClasses::kMost : 0);
  const bool sees_frees = reasons & (kForStats | kForChecks | kForPatterns | kForSeals | kForFreeWatch);
  show(kmem_frames_end, sees_frees ? 0 : s.pages.frames_end());
  show(kmem_profiled.malloc_limit, reasons == kForProfile ? MallocClasses::kMost : 0);
  show(kmem_profiled.kmalloc_limit, reasons == kForProfile ? KmallocClasses::kMost : 0);
  const size_t sealed = reasons == kForSeals ? MallocClasses::kMost - kmem_hardened.extra : 0;
  show(kmem_hardened.limit, sealed);
  show(kmem_sealed_frames_end, sealed ? s.pages.frames_end() : 0);
  show(kmem_kept.runs, &s.heap.runs());
  show(kmem_kept.nr_sizes, open && s.heap.runs().keeps() ? kMappedFrom - MallocClasses::kMost - 1 : 0);
  set_page_lists(s);
  const bool closed = reasons & (kForFaults | kForContexts | kForStats | kForSeals | kForFreeWatch);
  s.heap.caches().set_fast_path(closed ? FastPath::Closed : reasons & kForProfile ? FastPath::Counted : FastPath::Open);
}

void faults_changed(Faults faults) {
  set_fast_paths(kForFaults, faults == Faults::Injected ? FastPath::Closed : FastPath::Open);
}

/// Called at the end of boot, so no failure is injected before.
void start_faults(const FaultOptions& faults) {
  set_fault_listener(faults_changed);
  for (unsigned i = 0; i < kNrFaultPoints; ++i)
    if (faults.points[i].on) set_fault(static_cast<FaultPoint>(i), faults.points[i]);
  if (faults.nth.on) start_fail_nth(faults.nth);
}

}  // namespace

bool needs_every_call(const BootOptions& options) { return options.init_on_alloc || options.init_on_free || options.tells; }

// Each caller compares again after its store, so the last store agrees with all reasons.
void set_page_lists(System& s) {
  if (!kmem_direct_map) return;  // not open yet
  const auto wanted = [&] {
    const bool open = !(s.slow_reasons.load() & ~uint32_t{kForSeals}) && s.machine.nr_nodes == 1 && !s.pages.lists_closed();
    return open ? Page::pack(PageKind::Block, s.pages.preferred_zone(0)->index(), Order{0}, 1) : 0;
  };
  for (uint64_t head = ~uint64_t{0}; head != wanted();)
    __atomic_exchange_n(&kmem_listed_head, head = wanted(), __ATOMIC_SEQ_CST);
}

/// For a reader in another process.
static void show_fast_paths(System& s) {
  ProfileWorld& world = kmem_profile.world;
  world.malloc_limit = &kmem_malloc_limit;
  world.kmalloc_limit = &kmem_kmalloc_limit;
  world.listed_head = &kmem_listed_head;
  world.first_cache_slot = &s.heap.cache(1).fast().slot;
  world.nr_caches = &s.heap.caches().count();
  world.cache_stride = sizeof(Cache);
}

void open_fast_paths(System& s) {
  kmem_direct_map = s.machine.direct_map;
  kmem_descriptors = s.machine.descriptors;
  if (s.options.stats) s.slow_reasons.fetch_or(kForStats);
  if (needs_every_call(s.options)) s.slow_reasons.fetch_or(kForChecks);
  if (s.world.seals.on()) s.slow_reasons.fetch_or(kForSeals);
  if (s.options.might_sleep) s.slow_reasons.fetch_or(kForContexts);
  set_limits(s, s.slow_reasons.load());
  start_faults(s.options.faults);
  show_fast_paths(s);
  if (s.options.profile) kmem_profile.ask(s.options.profile);
  follow_profile();
}

// Repeats until the reasons are unchanged, so the limits agree with the last change.
void set_fast_paths(SlowReason why, FastPath path) {
  System& s = system();
  if (path == FastPath::Closed) s.slow_reasons.fetch_or(why);
  else s.slow_reasons.fetch_and(~uint32_t{why});
  for (uint32_t seen = ~s.slow_reasons.load(); seen != s.slow_reasons.load();) set_limits(s, seen = s.slow_reasons.load());
}

bool only_counted() { return system().slow_reasons.peek() == kForStats; }

void start_fail_nth(const FailNth& nth) {
  void* shared = nth.record[0] ? kmem_port_share(nth.record, sizeof(SharedFaultRecord)) : nullptr;
  if (nth.record[0] && !shared) note("fail_nth: %s cannot be shared; points are counted in this process", nth.record);
  set_fail_nth(nth, static_cast<SharedFaultRecord*>(shared));
}

#ifdef KMEM_SIM
void forget_fast_paths() {
  set_fault_listener(nullptr);
  reset_faults();
  kmem_base = kmem_direct_map = kmem_descriptors = nullptr;
  kmem_frames_end = kmem_listed_head = 0;
  kmem_malloc_limit = kmem_kmalloc_limit = 0;
  kmem_hardened = {};
  kmem_sealed_frames_end = 0;
  kmem_profiled = {};
  kmem_kept = {};
  new (&kmem_profile) Profile{};
  for (Seal& seal : kmem_seals) seal = {};
}
#endif

}  // namespace kmem
