#pragma once
// The heap's calls while a profile is taken: some blocks are samples, and lie where the fast free paths do not handle them.

#include "page/gfp.h"
#include "slab/cache_table.h"

namespace kmem {

class Heap;
enum class Contents : uint8_t;

/// Has a fast path already counted the call for the profile?
enum class Counted : uint8_t { No, Already };

/// Lock-free, any context.
class SampledBlocks {
 public:
  /// Call it once, or again after a failure. False: there is no memory.
  bool make_caches(CacheTable& caches);

  /// As the heap's functions of these names, whether a profile is taken or not.
  void* malloc(Heap& heap, size_t size, Contents contents, Counted counted);
  void* malloc_aligned(Heap& heap, size_t size, size_t align);
  void* kmalloc(Heap& heap, size_t size, Gfp gfp, int nid, Counted counted, const void* site);
  /// As Cache::alloc(). A sample is an object of the cache like others, in a slab of its own (slab/reserve_slabs.h).
  static void* object_of(Cache& cache, Gfp gfp, int nid, Counted counted);

 private:
  /// The largest object that is sampled in a cache; no larger block has a fast free.
  static constexpr unsigned kNrCaches = 12;
  static constexpr size_t kMost = size_t{16} << (kNrCaches - 1);
  void* take(Heap& heap, size_t size, size_t align, Contents contents);
  void* object(size_t size, size_t align, Gfp gfp, Contents contents);
  static void* object_apart(Cache& cache, Gfp gfp);

  Atomic<Cache*> caches_[kNrCaches];  // of 16, 32, ... bytes
};

/// For a block that changes its size in place or with its pages: growth counts as another allocation.
class SampledResize {
 public:
  explicit SampledResize(const void* p);
  /// The block begins at p now; `from`: its old size in bytes, `to`: its new size.
  void end(const void* p, size_t from, size_t to);

 private:
  bool sampled_;
};

}  // namespace kmem
