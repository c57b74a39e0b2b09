#pragma once
// Shrinkers: who holds memory that can be had back tells how much, and gives some of it when asked.

#include "page/gfp.h"
#include "page/registry.h"

namespace kmem {

/// One question to a shrinker.
struct ShrinkControl {
  Gfp gfp = 0;   // what the one who reclaims may do
  int nid = 0;   // the node that is short; 0 for a shrinker that does not look at nodes
  uint64_t nr_to_scan = 0;
  uint64_t nr_scanned = 0;  // of them; the shrinker may correct it
};

/// scan's answer: no progress can be made now.
inline constexpr uint64_t kShrinkStop = ~uint64_t{0};
/// count's answer: there is nothing.
inline constexpr uint64_t kShrinkEmpty = ~uint64_t{0} - 1;

/// Reclaim begins at this priority and looks at 1/2^12 of the objects; the lower the number, the harder.
inline constexpr int kDefPriority = 12;

struct Shrinker {
  using Ask = uint64_t (*)(Shrinker& self, ShrinkControl& control);
  Ask count = nullptr;  // objects that could be freed
  Ask scan = nullptr;   // frees some; how many
  void* owner = nullptr;
  uint64_t batch = 0;  // objects that one scan looks at; 0 for 128
  int seeks = 2;       // what it costs to make an object anew; 0 for almost nothing
  bool numa_aware = false;
  Gfp needs = 0;  // __GFP_FS, __GFP_IO: who may not do that does not call it
  Atomic<int64_t> deferred[kMaxNodes];  // scans owed, by node
};

class ShrinkerList {
 public:
  static constexpr unsigned kMost = 512;

  bool add(Shrinker& shrinker);
  /// Waits until its running calls have ended.  Task context.
  bool remove(Shrinker& shrinker) { return shrinkers_.remove(shrinker); }

  /// Asks those that these flags allow, for one node, at a priority; `first`: also those that do not look at nodes.
  /// Objects that were freed.  Task context.
  uint64_t shrink(Gfp gfp, unsigned node, int priority, bool first);
  uint32_t nr() const { return shrinkers_.nr(); }
  uint64_t nr_scanned() const { return nr_scanned_.peek(); }
  void after_fork() { shrinkers_.after_fork(); }

 private:
  uint64_t ask(Shrinker& shrinker, ShrinkControl& control, int priority);

  Registry<Shrinker, kMost> shrinkers_;
  Atomic<uint64_t> nr_scanned_{0};
};

}  // namespace kmem
