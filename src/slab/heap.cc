#include "slab/heap.h"

#include "base/format.h"
#include "base/memory.h"
#include "slab/debug.h"
#include "watch/fault_injection.h"

namespace kmem {
namespace {

constexpr size_t kTooLarge = ~size_t{0} >> 1;  // PTRDIFF_MAX
constexpr size_t kLargestGuardedRun = 256 << 10;
char* page_end(char* at) { return reinterpret_cast<char*>(round_up(reinterpret_cast<uint64_t>(at), kPageSize)); }
constexpr uint64_t kLastLookFrames = 1 << 16;  // that are looked through for runs at the end of a program

}  // namespace

// Boot -----------------------------------------------------------------------------------------------------------------

// Red zones of the alignment that a large class has by nature would cost more than they find: a debugged class has
// malloc's own, and who asks for more gets a run.
uint32_t Heap::malloc_alignment(const char* name, uint32_t size) const {
  return world_->debug && world_->debug->flags_for(name) ? 16 : natural_alignment(size);
}

size_t Heap::metadata_bytes(unsigned nr_nodes) {
  return kMaxCaches * (sizeof(Cache) + nr_nodes * sizeof(CacheNode)) + MappedBlocks::metadata_bytes() + 3 * kPageSize;
}

void Heap::init(SlabWorld& world, char* base, char* metadata) {
  world_ = &world;
  base_ = base;
  caches_ = world.caches = reinterpret_cast<Cache*>(metadata);
  metadata += round_up(kMaxCaches * sizeof(Cache), kPageSize);
  nodes_ = reinterpret_cast<CacheNode*>(metadata);
  metadata += round_up(kMaxCaches * world.pages->nr_nodes() * sizeof(CacheNode), kPageSize);
  mapped_.init(metadata, world.pages);
  for (unsigned c = 0; c <= kSharedClass; ++c) world.divisors[c] = {};

  auto* by_size = reinterpret_cast<uint8_t*>(base + kMallocClasses);
  first_malloc_ = 1;
  for (unsigned i = 0, from = 0; i < kNrMallocClasses; ++i) {
    const uint32_t size = malloc_class_size(i);
    char name[32];
    Text text(Span<char>(name, sizeof name));
    text.put("malloc-").dec(size);
    const Cache* cache = create({.name = name, .object_size = size, .align = malloc_alignment(name, size)});
    for (; from < size / 16; ++from) by_size[from] = static_cast<uint8_t>(cache->id());
  }
  by_size = reinterpret_cast<uint8_t*>(base + kKmallocClasses);
  first_kmalloc_ = nr_caches() + 1;
  for (unsigned i = 0, from = 0; i < kNrKmallocClasses; ++i) {
    const Cache* cache = kmalloc_cache(i, 0);
    for (; from < kKmallocSizes[i] / 8; ++from) by_size[from] = static_cast<uint8_t>(cache->id());
  }
}

// Caches ---------------------------------------------------------------------------------------------------------------

Cache* Heap::place_for_cache(uint32_t& id) {
  for (id = 1; nr_retired_.peek() && id <= nr_caches(); ++id) {
    if (!caches_[id].reclaim_place()) continue;
    nr_retired_.fetch_sub(1);
    return &caches_[id];
  }
  id = nr_caches_.fetch_add(1) + 1;
  if (id < kMaxCaches) return &caches_[id];
  nr_caches_.fetch_sub(1);
  return nullptr;
}

Cache* Heap::create(const Cache::Setup& setup) {
  if (should_fail(FaultPoint::Cache, gfp::kKernel, sizeof(Cache), setup.name)) return nullptr;
  uint32_t id;
  Cache* cache = place_for_cache(id);
  if (!cache) return nullptr;
  if (cache->init(*world_, id, setup, nodes_ + size_t{id} * world_->pages->nr_nodes())) return cache;
  cache->retire();
  nr_retired_.fetch_add(1);
  return nullptr;
}

void Heap::divert(bool on) {
  world_->diverted = on;
  for (uint32_t id = 1; id <= nr_caches(); ++id) caches_[id].divert(on);
}

bool Heap::destroy(Cache* cache) {
  if (world_->guarded && world_->guarded->nr_of(*cache)) return false;
  // Another CPU's reclaim may have slabs or sheaves of it in hand, though not for long.
  constexpr int kTries = 16;
  for (int tries = 0; tries < kTries; ++tries) {
    cache->shrink(true, true);
    if (!cache->nr_slabs()) break;
  }
  if (cache->nr_slabs()) return false;
  cache->retire();
  nr_retired_.fetch_add(1);
  return true;
}

uint64_t Heap::shrink_all(bool everywhere) {
  uint64_t released = 0;
  for (uint32_t id = 1; id <= nr_caches(); ++id)
    if (caches_[id].live()) released += caches_[id].shrink(everywhere);
  return released;
}

uint64_t Heap::reclaim(bool everywhere) {
  uint64_t frames = 0;
  for (uint32_t id = 1; id <= nr_caches(); ++id)
    if (caches_[id].may_be_reaped()) frames += caches_[id].reap(everywhere) * caches_[id].shape().order.pages();
  return frames;
}

void Heap::ebb() {
  for (uint32_t id = 1; id <= nr_caches(); ++id)
    if (caches_[id].may_be_reaped()) caches_[id].ebb();
}

// The caches of the DMA zones are made when they are first asked for; two CPUs may both make one, and one wins.
Cache* Heap::kmalloc_cache(unsigned index, Gfp gfp) {
  const Gfp zone = gfp & (gfp::kDma | gfp::kDma32);
  Atomic<uint32_t>* dma = zone ? &dma_caches_[index][zone & gfp::kDma ? 0 : 1] : nullptr;
  if (dma && dma->load()) return &caches_[dma->load()];
  const uint32_t size = kKmallocSizes[index];
  char name[32];
  Text text(Span<char>(name, sizeof name));
  text.put(zone & gfp::kDma ? "dma-kmalloc-" : zone ? "dma32-kmalloc-" : "kmalloc-");
  size >= 1024 ? text.dec(size / 1024).put("k") : text.dec(size);
  Cache* cache = create({.name = name, .object_size = size, .align = natural_alignment(size), .gfp = zone});
  uint32_t none = 0;
  if (!dma || !cache || dma->compare_exchange(none, cache->id())) return cache;
  destroy(cache);
  return &caches_[none];
}

// kmalloc --------------------------------------------------------------------------------------------------------------

size_t Heap::kmalloc_size(size_t size) const {
  if (size > kKmallocLimit) return size;
  if (size > kKmallocMax) return round_up(size, kPageSize);
  if (!size) return 0;
  for (const uint32_t class_size : kKmallocSizes)
    if (size <= class_size) return class_size;
  return size;
}

void* Heap::kmalloc(size_t size, Gfp gfp, int nid) {
  if (size > kKmallocLimit) return nullptr;
  if (size > kKmallocMax) return alloc_run(size, gfp, nid, is_power_of_two(size) ? size : 1);
  unsigned index = 0;
  while (kKmallocSizes[index] < size) ++index;
  Cache* cache = gfp & (gfp::kDma | gfp::kDma32) ? kmalloc_cache(index, gfp) : &caches_[first_kmalloc_ + index];
  if (nid < 0 && cache)
    if (void* sampled = sample(*cache, size, natural_alignment(kKmallocSizes[index]), gfp, gfp & gfp::kZero)) return sampled;
  void* p = cache ? cache->alloc(gfp, nid, static_cast<uint32_t>(size)) : nullptr;
  if (p && (gfp & gfp::kZero)) memset(p, 0, cache->usable(p));
  return p;
}

void* Heap::alloc_run(size_t size, Gfp gfp, int nid, size_t align) {
  const uint64_t nr = round_up(size, kPageSize) >> kPageShift;
  const Order order{static_cast<uint8_t>(log2_ceil((align + kPageSize - 1) >> kPageShift))};
  bool zeroed;
  if (world_->init_on_alloc) gfp |= gfp::kZero;
  Page* page = world_->pages->alloc_run(gfp, nr, order, nid, zeroed);
  if (!page) return nullptr;
  count_large(page);
  page->aux2 = 0;
  nr_runs_.add();
  char* p = world_->pages->address(world_->pages->pfn_of(page));
  if (KMEM_UNLIKELY(world_->tells)) kmem_port_tell(gfp & gfp::kZero ? Tell::GivenWhole : Tell::Given, p, nr << kPageShift);
  return p;
}

// No fast path serves what no cache does.
void* Heap::count_large(void* p) {
  if (CallCounts* counts = world_->counts; KMEM_UNLIKELY(counts != nullptr) && p) counts->allocs.add(), counts->slow_allocs.add();
  return p;
}

// malloc ---------------------------------------------------------------------------------------------------------------

void* Heap::malloc(size_t size, bool zero) {
  if (size > kTooLarge) return nullptr;
  if (size > kMallocMax) return malloc_large(size, zero);
  Cache& cache = malloc_cache(size);
  if (void* sampled = sample(cache, size, 16, gfp::kKernel, zero)) return sampled;
  void* p = KMEM_UNLIKELY(probation_) ? malloc_checked(size) : nullptr;
  if (!p) p = cache.alloc(gfp::kKernel, kNoNode, static_cast<uint32_t>(size));
  if (p && zero) memset(p, 0, size);
  return p;
}

void* Heap::malloc_large(size_t size, bool zero) {
  // Between the two, huge pages are worth more than a guard; beyond, growing without a copy is.
  const bool fits = size <= kLargestGuardedRun || (size >= kMappedFrom && size < 4 * kMappedFrom);
  const bool on_probation = probation_ && fits;
  const int32_t left = on_probation ? large_until_checked_.peek() : 0;
  if (left > 0) large_until_checked_.poke(left - 1);
  if (left > 0 || guards_large_)
    if (void* p = mapped_.alloc_guarded(size, 16)) return count_large(p);
  if (size < kMappedFrom) {
    if (void* p = alloc_run(size, gfp::kKernel | (zero ? gfp::kZero : 0), kNoNode, 1)) {
      remember_asked(p, size);
      return p;
    }
  }
  return count_large(mapped_.alloc(size, 1));
}

// Behind the bytes that malloc was asked for, to the end of the last page, stands a pattern: runs are slow enough.  All of it,
// for what is written in front of the run behind lands there as well.
void Heap::remember_asked(void* run, size_t size) {
  world_->pages->page_at(world_->pages->pfn_of_address(run))->aux2 = static_cast<uint32_t>(size);
  char* const at = static_cast<char*>(run) + size;
  pattern::fill_red(at, page_end(at), world_->red_key);
}

bool Heap::check_run(char* run) {
  const uint32_t size = world_->pages->page_at(world_->pages->pfn_of_address(run))->aux2;
  char* const at = run + size;
  const char* wrong = size ? pattern::find_not_red(at, page_end(at), world_->red_key) : nullptr;
  if (KMEM_LIKELY(!wrong)) return true;
  static RateLimit limit;
  bug_report_limited(limit, Trouble::Bug,
                     "write past the end of %p, a block of %u bytes%s: byte %llu is 0x%02x instead of 0x%02x",
                     static_cast<void*>(run), size, at[0] == red_at(at) ? ", or in front of what follows it" : "",
                     static_cast<unsigned long long>(wrong - run), static_cast<uint8_t>(*wrong), static_cast<uint8_t>(red_at(wrong)));
  pattern::fill_red(at, page_end(at), world_->red_key);
  return false;
}

char Heap::red_at(const char* at) const { return static_cast<char>(pattern::red_byte(pattern::kRedActive, world_->red_key, at)); }

// Those that nobody has freed, as far as a look at so many descriptors finds them.
uint64_t Heap::check_runs() {
  PageAllocator& pages = *world_->pages;
  if (!nr_runs()) return 0;
  uint64_t faults = 0, pfn = 0;
  for (uint64_t seen = 0; pfn < pages.frames_end() && seen < kLastLookFrames; ++seen) {
    const Page* page = pages.is_online({pfn}) ? pages.page_at({pfn}) : nullptr;
    if (!page) {
      pfn = round_up(pfn + 1, kSectionFrames);
      continue;
    }
    const bool is_run = page->kind() == PageKind::Run && world_->frame_class[pfn] == kNoClass;
    if (is_run && page->aux2) faults += !check_run(pages.address({pfn}));
    pfn += is_run && page->aux ? page->aux : 1;
  }
  return faults;
}

void* Heap::malloc_aligned(size_t size, size_t align) {
  if (size > kTooLarge || align > kTooLarge) return nullptr;
  if (align <= 16) return malloc(size, false);
  if (align <= kPageSize && size <= kMallocMax) {
    // The classes that are multiples of the alignment have it; a power of two always does.
    for (size_t want = round_up(size ? size : 1, align); want <= kMallocMax; want += align) {
      const auto* by_size = reinterpret_cast<const uint8_t*>(base_ + kMallocClasses);
      Cache& cache = caches_[by_size[(want - 1) / 16]];
      if (cache.debug().on() && align > cache.align()) break;
      if (cache.object_size() % align == 0) return cache.alloc(gfp::kKernel, kNoNode, static_cast<uint32_t>(size ? size : 1));
    }
  }
  if (size < kMappedFrom && align < kMappedFrom)
    if (void* p = alloc_run(size ? size : 1, gfp::kKernel, kNoNode, align)) return p;
  return count_large(mapped_.alloc(size ? size : 1, align));
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
    Cache* cache = c != kSharedClass
                       ? &caches_[c]
                       : &caches_[Slab::of(page->kind() == PageKind::SlabTail ? page - page->aux : page).cache_id()];
    return cache->owns(p) ? Block{BlockKind::Object, cache, cache->usable(p)} : Block{BlockKind::Inside, cache, 0};
  }
  if (world_->guarded && world_->guarded->contains(p)) {
    GuardedPool::Object object;
    if (!world_->guarded->find(p, object)) return {BlockKind::Guarded, nullptr, 0};
    return {BlockKind::Guarded, const_cast<Cache*>(object.cache), object.size};
  }
  const Page* page = pages.page_at(pfn);
  const bool at_start = reinterpret_cast<uint64_t>(p) % kPageSize == 0;
  if (page->kind() == PageKind::Run && at_start)
    return {BlockKind::Run, nullptr, page->aux2 ? page->aux2 : uint64_t{page->aux} << kPageShift};
  if (page->kind() == PageKind::Block && at_start) return {BlockKind::Pages, nullptr, page->order().bytes()};
  return {pages.zone_of(pfn)->frames().is_free(pfn) ? BlockKind::Free : BlockKind::Inside, nullptr, 0};
}

