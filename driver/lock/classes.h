#pragma once
// The data of lock checking: classes of locks, the contexts in which they were taken, and the order between them.
//
// It is in static tables and only grows, so that lookups in any context need no lock.

#include <linux/lockdep_types.h>

namespace kmem_driver::lockdep {

constexpr unsigned kMostClasses = 1024, kMostEdges = 8192, kTraceFrames = 10;
constexpr unsigned kNoClass = ~0u;

/// The call trace of the first occurrence.
struct Trace {
  void* frames[kTraceFrames];
  int nr;
};

/// How a class was taken: by its usage bits 4 * kind + 2 * softirq + read.
enum Usage : unsigned {
  kInHardirq,
  kInHardirqRead,
  kInSoftirq,
  kInSoftirqRead,
  kOnHardirq,
  kOnHardirqRead,
  kOnSoftirq,
  kOnSoftirqRead
};
constexpr unsigned kUsages = 8;

struct LockClass {
  const void* key;
  unsigned subclass;
  const char* name;
  bool sleeps, unchecked;
  unsigned usage;
  Trace first_use[kUsages];
  int edges_out, edges_in;  // the last edge of each list, -1 for none
};

/// `to` was taken while `from` was held.
struct Edge {
  unsigned from, to;
  int next_out, next_in;
  bool wrong;  // it was reported: searches ignore it
  Trace where;
};

struct Graph {
  LockClass classes[kMostClasses];
  Edge edges[kMostEdges];
  unsigned nr_classes, nr_edges;
};
Graph& graph();

/// The class of a lock; kNoClass for one that is not checked.
unsigned class_of(const void* lock, const void* site, unsigned subclass, bool sleeps);
void take_trace(Trace& trace);
int find_edge(unsigned from, unsigned to);
enum class Order : bool { Right, Wrong };
/// Adds the edge if it is new; kMostEdges if there is no room.
unsigned add_edge(unsigned from, unsigned to, Order order);

/// A path through the graph, as edges.
struct Path {
  unsigned edges[32];
  unsigned nr;
};
/// Is there a path from one class to another?
bool find_path(unsigned from, unsigned to, Path* path);
enum class Walk : bool { Backwards, Forwards };
/// The first class reachable from here that has one of these usages.
unsigned find_usage(unsigned from, unsigned usages, Walk way);

}  // namespace kmem_driver::lockdep
