// The tables of lock checking, and searches in them.

#include "lock/classes.h"

#include <stdint.h>
#include <string.h>

#include <kmem/driver.h>

#include "host/host.h"
#include "lock/lockdep.h"
#include "sync/quiet_lock.h"

namespace kmem_driver::lockdep {
namespace {

constexpr unsigned kSlots = kMostClasses * 2, kSites = 512;
Graph graph_;
unsigned slots[kSlots];  // index + 1
constinit QuietLock tables_lock;
kmem_lock_site sites[kSites];
unsigned nr_sites;

unsigned slot_of(const void* key, unsigned subclass) {
  const auto k = reinterpret_cast<uintptr_t>(key) / 4 * 0x9e3779b97f4a7c15ull + subclass;
  return static_cast<unsigned>(k >> 33) % kSlots;
}

unsigned look_up(const void* key, unsigned subclass) {
  for (unsigned i = slot_of(key, subclass);; i = (i + 1) % kSlots) {
    const unsigned index = __atomic_load_n(&slots[i], __ATOMIC_ACQUIRE);
    if (!index) return kNoClass;
    const LockClass& c = graph_.classes[index - 1];
    if (c.key == key && c.subclass == subclass) return index - 1;
  }
}

unsigned add_class(const void* key, unsigned subclass, const char* name, bool sleeps, bool unchecked) {
  Quietly hold(tables_lock);
  const unsigned known = look_up(key, subclass);
  if (known != kNoClass || graph_.nr_classes == kMostClasses) return known;
  const unsigned index = graph_.nr_classes++;
  LockClass& c = graph_.classes[index];
  c.key = key;
  c.subclass = subclass;
  c.name = name;
  c.sleeps = sleeps;
  c.unchecked = unchecked;
  c.edges_out = c.edges_in = -1;
  unsigned i = slot_of(key, subclass);
  while (slots[i]) i = (i + 1) % kSlots;
  __atomic_store_n(&slots[i], index + 1, __ATOMIC_RELEASE);
  return index;
}

/// Breadth-first search in the graph, under its lock. visit(class) returns true to end it.
template <typename Visit>
unsigned walk(unsigned from, Walk way, int* came_by, Visit visit) {
  const bool forwards = way == Walk::Forwards;
  static unsigned queue[kMostClasses];
  static unsigned char seen[kMostClasses];
  memset(seen, 0, sizeof(seen));
  unsigned head = 0, tail = 0;
  queue[tail++] = from;
  seen[from] = 1;
  while (head < tail) {
    const unsigned at = queue[head++];
    if (visit(at)) return at;
    const LockClass& c = graph_.classes[at];
    for (int e = forwards ? c.edges_out : c.edges_in; e >= 0;
         e = forwards ? graph_.edges[e].next_out : graph_.edges[e].next_in) {
      const Edge& edge = graph_.edges[e];
      const unsigned next = forwards ? edge.to : edge.from;
      if (edge.wrong || seen[next]) continue;
      seen[next] = 1;
      if (came_by) came_by[next] = e;
      queue[tail++] = next;
    }
  }
  return kNoClass;
}

}  // namespace

Graph& graph() { return graph_; }

unsigned class_of(const void* lock, const void* said, unsigned subclass, bool sleeps) {
  const auto* site = static_cast<const kmem_lock_site*>(said);
  const bool is_site = site && site->one == 1;
  const void* key = lock;
  const char* name = "?";
  if (is_site) {
    key = site->key ? static_cast<const void*>(site->key) : site;
    name = site->name;
    subclass += site->subclass;
  } else if (said) {
    name = static_cast<const char*>(said);
  }
  unsigned known = look_up(key, subclass);
  if (known != kNoClass) return known;
  if (!is_site && !host::is_static(lock)) {
    if (!said) return kNoClass;  // zeroed memory, never initialised
    key = said;                  // on the stack: the class of the place that defines it
    known = look_up(key, subclass);
    if (known != kNoClass) return known;
  }
  return add_class(key, subclass, name, sleeps, is_site && site->unchecked);
}

void keep_names(const void* begin, const void* end) {
  Quietly hold(tables_lock);
  for (unsigned i = 0; i < graph_.nr_classes; ++i) {
    LockClass& c = graph_.classes[i];
    if (c.name < static_cast<const char*>(begin) || c.name >= static_cast<const char*>(end)) continue;
    const char* copy = strdup(c.name);
    __atomic_store_n(&c.name, copy ? copy : "?", __ATOMIC_RELAXED);
  }
}

void take_trace(Trace& trace) {
  void* frames[kTraceFrames + 3];
  const int n = host::trace(frames, kTraceFrames + 3) - 3;  // the checker's own are left out
  trace.nr = n < 0 ? 0 : n;
  for (int i = 0; i < trace.nr; ++i) trace.frames[i] = frames[i + 3];
}

int find_edge(unsigned from, unsigned to) {
  for (int e = __atomic_load_n(&graph_.classes[from].edges_out, __ATOMIC_ACQUIRE); e >= 0; e = graph_.edges[e].next_out)
    if (graph_.edges[e].to == to) return e;
  return -1;
}

unsigned add_edge(unsigned from, unsigned to, Order order) {
  if (graph_.nr_edges == kMostEdges) return kMostEdges;
  const unsigned e = graph_.nr_edges++;
  Edge& edge = graph_.edges[e];
  edge.from = from;
  edge.to = to;
  edge.wrong = order == Order::Wrong;
  take_trace(edge.where);
  edge.next_out = graph_.classes[from].edges_out;
  edge.next_in = graph_.classes[to].edges_in;
  __atomic_store_n(&graph_.classes[from].edges_out, static_cast<int>(e), __ATOMIC_RELEASE);
  __atomic_store_n(&graph_.classes[to].edges_in, static_cast<int>(e), __ATOMIC_RELEASE);
  return e;
}

bool find_path(unsigned from, unsigned to, Path* path) {
  static int came_by[kMostClasses];
  if (walk(from, Walk::Forwards, came_by, [to](unsigned c) { return c == to; }) == kNoClass) return false;
  path->nr = 0;
  for (unsigned at = to; at != from && path->nr < 32; at = graph_.edges[came_by[at]].from)
    path->edges[path->nr++] = static_cast<unsigned>(came_by[at]);
  return true;
}

unsigned find_usage(unsigned from, unsigned usages, Walk way) {
  return walk(from, way, nullptr,
              [usages](unsigned c) { return (__atomic_load_n(&graph_.classes[c].usage, __ATOMIC_RELAXED) & usages) != 0; });
}

}  // namespace kmem_driver::lockdep

using namespace kmem_driver::lockdep;

extern "C" {

const kmem_lock_site* kmem_driver_lock_site(const char* name, const lock_class_key* key, int subclass, int unchecked) noexcept {
  kmem_driver::Quietly hold(tables_lock);
  for (unsigned i = 0; i < nr_sites; ++i) {
    const kmem_lock_site& s = sites[i];
    if (s.key == key && s.subclass == subclass && s.unchecked == unchecked && !strcmp(s.name, name)) return &s;
  }
  if (nr_sites == kSites) return nullptr;
  kmem_lock_site& s = sites[nr_sites++];
  s = {1, static_cast<unsigned char>(subclass), static_cast<unsigned char>(unchecked), name, key};
  return &s;
}

void kmem_driver_lockdep_reset() noexcept {
  kmem_driver::Quietly hold(tables_lock);
  for (unsigned i = 0; i < graph_.nr_classes; ++i) {
    graph_.classes[i].usage = 0;
    graph_.classes[i].edges_out = graph_.classes[i].edges_in = -1;
  }
  graph_.nr_edges = 0;
}

}  // extern "C"
