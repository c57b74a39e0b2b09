#include "slab/cache_table.h"

#include "page/page_allocator.h"
#include "slab/guarded_pool.h"
#include "watch/fault_injection.h"

namespace kmem {
namespace {

unsigned log2_parts(unsigned nr_nodes, uint32_t nr_cpus) { return Barn::log2_parts_for((nr_cpus + nr_nodes - 1) / nr_nodes); }

bool may_be_reaped(const Cache& cache) { return cache.live() && !cache.setup().no_reap; }

}  // namespace

size_t CacheTable::metadata_bytes(unsigned nr_nodes, uint32_t nr_cpus) {
  const size_t parts = sizeof(BarnPart) << log2_parts(nr_nodes, nr_cpus);
  return kMost * (sizeof(Cache) + nr_nodes * (sizeof(CacheNode) + parts)) + 3 * kPageSize;
}

char* CacheTable::init(SlabWorld& world, char* metadata) {
  world_ = &world;
  caches_ = world.caches = reinterpret_cast<Cache*>(metadata);
  metadata += round_up(kMost * sizeof(Cache), kPageSize);
  const unsigned nr_nodes = world.pages->nr_nodes();
  nodes_.nodes = reinterpret_cast<CacheNode*>(metadata);
  metadata += round_up(kMost * nr_nodes * sizeof(CacheNode), kPageSize);
  nodes_.parts = reinterpret_cast<BarnPart*>(metadata);
  nodes_.log2_parts = log2_parts(nr_nodes, world.pages->nr_cpus());
  return metadata + round_up(kMost * nr_nodes * (sizeof(BarnPart) << nodes_.log2_parts), kPageSize);
}

CacheNodes CacheTable::nodes_of(uint32_t id) const {
  const size_t first = size_t{id} * world_->pages->nr_nodes();
  return {nodes_.nodes + first, nodes_.parts + (first << nodes_.log2_parts), nodes_.log2_parts};
}

Cache* CacheTable::take_place(uint32_t& id) {
  for (id = 1; nr_retired_.peek() && id <= nr(); ++id) {
    if (!caches_[id].reclaim_place()) continue;
    nr_retired_.fetch_sub(1);
    return &caches_[id];
  }
  id = nr_.fetch_add(1) + 1;
  if (id < kMost) return &caches_[id];
  nr_.fetch_sub(1);
  return nullptr;
}

Cache* CacheTable::create(const Cache::Setup& setup) {
  if (should_fail(FaultPoint::Cache, gfp::kKernel, sizeof(Cache), setup.name)) return nullptr;
  uint32_t id;
  Cache* cache = take_place(id);
  if (!cache) return nullptr;
  if (cache->init(*world_, id, setup, nodes_of(id))) return cache;
  cache->retire();
  nr_retired_.fetch_add(1);
  return nullptr;
}

bool CacheTable::destroy(Cache* cache) {
  if (world_->guarded && world_->guarded->nr_of(*cache)) return false;
  // Another CPU's reclaim may hold slabs or sheaves of the cache for a short time.
  constexpr int kTries = 16;
  for (int tries = 0; tries < kTries; ++tries) {
    cache->shrink(OtherCpus::Interrupt);
    cache->slabs().release_all_empty();
    if (!cache->nr_slabs()) break;
  }
  if (cache->nr_slabs()) return false;
  cache->retire();
  nr_retired_.fetch_add(1);
  return true;
}

void CacheTable::set_fast_path(FastPath path) {
  world_->fast_path = path;
  for (uint32_t id = 1; id <= nr(); ++id) caches_[id].set_fast_path(path);
}

uint64_t CacheTable::shrink_all(OtherCpus others) {
  uint64_t released = 0;
  for (uint32_t id = 1; id <= nr(); ++id)
    if (caches_[id].live()) released += caches_[id].shrink(others);
  return released;
}

uint64_t CacheTable::reclaim(OtherCpus others) {
  uint64_t frames = 0;
  for (uint32_t id = 1; id <= nr(); ++id)
    if (may_be_reaped(caches_[id])) frames += caches_[id].reap(others) * caches_[id].slabs().shape().order.pages();
  return frames;
}

void CacheTable::shrink_idle() {
  if (world_->zeroes) return;  // as SlabLayer::trim_if_many()
  for (uint32_t id = 1; id <= nr(); ++id) {
    Cache& cache = caches_[id];
    if (!may_be_reaped(cache) || !cache.nr_slabs()) continue;
    cache.slabs().idle().poke(1);
    cache.reap(OtherCpus::Ask);
  }
}

}  // namespace kmem
