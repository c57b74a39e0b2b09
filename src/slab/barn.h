#pragma once
// The barn of a cache on one node: full sheaves, between those of the CPUs and the slabs (Bonwick's depot).

#include "base/fault.h"
#include "sync/sheaf.h"
#include "watch/counters.h"

namespace kmem {

/// Full sheaves of some of the CPUs.
struct alignas(kCacheLine) BarnPart {
  IndexStack full;
  Counter nr_refills, nr_drains;         // times that a sheaf of a CPU of this part was exchanged
  Atomic<uint64_t> refills_at_drain{0};  // hints, for swings()
  Atomic<uint32_t> turns{0}, turns_needed{0};
  Counter allocs, frees;  // all calls, if calls are counted
};

/// Lock-free, any context.  It has parts, so that CPUs that free and allocate the same sizes do not contend. A CPU takes spare
/// sheaves from other parts before it takes objects from slabs.
///
/// Invariants on a quiet system (walked by check(); C2 by SheafLayer::check()):
///   C2  a full sheaf in the barn holds objects of this cache, each out of its slab
///   C4  the topmost sheaf of a part of the barn remembers how many there are
class Barn {
 public:
  static constexpr unsigned kParts = 4;
  /// Most full sheaves of a part (10 in the kernel).
  static constexpr unsigned kMost = 32;
  /// The number of drains and refills in turn after which half a sheaf is kept: the first time, and at most.
  static constexpr uint32_t kTurnsNeeded = 3, kMostTurnsNeeded = 1 << 16;

  static unsigned part_of(CpuId cpu) { return cpu.value % kParts; }

  /// A full sheaf: of this part, else of one that has sheaves to spare.  Nothing if there is none.
  /// `most`: how many sheaves a part of this cache keeps.
  Sheaf take(SheafPool& sheaves, unsigned part, unsigned most);
  /// A full sheaf of any part.
  Sheaf take_any(SheafPool& sheaves);
  /// False: the part is full, and the sheaf is still the caller's.
  bool put(SheafPool& sheaves, unsigned part, Sheaf full, unsigned most);
  /// Should the CPU keep half a sheaf? Call it once for each sheaf that a CPU of this part drains.
  bool swings(unsigned part);

  BarnPart& part(unsigned i) { return parts_[i]; }
  unsigned nr_sheaves(const SheafPool& sheaves) const;
  /// The sum of a counter over all parts.
  uint64_t sum(Counter BarnPart::*counter) const;
  void reset_counters();
  /// Calls visit(sheaf) for each sheaf, on a quiet system.
  template <typename Visit>
  void each(SheafPool& sheaves, Visit visit) const {
    for (const BarnPart& part : parts_) {
      uint32_t most = sheaves.nr_used();  // a sheaf that lies there twice would make the walk endless
      for (uint32_t index = part.full.top(); index && most--; index = sheaves.link(index).peek()) visit(sheaves.parked(index));
    }
  }
  Fault check(SheafPool& sheaves) const;

 private:
  static bool has_to_spare(const SheafPool& sheaves, const BarnPart& part, unsigned most);

  BarnPart parts_[kParts];
};

}  // namespace kmem