// Runs of kmalloc's and those that malloc aligned look alike.
Family Heap::family_of(const void* p, const Block& block) const {
  if (block.kind == BlockKind::Mapped) return Family::Malloc;
  if (block.kind == BlockKind::Run)
    return world_->pages->page_at(world_->pages->pfn_of_address(p))->aux2 ? Family::Malloc : Family::Unknown;
  if (!block.cache || (block.kind != BlockKind::Object && block.kind != BlockKind::Guarded)) return Family::Unknown;
  const uint32_t id = block.cache->id();
  if (id < first_kmalloc_) return Family::Malloc;
  if (id < first_kmalloc_ + kNrKmallocClasses) return Family::Kmalloc;
  for (const Cache* checked : checked_)
    if (block.cache == checked) return Family::Malloc;
  for (const auto& zones : dma_caches_)
    if (zones[0].peek() == id || zones[1].peek() == id) return Family::Kmalloc;
  return Family::OwnCache;
}

bool Heap::free(void* p) {
  const Block block = classify(p);
  if (block.kind == BlockKind::Object) {
    block.cache->free(p);
    return true;
  }
  if (block.kind == BlockKind::Guarded) {
    free_guarded(p, block);
    return true;
  }
  if (block.kind != BlockKind::Mapped && block.kind != BlockKind::Run) return false;
  if (CallCounts* counts = world_->counts; KMEM_UNLIKELY(counts != nullptr)) counts->frees.add(), counts->slow_frees.add();
  if (block.kind == BlockKind::Mapped) return mapped_.free(p);
  check_run(static_cast<char*>(p));
  if (world_->init_on_free) memset(p, 0, block.bytes);
  if (KMEM_UNLIKELY(world_->tells)) {
    kmem_port_tell(Tell::Taken, p, block.bytes);
    kmem_port_tell(Tell::Open, p, block.bytes);
  }
  world_->pages->free_run(world_->pages->page_at(world_->pages->pfn_of_address(p)));
  return true;
}

