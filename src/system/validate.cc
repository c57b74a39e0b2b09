// Runs every walker of every layer, and collects their findings.

#include "sync/sheaf_census.h"
#include "system/percpu_world.h"
#include "system/system.h"
#include "watch/report.h"

namespace kmem {
namespace {

Fault check_all_sheaves() {
  static SheafCensus census;  // too large for some stacks; only one walker runs at a time
  return check_sheaves(system().sheaves, census, [](auto visit) {
    Heap& heap = system().heap;
    for (uint32_t id = 1; id <= heap.nr_caches() && id < CacheTable::kMost; ++id)
      if (heap.cache(id).live()) heap.cache(id).sheaves().each_in_barns(visit);
  });
}

/// Every walker except those of the caches.
constexpr struct {
  const char* part;
  Fault (*check)();
} kWalkers[] = {
    {"frames and zones", [] { return system().pages.check(); }},
    {"per-CPU copies", [] { return percpu().copies.check(); }},
    {"per-CPU variables", [] { return percpu().heap.check(); }},
    {"large blocks", [] { return static_cast<const Heap&>(system().heap).check(); }},
    {"mempools", [] { return system().pools.check(); }},
    {"guarded objects", [] { return system().guarded.check(); }},
    {"I/O memory", [] { return system().io.check(); }},
    {"vmalloc", [] { return system().vmap.check(); }},
    {"sheaves", check_all_sheaves},
};

/// Calls use(part, name, cache, check) for each walker of every layer; `cache` is null for a walker that is not a cache's.
template <typename Use>
void each_walker(Use use) {
  Heap& heap = system().heap;
  for (uint32_t id = 1; id <= heap.nr_caches() && id < CacheTable::kMost; ++id) {
    Cache& cache = heap.cache(id);
    use("cache ", cache.name(), &cache, [&cache] { return cache.live() ? cache.check() : Fault{}; });
  }
  for (const auto& walker : kWalkers) use(walker.part, "", nullptr, walker.check);
}

Validation found;

void add(const char* part, const char* name, const Fault& fault) {
  if (!fault) return;
  ViolationSnapshot violation;
  Text(Span<char>(violation.part)).put(part).put(name);
  violation.rule = fault.rule;
  violation.where = fault.where;
  violation.want = fault.want;
  violation.got = fault.got;
  bug_report(Trouble::Bug, "%s: a structure is broken at %#llx: %s", violation.part,
             static_cast<unsigned long long>(fault.where), fault.rule);
  if (found.nr < Validation::kMost) found.violations[found.nr++] = violation;
}

void look_at_objects(Cache& cache) {
  if (cache.live() && cache.checked().debug().on()) found.damaged += cache.validate();
}

}  // namespace

const Validation& validate_system(Validated what, const Parts& parts) {
  const bool objects = what == Validated::Objects;
  if (found.done) return found;
  each_walker([&](const char* part, const char* name, Cache* cache, auto check) {
    parts(part, name, [&] {
      const Fault fault = check();
      add(part, name, fault);
      if (objects && cache && !fault) look_at_objects(*cache);
    });
  });
  if (objects) parts("ends of large blocks", "", [] { found.damaged += system().heap.mapped().validate(); });
  found.done = true;
  return found;
}

Fault check_system() {
  Fault first;
  each_walker([&](const char*, const char*, Cache*, auto check) {
    if (!first) first = check();
  });
  return first;
}

}  // namespace kmem
