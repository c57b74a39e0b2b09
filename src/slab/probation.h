#pragma once
// Blocks on probation: without any boot word, the first blocks of each size and later one now and then come from checked
// caches. Most mistakes are repeated, and most happen early.

#include "slab/sized_caches.h"

namespace kmem {

class MappedBlocks;

/// Chooses the blocks of malloc() that are checked. Lock-free, any context; the counts are hints.
class Probation {
 public:
  /// Objects of checked caches: 32, 64, ... 4096.  Larger blocks are guarded by pages.
  static constexpr unsigned kNrClasses = 8;
  static constexpr size_t kLargestChecked = size_t{32} << (kNrClasses - 1);

  /// From now on checks the first `nr_blocks` of each size, and later one now and then.
  void start(CacheTable& caches, uint32_t nr_blocks);
  bool on() const { return KMEM_UNLIKELY(on_); }
  /// A checked block of up to MallocClasses::kMost bytes, if one is due, else null; `index`: of malloc's size classes.
  void* alloc(size_t size, unsigned index, MappedBlocks& mapped);
  /// Should this larger block have closed pages around it?
  bool takes_large(size_t size);
  bool has(const Cache* cache) const;

 private:
  Atomic<int32_t> until_checked_[kNrMallocClasses];  // counts down to 0, and on to the next checked block
  Atomic<int32_t> large_until_checked_{0};
  Cache* checked_[kNrClasses] = {};
  bool on_ = false;
};

}  // namespace kmem
