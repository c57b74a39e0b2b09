#pragma once
// Shrinkers: functions of a program's caches that count freeable objects, and free some of them.

#include "page/gfp.h"
#include "page/registry.h"

namespace kmem {

/// The arguments of a call of a shrinker.
struct ShrinkControl {
  Gfp gfp = 0;  // flags of the reclaiming request
  int nid = 0;  // the node that is short; 0 for a shrinker that is not numa_aware
  uint64_t nr_to_scan = 0;
  uint64_t nr_scanned = 0;  // of them; the shrinker may correct it
};

/// Result of scan: no progress can be made now.
inline constexpr uint64_t kShrinkStop = ~uint64_t{0};
/// Result of count: there are no objects.
inline constexpr uint64_t kShrinkEmpty = ~uint64_t{0} - 1;

/// Reclaim begins at this priority and looks at 1/2^12 of the objects; the lower the number, the harder.
inline constexpr int kDefPriority = 12;

struct Shrinker {
  using Ask = uint64_t (*)(Shrinker& self, ShrinkControl& control);
  Ask count = nullptr;  // objects that could be freed
  Ask scan = nullptr;   // frees some; how many
  void* owner = nullptr;
  uint64_t batch = 0;  // objects that one scan looks at; 0 for 128
  int seeks = 2;       // the cost of making an object again; 0 for almost none
  bool numa_aware = false;
  Gfp needs = 0;                        // __GFP_FS, __GFP_IO: requests without these flags do not call it
  Atomic<int64_t> deferred[kMaxNodes];  // deferred scans, by node
};

/// Shrinkers that are not numa_aware are called once in a round, with its first node.
enum class NodelessShrinkers : uint8_t { Skip, Ask };

class ShrinkerList {
 public:
  static constexpr unsigned kMost = 512;

  bool add(Shrinker& shrinker);
  /// Waits until its running calls have ended.  Task context.
  bool remove(Shrinker& shrinker) { return shrinkers_.remove(shrinker); }

  /// Calls the shrinkers that these flags allow, for one node, at a priority. Returns the number of objects freed.  Task
  /// context.
  uint64_t shrink(Gfp gfp, unsigned node, int priority, NodelessShrinkers nodeless);
  uint32_t nr() const { return shrinkers_.nr(); }
  uint64_t nr_scanned() const { return nr_scanned_.peek(); }
  void after_fork() { shrinkers_.after_fork(); }
  Fault check() const { return shrinkers_.check(); }

 private:
  uint64_t ask(Shrinker& shrinker, ShrinkControl& control, int priority);

  Registry<Shrinker, kMost> shrinkers_;
  Atomic<uint64_t> nr_scanned_{0};
};

}  // namespace kmem
