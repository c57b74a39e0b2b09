// Every walker of every layer, one after the other, and what each finds.

#include "api/percpu_world.h"
#include "api/system.h"
#include "watch/report.h"

namespace kmem {
namespace {

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

void walk_caches(Heap& heap, bool objects) {
  for (uint32_t id = 1; id <= heap.nr_caches(); ++id) {
    Cache& cache = heap.cache(id);
    if (!cache.live()) continue;
    const Fault fault = cache.check();
    add("cache ", cache.name(), fault);
    if (objects && !fault && cache.debug().on()) found.damaged += cache.validate();
  }
  if (objects) found.damaged += heap.mapped().validate();
}

}  // namespace

const Validation& validate_system(bool objects) {
  if (found.done) return found;
  System& s = system();
  add("frames and zones", "", s.pages.check());
  add("per-CPU copies", "", percpu().copies.check());
  add("per-CPU variables", "", percpu().heap.check());
  walk_caches(s.heap, objects);
  add("mempools", "", s.pools.check());
  add("guarded objects", "", s.guarded.check());
  add("I/O memory", "", s.io.check());
  add("vmalloc", "", s.vmap.check());
  found.done = true;
  return found;
}

}  // namespace kmem
