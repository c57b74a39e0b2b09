// Object caches and kmalloc, through libkmem.so.
//
// In the figures: the calls; a hot pair stays in this CPU's sheaf, a batch of 1,000 goes through barn and slabs. Nobody
// touches the objects; all is per object.
//
// Compare with an empty pair of calls: the difference to it is all that an allocator could still save.
#include "layer_bench.h"

#include <linux/slab.h>

namespace kmem::bench {
namespace {

constexpr unsigned kBatch = 1000, kBulk = 32;

struct kmem_cache* cache() {
  static struct kmem_cache* const made = kmem_cache_create("layers", 72, 0, 0, nullptr);
  return made;
}

void cache_pair(benchmark::State& state) {
  for (auto _ : state) {
    void* object = kmem_cache_alloc(cache(), GFP_KERNEL);
    benchmark::DoNotOptimize(object);
    kmem_cache_free(cache(), object);
  }
  tell(state, 1, "empty_pair");
}

void cache_bulk_of_32(benchmark::State& state) {
  void* objects[kBulk];
  bool got_all = true;
  for (auto _ : state) {
    if (kmem_cache_alloc_bulk(cache(), GFP_KERNEL, kBulk, objects)) kmem_cache_free_bulk(cache(), kBulk, objects);
    else got_all = false;
  }
  if (!got_all) return leave_out(state, "no memory");
  tell(state, kBulk, "empty_pair");
}

void cache_batch(benchmark::State& state) {
  std::vector<void*> held(kBatch);
  for (auto _ : state) {
    for (void*& object : held) object = kmem_cache_alloc(cache(), GFP_KERNEL);
    for (void* object : held) kmem_cache_free(cache(), object);
  }
  tell(state, kBatch, "empty_batch");
}

void empty_batch(benchmark::State& state) {
  std::vector<void*> held(kBatch);
  for (auto _ : state) {
    for (void*& p : held) p = empty_alloc(72);
    for (void* p : held) empty_free(p);
  }
  tell(state, kBatch);
}

void kmalloc_pair(benchmark::State& state) {
  const auto size = static_cast<size_t>(state.range(0));
  for (auto _ : state) {
    void* p = (kmalloc)(size, GFP_KERNEL);
    benchmark::DoNotOptimize(p);
    kfree(p);
  }
  tell(state, 1, "empty_pair");
}

BENCHMARK(empty_pair);
BENCHMARK(cache_pair);
BENCHMARK(cache_bulk_of_32);
BENCHMARK(empty_batch)->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK(cache_batch)->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK(kmalloc_pair)->Arg(8)->Arg(64)->Arg(1024)->Arg(8192)->Arg(65536);

}  // namespace
}  // namespace kmem::bench
