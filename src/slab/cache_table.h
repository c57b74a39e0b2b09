#pragma once
// All caches of the system.

#include "slab/cache.h"
#include "slab/cache_node.h"

namespace kmem {

/// Lock-free, any context.  Caches are never moved.
class CacheTable {
 public:
  static constexpr uint32_t kMost = 2048;

  static size_t metadata_bytes(unsigned nr_nodes, uint32_t nr_cpus);
  /// `metadata` is zeroed; returns the end of the part that the table uses.
  char* init(SlabWorld& world, char* metadata);

  /// A new cache; null if there is no more room.
  Cache* create(const Cache::Setup& setup);
  /// False: objects are still out, and nothing has changed.
  bool destroy(Cache* cache);

  /// Closed: from now on every allocation calls Cache::alloc().
  void set_fast_path(FastPath path);
  /// Shrinks all caches; returns the number of slabs released.
  uint64_t shrink_all(OtherCpus others);
  /// Reaps all caches that may be shrunk when memory is short; returns the number of frames released.
  uint64_t reclaim(OtherCpus others);
  /// After use has fallen: drains CPUs' sheaves and barns. Until a cache grows again its sheaves and barns hold little.
  void shrink_idle();

  /// `id` from 1 to nr(); destroyed caches are not live().
  Cache& at(uint32_t id) const { return caches_[id]; }
  uint32_t nr() const { return nr_.peek(); }
  const Atomic<uint32_t>& count() const { return nr_; }
  /// The live cache at this address, or null. Any address may be passed.
  Cache* find(const void* at) const {
    const uint64_t offset = reinterpret_cast<uintptr_t>(at) - reinterpret_cast<uintptr_t>(caches_), id = offset / sizeof(Cache);
    return offset % sizeof(Cache) == 0 && id - 1 < nr() && caches_[id].live() ? &caches_[id] : nullptr;
  }

 private:
  Cache* take_place(uint32_t& id);
  CacheNodes nodes_of(uint32_t id) const;

  SlabWorld* world_ = nullptr;
  Cache* caches_ = nullptr;  // by id; 0 is unused
  CacheNodes nodes_;         // of the first; the others follow
  Atomic<uint32_t> nr_{0};
  Atomic<uint32_t> nr_retired_{0};  // places of destroyed caches, for reuse
};

}  // namespace kmem
