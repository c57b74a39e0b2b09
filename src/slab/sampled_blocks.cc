#include "slab/sampled_blocks.h"

#include "base/format.h"
#include "base/memory.h"
#include "slab/heap.h"
#include "watch/fault_injection.h"
#include "watch/profile.h"

namespace kmem {
namespace {

bool is_due(size_t size, Counted counted) {
  if (size > ~size_t{0} >> 1) return false;
  return kmem_profile.take_due(counted == Counted::No ? size : 0);
}

}  // namespace

bool SampledBlocks::make_caches(CacheTable& caches) {
  for (unsigned i = 0; i < kNrCaches; ++i) {
    if (caches_[i].load()) continue;
    TextOf<32> name;
    const uint32_t size = 16u << i;
    size >= 1024 ? name.put("sampled-").dec(size / 1024).put('k') : name.put("sampled-").dec(size);
    Cache* cache = caches.create({.name = name.data(), .object_size = size, .align = 16, .frugal = true, .no_fast_path = true});
    if (!cache) return false;
    caches_[i].store(cache);
  }
  return true;
}

// Objects of these sizes are aligned to their size, up to a page.
void* SampledBlocks::object(size_t size, size_t align, Gfp gfp, Contents contents) {
  const size_t room = size < align ? align : size;
  Cache* cache = caches_[room <= 16 ? 0 : log2_ceil(room) - 4].load();
  void* p = cache ? cache->alloc(gfp, kNoNode, static_cast<uint32_t>(size ? size : 1)) : nullptr;
  if (p && contents == Contents::Zero) memset(p, 0, size);
  return p;
}

// A small block with more than a page's alignment is not sampled: it may be freed by the fast path.
void* SampledBlocks::take(Heap& heap, size_t size, size_t align, Contents contents) {
  if (size <= kMost && align > kPageSize) return nullptr;
  void* p = size <= kMost ? object(size, align, gfp::kKernel, contents)
            : align <= 16 ? heap.malloc(size, contents)
                          : heap.malloc_aligned(size, align);
  if (p) kmem_profile.record(p, size);
  return p;
}

void* SampledBlocks::malloc(Heap& heap, size_t size, Contents contents, Counted counted) {
  if (kmem_profile.is_on() && is_due(size, counted))
    if (void* p = take(heap, size, 16, contents)) return p;
  return heap.malloc(size, contents);
}

void* SampledBlocks::malloc_aligned(Heap& heap, size_t size, size_t align) {
  if (kmem_profile.is_on() && is_due(size, Counted::No))
    if (void* p = take(heap, size, align < 16 ? 16 : align, Contents::Any)) return p;
  return heap.malloc_aligned(size, align);
}

// Requests for a certain zone or node are not sampled.
void* SampledBlocks::kmalloc(Heap& heap, size_t size, Gfp gfp, int nid, Counted counted, const void* site) {
  const bool samples = kmem_profile.is_on() && nid < 0 && !(gfp & (gfp::kZoneMask | gfp::kThisNode)) && size <= kKmallocLimit;
  if (!samples || !is_due(size, counted)) return heap.kmalloc(size, gfp, nid, site);
  const bool small = size <= KmallocClasses::kMost;
  void* p = small ? object(size, 8, gfp & ~gfp::kZero, gfp & gfp::kZero ? Contents::Zero : Contents::Any)
                  : heap.kmalloc(size, gfp, nid, site);
  if (p) kmem_profile.record(p, size);
  return p || !small ? p : heap.kmalloc(size, gfp, nid, site);
}

// Null: there is no memory for it, or the cache has no slabs for samples.
void* SampledBlocks::object_apart(Cache& cache, Gfp gfp) {
  SlabLayer& slabs = cache.slabs();
  auto* object = static_cast<char*>(slabs.take_one(gfp, {.node = slabs.local_node(), .sampled = true}));
  if (!object) return nullptr;
  const CheckedObjects& checked = cache.checked();
  if (!cache.sheaves().on()) checked.alloc(object, cache.object_size());
  cache.calls().count_alloc();
  if (checked.seal().on()) checked.seal().open(object, cache.object_size());
  return object;
}

// The objects of a certain node, and those of less than 16 bytes, are not sampled. No fast path frees objects of the shared
// class.
void* SampledBlocks::object_of(Cache& cache, Gfp gfp, int nid, Counted counted) {
  const size_t size = cache.object_size();
  const bool samples = kmem_profile.is_on() && nid < 0 && !(gfp & gfp::kThisNode);
  if (!samples || !is_due(size, counted)) return cache.alloc(gfp, nid);
  if (cache.fast().class_byte != kSharedClass) {
    if (should_fail(FaultPoint::Slab, gfp, size, cache.name(), cache.setup().flags & cache_flag::kMayFail)) return nullptr;
    void* p = object_apart(cache, gfp);
    if (!p) return cache.alloc(gfp);
    kmem_profile.record(p, size);
    return p;
  }
  void* p = cache.alloc(gfp);
  if (p) kmem_profile.record(p, size);
  return p;
}

// Removes the sample before another block can begin at the address.
SampledResize::SampledResize(const void* p) : sampled_(kmem_profile.has_live() && kmem_profile.is_sampled(p)) {
  if (sampled_) kmem_profile.freed(p);
}

void SampledResize::end(const void* p, size_t from, size_t to) {
  if (to > from && kmem_profile.is_on()) sampled_ = is_due(to, Counted::No);
  if (sampled_) kmem_profile.record(p, to);
}

}  // namespace kmem
