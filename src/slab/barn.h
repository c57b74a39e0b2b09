#pragma once
// The barn of a cache on one node: full sheaves, between those of the CPUs and the slabs (Bonwick's depot).

#include "base/fault.h"
#include "base/spread.h"
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

/// Lock-free, any context.  It has parts, so that CPUs that free and allocate the same sizes do not contend: one for each
/// CPU, and where a node has more than sixteen CPUs some share one. A CPU takes spare
/// sheaves from other parts before it takes objects from slabs.
///
/// Invariants on a quiet system (walked by check(); C2 by SheafLayer::check()):
///   C2  a full sheaf in the barn holds objects of this cache, each out of its slab
///   C4  the topmost sheaf of a part of the barn remembers how many there are
class Barn {
 public:
  /// Most parts, as a power of two.
  static constexpr unsigned kMostLog2Parts = 4;
  /// Most full sheaves of a part (10 in the kernel).
  static constexpr unsigned kMost = 32;
  /// The number of drains and refills in turn after which half a sheaf is kept: the first time, and at most.
  static constexpr uint32_t kTurnsNeeded = 3, kMostTurnsNeeded = 1 << 16;

  /// The parts, as a power of two, for so many CPUs on a node: one for each, up to the most.
  static unsigned log2_parts_for(uint32_t nr_cpus);

  /// Before anything else.  `parts`: 2^log2_parts of them, zeroed or of a barn that was here before.
  void init(BarnPart* parts, unsigned log2_parts) {
    parts_ = parts;
    log2_parts_ = log2_parts;
  }
  /// The part of the CPU that calls.
  unsigned here() const { return spread(CpuStack::where(), log2_parts_); }
  unsigned nr_parts() const { return 1u << log2_parts_; }

  /// A full sheaf: of this part, else of one that has sheaves to spare.  Nothing if there is none.
  /// `most`: how many sheaves a part of this cache keeps.
  Sheaf take(SheafPool& sheaves, unsigned part, unsigned most);
  /// A full sheaf of any part.
  Sheaf take_any(SheafPool& sheaves);
  /// False: the part is full, and the sheaf is still the caller's.
  bool put(SheafPool& sheaves, unsigned part, Sheaf full, unsigned most);
  /// Should the CPU keep half a sheaf? Call it once for each sheaf that a CPU of this part drains.
  bool swings(unsigned part);

  BarnPart& part(unsigned i) const { return parts_[i]; }
  unsigned nr_sheaves(const SheafPool& sheaves) const;
  /// The sum of a counter over all parts.
  uint64_t sum(Counter BarnPart::*counter) const;
  void reset_counters();
  /// Calls visit(sheaf) for each sheaf, on a quiet system.
  template <typename Visit>
  void each(SheafPool& sheaves, Visit visit) const {
    for (unsigned i = 0; i < nr_parts(); ++i) {
      uint32_t most = sheaves.nr_used();  // a sheaf that lies there twice would make the walk endless
      for (uint32_t index = parts_[i].full.top(); index && most--; index = sheaves.link(index).peek())
        visit(sheaves.parked(index));
    }
  }
  Fault check(SheafPool& sheaves) const;

 private:
  static bool has_to_spare(const SheafPool& sheaves, const BarnPart& part, unsigned most);

  BarnPart* parts_ = nullptr;
  unsigned log2_parts_ = 0;
};

}  // namespace kmem
