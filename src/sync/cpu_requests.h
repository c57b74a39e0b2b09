#pragma once
// Requests of one CPU to the others that do not interrupt them: to drain what they hold when they next take a slow path.

#include "port/machine.h"
#include "sync/other_cpus.h"

namespace kmem {

/// Counts the requests, and for each CPU those that it has seen: so a slow path needs two loads to find that there is no new
/// one.  The asking CPU writes an AskedCpus first, then calls announce().
class CpuRequests {
 public:
  void announce() { asked_.fetch_add(1); }
  bool due(CpuId cpu) const { return asked_.peek() != seen_[cpu.value].peek(); }
  /// The caller must look at all AskedCpus afterwards.
  void note(CpuId cpu) { seen_[cpu.value].poke(asked_.load()); }

 private:
  Atomic<uint32_t> asked_{0};
  Atomic<uint32_t> seen_[kMaxAreas];
};

}  // namespace kmem