// What a bad pointer into the pool is told of is the pool's affair.
void Heap::free_guarded(void* p, const Block& block) {
  if (block.cache && block.cache->hook()) block.cache->hook()(p, block.cache, false);
  if (block.cache) block.cache->count_free();
  world_->guarded->free(p);
}

void* Heap::sample(Cache& cache, size_t size, size_t align, Gfp gfp, bool zero) {
  GuardedPool* pool = world_->guarded;
  if (KMEM_LIKELY(!pool || !pool->due())) return nullptr;
  if ((gfp & (gfp::kZoneMask | gfp::kThisNode)) || !cache.may_be_guarded()) {
    pool->skip();
    return nullptr;
  }
  void* p = pool->alloc(cache, size, align);
  if (!p) return nullptr;
  if (zero || (world_->init_on_alloc && !cache.hook())) memset(p, 0, size);
  if (cache.hook()) cache.hook()(p, &cache, true);
  cache.count_alloc();
  return p;
}

// realloc --------------------------------------------------------------------------------------------------------------

void* Heap::move(void* p, size_t old, size_t size, Gfp gfp, bool by_malloc) {
  void* moved = by_malloc ? malloc(size, false) : kmalloc(size, gfp, kNoNode);
  if (!moved) return nullptr;
  memcpy(moved, p, old < size ? old : size);
  return free(p) ? moved : nullptr;
}

