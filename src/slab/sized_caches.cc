#include "slab/sized_caches.h"

#include "base/format.h"

namespace kmem {

// With the natural alignment of a large class, red zones would waste too much: a debugged class has malloc's alignment, and a
// request for more gets a run.
uint32_t SizedCaches::malloc_alignment(const char* name, uint32_t size) const {
  return world_->debug && world_->debug->flags_for(name) ? 16 : natural_alignment(size);
}

void SizedCaches::init(const SlabWorld& world, CacheTable& caches, char* base) {
  world_ = &world;
  caches_ = &caches;
  base_ = base;
  first_malloc_ = caches.nr() + 1;
  for (unsigned i = 0, served = 0; i < kNrMallocClasses; ++i) {
    const uint32_t size = malloc_class_size(i);
    TextOf<32> name;
    name.put("malloc-").dec(size);
    const Cache* cache =
        caches.create({.name = name.data(), .object_size = size, .align = malloc_alignment(name.data(), size)});
    MallocClasses::set(base, served, size, cache->id());
    served = size;
  }
  first_kmalloc_ = caches.nr() + 1;
  for (unsigned i = 0, served = 0; i < kNrKmallocClasses; ++i) {
    KmallocClasses::set(base, served, kKmallocSizes[i], make_kmalloc(i, 0)->id());
    served = kKmallocSizes[i];
  }
  if (world.kmalloc_copies) make_copies();
}

void SizedCaches::make_copies() {
  first_copy_ = caches_->nr() + 1;
  for (unsigned copy = 1; copy < kNrCopies; ++copy)
    for (unsigned i = 0; i < kNrKmallocClasses; ++i) make_kmalloc(i, 0, copy);
}

// A secret decides which sites share a copy, so an attacker does not know which blocks can come into the place of another.
Cache* SizedCaches::copy_for(Cache& plain, const void* site) const {
  const uint64_t mixed = (reinterpret_cast<uint64_t>(site) ^ world_->kmalloc_copies) * 0x9e3779b97f4a7c15u;
  const auto copy = static_cast<unsigned>(mixed >> 61);
  static_assert(kNrCopies == 8);
  return copy ? &caches_->at(first_copy_ + (copy - 1) * kNrKmallocClasses + plain.id() - first_kmalloc_) : &plain;
}

Cache* SizedCaches::make_kmalloc(unsigned index, Gfp zone, unsigned copy) {
  const uint32_t size = kKmallocSizes[index];
  TextOf<32> name;
  name.put(zone & gfp::kDma ? "dma-kmalloc-" : zone ? "dma32-kmalloc-" : "kmalloc-");
  if (copy) name.put("rnd-").dec(copy).put("-");
  size >= 1024 ? name.dec(size / 1024).put("k") : name.dec(size);
  return caches_->create({.name = name.data(), .object_size = size, .align = natural_alignment(size), .gfp = zone});
}

// The caches of the DMA zones are made at the first request; two CPUs may both make one, and one wins.
Cache* SizedCaches::zone_cache(unsigned index, Gfp zone) {
  Atomic<uint32_t>& dma = dma_caches_[index][zone & gfp::kDma ? 0 : 1];
  if (dma.load()) return &caches_->at(dma.load());
  Cache* cache = make_kmalloc(index, zone);
  uint32_t none = 0;
  if (!cache || dma.compare_exchange(none, cache->id())) return cache;
  caches_->destroy(cache);
  return &caches_->at(none);
}

Cache* SizedCaches::kmalloc(size_t size, Gfp gfp, const void* site) {
  Cache& plain = kmalloc(size);
  const Gfp zone = gfp & (gfp::kDma | gfp::kDma32);
  if (zone) return zone_cache(plain.id() - first_kmalloc_, zone);
  return first_copy_ ? copy_for(plain, site) : &plain;
}

size_t SizedCaches::kmalloc_size(size_t size) const {
  if (size > kKmallocLimit) return size;
  if (size > KmallocClasses::kMost) return round_up(size, kPageSize);
  return size ? kmalloc(size).object_size() : 0;
}

// A class has an alignment if its size is a multiple of it.
Cache* SizedCaches::malloc_aligned(size_t size, size_t align) const {
  for (size_t want = round_up(size ? size : 1, align); want <= MallocClasses::kMost; want += align) {
    Cache& cache = malloc(want);
    if (cache.checked().debug().on() && align > cache.setup().align) break;
    if (cache.object_size() % align == 0) return &cache;
  }
  return nullptr;
}

Family SizedCaches::family_of(uint32_t id) const {
  if (id - first_malloc_ < kNrMallocClasses) return Family::Malloc;
  if (id - first_kmalloc_ < kNrKmallocClasses) return Family::Kmalloc;
  if (first_copy_ && id - first_copy_ < (kNrCopies - 1) * kNrKmallocClasses) return Family::Kmalloc;
  for (const auto& zones : dma_caches_)
    if (zones[0].peek() == id || zones[1].peek() == id) return Family::Kmalloc;
  return Family::OwnCache;
}

}  // namespace kmem
