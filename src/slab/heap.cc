#include "slab/heap.h"

#include "base/memory.h"
#include "base/sparse.h"
#include "page/page_allocator.h"
#include "watch/free_watch.h"
#include "watch/profile.h"
#include "watch/report.h"

namespace kmem {
namespace {

constexpr size_t kTooLarge = ~size_t{0} >> 1;  // PTRDIFF_MAX

}  // namespace

size_t Heap::metadata_bytes(unsigned nr_nodes, uint32_t nr_cpus) {
  return CacheTable::metadata_bytes(nr_nodes, nr_cpus) + MappedBlocks::metadata_bytes() + Runs::metadata_bytes() + kPageSize;
}

void Heap::init(SlabWorld& world, char* base, char* metadata) {
  world_ = &world;
  metadata = caches_.init(world, metadata);
  mapped_.init(metadata, world.pages);
  runs_.init(world, metadata + MappedBlocks::metadata_bytes());
  for (unsigned c = 0; c <= kSharedClass; ++c) world.divisors[c] = {};
  sizes_.init(world, caches_, base);
}

// kmalloc --------------------------------------------------------------------------------------------------------------

void* Heap::kmalloc(size_t size, Gfp gfp, int nid, const void* site) {
  if (size > kKmallocLimit) return nullptr;
  if (size > KmallocClasses::kMost) return count_large(runs_.alloc(size, gfp, nid));
  Cache* cache = sizes_.kmalloc(size, gfp, site);
  if (!cache) return nullptr;
  const Contents contents = gfp & gfp::kZero ? Contents::Zero : Contents::Any;
  if (nid < 0)
    if (void* sampled = sample(*cache, size, cache->setup().align, gfp, contents)) return sampled;
  void* p = cache->alloc(gfp, nid, static_cast<uint32_t>(size));
  if (p && contents == Contents::Zero) memset(p, 0, cache->checked().usable(p));
  return p;
}

// Counts a block that no cache counts, as a slow allocation.
void* Heap::count_large(void* p) {
  if (CallCounts* counts = world_->counts; KMEM_UNLIKELY(counts != nullptr) && p)
    counts->allocs.add(), counts->slow_allocs.add();
  return p;
}

// malloc ---------------------------------------------------------------------------------------------------------------

void* Heap::malloc(size_t size, Contents contents) {
  if (size > kTooLarge) return nullptr;
  if (size > MallocClasses::kMost - canary_) return malloc_large(size, contents);
  Cache& cache = sizes_.malloc(size + canary_);
  if (void* sampled = sample(cache, size, 16, gfp::kKernel, contents)) return sampled;
  void* p = probation_.on() ? probation_.alloc(size, sizes_.malloc_index(size), mapped_) : nullptr;
  if (!p) p = cache.alloc(gfp::kKernel, kNoNode, static_cast<uint32_t>(size));
  // A block larger than a page may have pages that were never touched, which are not written. Not with a checker, which would
  // report the reads.
  if (!p || contents == Contents::Any) return p;
  if (size > kPageSize && !world_->tells) clear_sparsely(static_cast<char*>(p), size);
  else memset(p, 0, size);
  return p;
}

void* Heap::malloc_large(size_t size, Contents contents) {
  if (probation_.takes_large(size) || size - guarded_from_ < guarded_to_ - guarded_from_)
    if (void* p = mapped_.alloc_guarded(size, 16)) return count_large(p);
  if (size < kMappedFrom)
    if (void* p = runs_.alloc_aligned(size, 1, contents)) return count_large(p);
  return count_large(mapped_.alloc(size, 1, contents));
}

void* Heap::malloc_aligned(size_t size, size_t align) {
  if (size > kTooLarge || align > kTooLarge) return nullptr;
  if (align <= 16) return malloc(size, Contents::Any);
  const size_t asked = size ? size : 1;
  if (align <= kPageSize && size <= MallocClasses::kMost - canary_)
    if (Cache* cache = sizes_.malloc_aligned(size + canary_, align))
      return cache->alloc(gfp::kKernel, kNoNode, static_cast<uint32_t>(asked));
  if (size < kMappedFrom && align < kMappedFrom)
    if (void* p = runs_.alloc_aligned(asked, align, Contents::Any)) return count_large(p);
  return count_large(mapped_.alloc(asked, align, Contents::Any));
}

// free -----------------------------------------------------------------------------------------------------------------

Block Heap::classify(const void* p) {
  PageAllocator& pages = *world_->pages;
  const Pfn pfn = pages.pfn_of_address(p);
  if (pfn.value >= pages.frames_end() || !pages.is_online(pfn)) {
    const size_t bytes = mapped_.size_of(p);
    if (!bytes && mapped_.is_held(p)) return {BlockKind::Free, nullptr, 0};
    return bytes ? Block{BlockKind::Mapped, nullptr, bytes} : Block{};
  }
  if (const uint8_t c = world_->frame_class[pfn.value]) {
    Page* page = pages.page_at(pfn);
    Cache* cache =
        &caches_.at(c != kSharedClass ? c : Slab::of(page->kind() == PageKind::SlabTail ? page - page->aux : page).cache_id());
    return cache->slabs().owns(p) ? Block{BlockKind::Object, cache, cache->checked().usable(p)}
                                  : Block{BlockKind::Inside, cache, 0};
  }
  if (world_->guarded && world_->guarded->contains(p)) {
    GuardedPool::Object object;
    if (!world_->guarded->find(p, object)) return {BlockKind::Guarded, nullptr, 0};
    return {BlockKind::Guarded, const_cast<Cache*>(object.cache), object.size};
  }
  if (const Run run = runs_.at(p); run.pages) return {BlockKind::Run, nullptr, run.bytes()};
  if (runs_.kept_at(p).pages) return {BlockKind::Free, nullptr, 0};
  const Page* page = pages.page_at(pfn);
  const bool at_start = reinterpret_cast<uint64_t>(p) % kPageSize == 0;
  if (page->kind() == PageKind::Block && at_start)
    return {BlockKind::Pages, nullptr, static_cast<size_t>(page->order().bytes())};
  return {pages.zone_of(pfn)->frames().is_free(pfn) ? BlockKind::Free : BlockKind::Inside, nullptr, 0};
}

Family Heap::family_of(const void* p, const Block& block) const {
  if (block.kind == BlockKind::Mapped) return Family::Malloc;
  if (block.kind == BlockKind::Run) return runs_.is_mallocs(p) ? Family::Malloc : Family::Kmalloc;
  if (!block.cache || (block.kind != BlockKind::Object && block.kind != BlockKind::Guarded)) return Family::Unknown;
  return probation_.has(block.cache) ? Family::Malloc : sizes_.family_of(block.cache->id());
}

bool Heap::free(void* p, const Block& block) {
  if (kmem_profile.has_live()) kmem_profile.freed(p);
  if (block.kind == BlockKind::Object) return block.cache->free(p), true;
  if (block.kind == BlockKind::Guarded) return free_guarded(p, block), true;
  if (block.kind != BlockKind::Mapped && block.kind != BlockKind::Run) return false;
  if (CallCounts* counts = world_->counts; KMEM_UNLIKELY(counts != nullptr)) counts->frees.add(), counts->slow_frees.add();
  if (block.kind == BlockKind::Mapped)
    return mapped_.free(p, runs_.keeps() ? MappedBlocks::Freed::MayStay : MappedBlocks::Freed::Goes);
  return runs_.free(p), true;
}

// The pool reports a bad pointer.
void Heap::free_guarded(void* p, const Block& block) {
  tell_freed(p, block.bytes);
  if (block.cache && block.cache->setup().hook) block.cache->setup().hook(p, block.cache, HookCall::Destroy);
  if (block.cache) block.cache->calls().count_free();
  world_->guarded->free(p);
}

void* Heap::sample(Cache& cache, size_t size, size_t align, Gfp gfp, Contents contents) {
  GuardedPool* pool = world_->guarded;
  if (KMEM_LIKELY(!pool || !pool->due())) return nullptr;
  if ((gfp & (gfp::kZoneMask | gfp::kThisNode)) || !cache.setup().may_be_guarded()) {
    pool->skip();
    return nullptr;
  }
  void* p = pool->alloc(cache, size, align);
  if (!p) return nullptr;
  const ObjectHook hook = cache.setup().hook;
  if (contents == Contents::Zero || (world_->init_on_alloc && !hook)) memset(p, 0, size);
  if (hook) hook(p, &cache, HookCall::Construct);
  cache.calls().count_alloc();
  return p;
}

// realloc --------------------------------------------------------------------------------------------------------------

void* Heap::move(void* p, size_t old, size_t size) {
  // A mapped block reads as zero, so untouched pages of the old block need not be copied into it.
  const bool sparsely = size >= kMappedFrom && !world_->tells;
  void* moved = samples_.malloc(*this, size, sparsely ? Contents::Zero : Contents::Any, Counted::No);
  if (!moved) return nullptr;
  const size_t bytes = old < size ? old : size;
  if (sparsely) copy_sparsely(static_cast<char*>(moved), static_cast<char*>(p), bytes);
  else memcpy(moved, p, bytes);
  return free(p) ? moved : nullptr;
}

// Shrinks in place: sets up the checks behind the new end, and from then on a free may pass the new size.
bool Heap::trim_block(void* p, const Block& block, size_t size) {
  switch (block.kind) {
    case BlockKind::Object: {
      const ObjectDebug& debug = block.cache->checked().debug();
      if (debug.on()) debug.resize(static_cast<char*>(p), static_cast<uint32_t>(size));
      if (block.cache->checked().seal().on()) block.cache->checked().seal().resize(static_cast<char*>(p), size);
      return true;
    }
    case BlockKind::Mapped: return mapped_.is_guarded(p) ? mapped_.shrink_guarded(p, size) : mapped_.resize(p, size) == p;
    case BlockKind::Guarded: return world_->guarded->shrink(p, size);
    default: return false;
  }
}

// Grows within the block's room. The usable size of a checked block is the requested size, so without this each growth would be
// a move.
bool Heap::grow_within(void* p, const Block& block, size_t size) {
  if (size <= block.bytes) return false;
  if (block.kind == BlockKind::Mapped) return mapped_.grow_guarded(p, size);
  if (block.kind != BlockKind::Object || size > block.cache->object_size()) return false;
  if (const Seal& seal = block.cache->checked().seal(); seal.on()) {
    if (size > block.cache->object_size() - canary_) return false;
    return seal.resize(static_cast<char*>(p), size), true;
  }
  const ObjectDebug& debug = block.cache->checked().debug();
  if (debug.has_meta()) debug.resize(static_cast<char*>(p), static_cast<uint32_t>(size));
  return debug.has_meta();
}

// A mapped block that becomes longer may have another address then.
bool Heap::resize_block(void*& p, const Block& block, size_t size) {
  if (block.kind != BlockKind::Run && mapped_.is_guarded(p)) return false;
  SampledResize sample(p);
  void* resized = block.kind != BlockKind::Run ? mapped_.resize(p, size) : runs_.resize(p, size) ? p : nullptr;
  if (resized) p = resized;
  sample.end(p, block.bytes, resized ? size : block.bytes);
  return resized;
}

bool Heap::is_looked_after(const Cache& cache) { return cache.checked().debug().on() || cache.checked().seal().on(); }

// False for debugged and sealed objects, because the bytes behind their end must be set up again.
bool Heap::same_class(const Block& block, size_t size) const {
  return block.kind == BlockKind::Object && !is_looked_after(*block.cache) && size && size <= MallocClasses::kMost &&
         &sizes_.malloc(size) == block.cache;
}

void* Heap::realloc(void* p, size_t size) {
  const Block block = classify(p);
  if (size > kTooLarge) return nullptr;
  if (grow_within(p, block, size)) return p;
  switch (way_of({block.kind, block.bytes, size, same_class(block, size)})) {
    case ReallocWay::Refuse: return nullptr;
    case ReallocWay::Keep: return p;
    case ReallocWay::Trim:
      if (trim_block(p, block, size)) return p;
      break;
    case ReallocWay::Resize:
      if (resize_block(p, block, size)) return p;
      break;
    case ReallocWay::Move: break;
  }
  return move(p, block.bytes, size);
}

// Mistakes ---------------------------------------------------------------------------------------------------------------

void Heap::drain_sheaves() {
  for (uint32_t id = 1; id <= nr_caches(); ++id)
    if (cache(id).live() && cache(id).nr_slabs() && cache(id).sheaves().on()) cache(id).sheaves().drain(OtherCpus::Ask);
}

uint64_t Heap::validate() {
  uint64_t faults = 0;
  for (uint32_t id = 1; id <= nr_caches(); ++id)
    if (cache(id).live() && cache(id).nr_slabs() && (!cache(id).sheaves().on() || cache(id).checked().seal().on()))
      faults += cache(id).validate();
  return faults + runs_.validate() + mapped_.validate();
}

// Without a red zone the exact size is unknown: realloc() may have left the object in place.
void Heap::check_size(const void* p, const Block& block, size_t size) {
  const size_t most = block.bytes;
  const bool plain = block.kind == BlockKind::Object && !is_looked_after(*block.cache);
  bool right = !size || size == most;
  if (plain) right = right || object_stays(most, size, [&] { return same_class(block, size); });
  if (block.kind == BlockKind::Mapped && !mapped_.is_guarded(p))
    right = right || round_up(size, kPageSize) == round_up(most, kPageSize);
  if (right) return;
  static RateLimit limit;
  bug_report_limited(limit, Trouble::Bug, "sized free of %p: %zu bytes are given back, %zu were %s", p, size, most,
                     plain ? "its room" : "asked for");
}

Fault Heap::check() const {
  if (const Fault fault = runs_.check()) return fault;
  return mapped_.check();
}

}  // namespace kmem