// In place where the frames behind it are free; shorter always.
void* Heap::realloc_run(void* p, size_t size, bool by_malloc) {
  const uint64_t nr = round_up(size, kPageSize) >> kPageShift;
  if (by_malloc && (size <= kMallocMax || size >= kMappedFrom)) return nullptr;
  if (!by_malloc && (size <= kKmallocMax || size > kKmallocLimit)) return nullptr;
  if (KMEM_UNLIKELY(world_->tells)) return nullptr;  // a checker knows each block by its size
  Page* page = world_->pages->page_at(world_->pages->pfn_of_address(p));
  const uint64_t old = page->aux;
  check_run(static_cast<char*>(p));
  bool zeroed;
  if (world_->init_on_free && nr < old) memset(static_cast<char*>(p) + (nr << kPageShift), 0, (old - nr) << kPageShift);
  if (!world_->pages->resize_run(page, nr, zeroed)) return nullptr;
  if (world_->init_on_alloc && nr > old) memset(static_cast<char*>(p) + (old << kPageShift), 0, (nr - old) << kPageShift);
  if (page->aux2) remember_asked(p, size);
  return p;
}

void* Heap::realloc(void* p, size_t size, Gfp gfp, bool by_malloc) {
  const Block block = classify(p);
  if (!block.bytes || size > kTooLarge) return nullptr;
  switch (block.kind) {
    case BlockKind::Object: {
      const auto* by_size = reinterpret_cast<const uint8_t*>(base_ + kMallocClasses);
      const bool same = by_malloc ? size && size <= kMallocMax && by_size[(size - 1) / 16] == block.cache->id()
                                  : size <= block.bytes && kmalloc_size(size) == block.bytes;
      if (same && !block.cache->debug().on()) return p;
      break;
    }
    case BlockKind::Run:
      if (void* same = realloc_run(p, size, by_malloc)) return same;
      break;
    case BlockKind::Mapped:
      if (size >= kMappedFrom && !mapped_.is_guarded(p)) return mapped_.resize(p, size);
      break;
    case BlockKind::Guarded:
      if (size == block.bytes) return p;
      break;
    default:
      return nullptr;
  }
  return move(p, block.bytes, size, gfp, by_malloc);
}

}  // namespace kmem
