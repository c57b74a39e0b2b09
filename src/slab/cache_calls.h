#pragma once
// Counts of a cache's allocations and frees, if the boot word `stats` is given.

#include "base/types.h"

namespace kmem {

class SheafLayer;
class SlabLayer;

/// The counts.
struct CacheCalls {
  uint64_t refills = 0, drains = 0;  // exchanges of a CPU's sheaf
  uint64_t allocs = 0, frees = 0;    // of any kind; 0 if calls are not counted
  /// Calls that the CPUs' sheaves did not serve; all calls if every one goes to the slabs.
  uint64_t slow_allocs = 0, slow_frees = 0;
};

/// Counts in the parts of the cache's barns.  Any context.
class CallCounting {
 public:
  void init(const SlabLayer& slabs, const SheafLayer& sheaves) {
    slabs_ = &slabs;
    sheaves_ = &sheaves;
  }
  void count_alloc() const;
  void count_free() const;
  CacheCalls read() const;
  /// At the end of a cache: adds its counts to the sum over all caches, and resets them for the next cache in its place.
  void hand_over() const;

 private:
  const SlabLayer* slabs_ = nullptr;
  const SheafLayer* sheaves_ = nullptr;
};

}  // namespace kmem
