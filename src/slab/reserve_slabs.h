#pragma once
// Slabs that are apart: each object is allocated alone, and returns directly to its slab when it is freed, because the slab's
// frames have the shared class, which no fast path handles. Caches of less than 16 bytes have none: their free bits do not fit
// into a slab's first descriptor.
//
// Slabs of the reserve are made of frames that only requests may use that can go below the min mark. From a sheaf or a partial
// list, an object of such a slab could go to any caller. An empty slab returns to its zone at once. When memory is no longer
// low the slab becomes an ordinary one. Caches that keep their slabs for readers have none.
//
// Slabs of samples hold the objects that a heap profile knows (slab/sampled_blocks.h), so that their frees are seen. An empty
// one returns to its zone at once, but in a cache that keeps its slabs.

#include "base/atomic.h"
#include "page/gfp.h"

namespace kmem {

class NodeSlabs;
class Slab;
class SlabFrames;

enum class MemoryIs : uint8_t { Enough, Low };

/// The slabs of one cache that are apart. Lock-free, any context.
class ReserveSlabs {
 public:
  /// For a new cache.
  void init() { nr_.store(0); }
  /// Are there any?
  bool any() const { return KMEM_UNLIKELY(nr_.peek() != 0); }
  /// Marks a new slab as one of the reserve, or as one for samples.
  void add(Slab& slab);
  void add_sampled(Slab& slab);
  /// For a slab that is released.
  void count_down() { nr_.fetch_sub(1); }
  /// Does the object lie in a slab that is apart?
  bool has(const SlabFrames& frames, const void* object) const;
  /// A slab of the reserve with free objects, which the caller then holds; null if there is none. While memory is low, only
  /// for callers whose flags allow them the reserve.
  Slab* take(SlabFrames& frames, NodeSlabs& node, MemoryIs memory, Gfp gfp);

 private:
  Atomic<uint32_t> nr_{0};
};

}  // namespace kmem
