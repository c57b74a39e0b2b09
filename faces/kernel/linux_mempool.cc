// mempool_*: memory pools, in the form of 2.6 and in today's.

#include <linux/gfp.h>
#include <linux/mempool.h>
#include <linux/mm.h>

#include "base/memory.h"
#include "live_cache.h"
#include "pool/fast_path.h"
#include "pool/mempool.h"
#include "port/port.h"
#include "sleeping.h"
#include "system/system.h"
#include "watch/report.h"

namespace {

using kmem::Cache;
using kmem::cache_of;
using kmem::Mempool;
using kmem::Trouble;

// Error numbers, without libc's headers.
constexpr int kNoMemory = -12, kBusy = -16, kInvalid = -22;

/// The layout of a mempool_t.
struct Pool {
  Mempool core;
  uint32_t created;  // by mempool_create(), so kmem frees it
};
static_assert(sizeof(Pool) <= sizeof(mempool_t) && alignof(Pool) <= alignof(mempool_t));
static_assert(sizeof(kmem::Reserve) == __builtin_offsetof(mempool_t, pool_data), "the fields that everybody may read");

Pool& pool_of(mempool_t* pool) { return *reinterpret_cast<Pool*>(pool); }
Mempool& core_of(mempool_t* pool) { return pool_of(pool).core; }

/// The cache whose objects are a pool's elements; null if the pool has other functions.
kmem::Cache* cache_behind(const Mempool::Setup& setup) {
  if (setup.alloc_function == mempool_alloc_slab && setup.free_function == mempool_free_slab)
    return kmem::live_cache(static_cast<kmem_cache*>(setup.data), "mempool_init");
  const bool kmalloced = setup.alloc_function == mempool_kmalloc && setup.free_function == mempool_kfree;
  const auto size = reinterpret_cast<size_t>(setup.data);
  return kmalloced && size - 1 < kmem::KmallocClasses::kMost ? &kmem::system().heap.sizes().kmalloc(size) : nullptr;
}

/// `who`, `site`: for the report if the flags may sleep and the caller may not.
int init(mempool_t* pool, Mempool::Setup setup, int min_nr, const char* who, const void* site) {
  setup.gfp = kmem::effective_gfp(setup.gfp, site, who);
  if (!kmem::boot()) return kNoMemory;
  memset(static_cast<void*>(pool), 0, sizeof *pool);
  if (min_nr < 0 || !setup.alloc_function || !setup.free_function) {
    kmem::bug_report(Trouble::Warning, "mempool_init: %d elements cannot be kept in reserve%s", min_nr,
                     min_nr < 0 ? "" : ": a function is missing");
    return kInvalid;
  }
  kmem::System& s = kmem::system();
  setup.cache = cache_behind(setup);
  return core_of(pool).init(s.pool_world, s.pools, setup) ? 0 : kNoMemory;
}

Mempool::Setup setup_of(int min_nr, mempool_alloc_t* alloc_fn, mempool_free_t* free_fn, void* data, gfp_t flags = GFP_KERNEL,
                        int nid = NUMA_NO_NODE) {
  return {static_cast<uint32_t>(min_nr), alloc_fn, free_fn, data, flags, nid};
}

/// Reports __GFP_ZERO: an element from the reserve is not zero, and the pool does not know its size.
KMEM_COLD void refuse_zero(mempool_t* pool) {
  static kmem::RateLimit limit;
  kmem::bug_report_limited(limit, Trouble::Warning,
                           "mempool_alloc(%p): __GFP_ZERO means nothing here; clear the element yourself",
                           static_cast<void*>(pool));
}

/// False for NULL and error pointers. Whether another pointer is a pool, its memory tells.
bool is_pointer(const mempool_t* pool) { return reinterpret_cast<intptr_t>(pool) > 0; }
bool is_pool(mempool_t* pool) { return is_pointer(pool) && core_of(pool).initialized(); }

/// Reports a call for something that is not a pool, or for a pool that has ended; such a call does nothing.
KMEM_COLD void* refuse(mempool_t* pool, const char* who = "mempool_alloc") {
  static kmem::RateLimit limit;
  kmem::bug_report_limited(limit, Trouble::Bug, "%s(%p): this is not a mempool, or not any more", who,
                           static_cast<void*>(pool));
  return nullptr;
}

KMEM_NOINLINE void* alloc_slowly(mempool_t* pool, gfp_t flags, uint64_t deadline, const void* site) {
  if (KMEM_UNLIKELY(flags & __GFP_ZERO)) refuse_zero(pool);
  if (KMEM_UNLIKELY(!is_pool(pool))) return refuse(pool);
  return core_of(pool).alloc(flags & ~__GFP_ZERO, deadline, site);
}

// Frees a pool of mempool_create() with the last of its elements.
KMEM_NOINLINE void free_slowly(void* element, mempool_t* pool) {
  if (!element) return;
  if (KMEM_UNLIKELY(!is_pointer(pool) || !core_of(pool).takes_back())) return static_cast<void>(refuse(pool, "mempool_free"));
  if (core_of(pool).free(element) && pool_of(pool).created) kfree(pool);
}

void end(mempool_t* pool, const char* by) {
  if (!is_pointer(pool)) return static_cast<void>(refuse(pool, by));
  const int64_t out = core_of(pool).exit();
  if (out > 0)
    kmem::bug_report(
        Trouble::Bug,
        "%s(%p): %lld elements of the mempool are still allocated; they go back to its free function when they are freed", by,
        static_cast<void*>(pool), static_cast<long long>(out));
}

int resize(mempool_t* pool, int new_min_nr, gfp_t flags) {
  if (new_min_nr < 1 || !is_pool(pool)) {
    kmem::bug_report(Trouble::Warning, "mempool_resize(%p, %d): a mempool keeps at least one element", static_cast<void*>(pool),
                     new_min_nr);
    return kInvalid;
  }
  const Mempool::Resized done = core_of(pool).resize(static_cast<uint32_t>(new_min_nr), flags);
  return done == Mempool::Resized::Done ? 0 : done == Mempool::Resized::Busy ? kBusy : kNoMemory;
}

}  // namespace

namespace kmem {

size_t poisonable_element(const Mempool& pool, void* element, unsigned char*& memory) {
  memory = static_cast<unsigned char*>(element);
  if (pool.free_function() == mempool_free_slab) {
    const Cache* cache = &cache_of(static_cast<kmem_cache*>(pool.data()));
    return cache->setup().hook ? 0 : cache->object_size();
  }
  if (pool.free_function() == mempool_kfree || pool.free_function() == mempool_kvfree)
    return reinterpret_cast<size_t>(pool.data());
  if (pool.free_function() != mempool_free_pages) return 0;
  memory = static_cast<unsigned char*>(page_address(static_cast<struct page*>(element)));
  return memory ? PAGE_SIZE << reinterpret_cast<size_t>(pool.data()) : 0;
}

}  // namespace kmem

#define KMEM_CALLER __builtin_return_address(0)

extern "C" {

int mempool_init_node(mempool_t* pool, int min_nr, mempool_alloc_t* alloc_fn, mempool_free_t* free_fn, void* pool_data,
                      gfp_t flags, int nid) noexcept {
  return init(pool, setup_of(min_nr, alloc_fn, free_fn, pool_data, flags, nid), min_nr, "mempool_init", KMEM_CALLER);
}
int mempool_init(mempool_t* pool, int min_nr, mempool_alloc_t* alloc_fn, mempool_free_t* free_fn, void* pool_data) noexcept {
  return init(pool, setup_of(min_nr, alloc_fn, free_fn, pool_data), min_nr, "mempool_init", KMEM_CALLER);
}

/// Creates a pool in memory of kmem.
static mempool_t* create(int min_nr, Mempool::Setup setup, const void* site) {
  setup.gfp = kmem::effective_gfp(setup.gfp, site, "mempool_create");
  auto* pool = static_cast<mempool_t*>(kzalloc_node(sizeof(mempool_t), setup.gfp, setup.nid));
  if (!pool) return nullptr;
  if (init(pool, setup, min_nr, "mempool_create", site)) {
    kfree(pool);
    return nullptr;
  }
  pool_of(pool).created = 1;
  return pool;
}

mempool_t* mempool_create_node(int min_nr, mempool_alloc_t* alloc_fn, mempool_free_t* free_fn, void* pool_data, gfp_t flags,
                               int nid) noexcept {
  return create(min_nr, setup_of(min_nr, alloc_fn, free_fn, pool_data, flags, nid), KMEM_CALLER);
}
mempool_t* mempool_create(int min_nr, mempool_alloc_t* alloc_fn, mempool_free_t* free_fn, void* pool_data) noexcept {
  return create(min_nr, setup_of(min_nr, alloc_fn, free_fn, pool_data), KMEM_CALLER);
}

mempool_t* mempool_create_2_6(int min_nr, void* (*alloc_fn)(int, void*), mempool_free_t* free_fn, void* pool_data) noexcept {
  return create(min_nr, setup_of(min_nr, reinterpret_cast<mempool_alloc_t*>(alloc_fn), free_fn, pool_data), KMEM_CALLER);
}

void mempool_exit(mempool_t* pool) noexcept { end(pool, "mempool_exit"); }

void mempool_destroy(mempool_t* pool) noexcept {
  if (!pool) return;
  if (!is_pool(pool)) return static_cast<void>(refuse(pool, "mempool_destroy"));
  // A user who frees an element later will still pass the pool, so the pool is freed with the last element.
  end(pool, "mempool_destroy");
  if (core_of(pool).nr_out() <= 0) kfree(pool);
}

bool mempool_initialized(mempool_t* pool) noexcept { return is_pool(pool); }

void* mempool_alloc(mempool_t* pool, gfp_t flags) noexcept {
  if (KMEM_LIKELY(is_pointer(pool) && !(flags & kmem::fast::kSlowGfp)))
    if (void* element = core_of(pool).try_alloc()) return element;
  return alloc_slowly(pool, flags, kmem::kForever, __builtin_return_address(0));
}

void* mempool_alloc_timeout(mempool_t* pool, gfp_t flags, uint64_t timeout_ns) noexcept {
  const uint64_t now = kmem_port_now_ns();
  return alloc_slowly(pool, flags, timeout_ns < kmem::kForever - now ? now + timeout_ns : kmem::kForever,
                      __builtin_return_address(0));
}

void* mempool_alloc_preallocated(mempool_t* pool) noexcept {
  return KMEM_UNLIKELY(!is_pool(pool)) ? refuse(pool, "mempool_alloc_preallocated") : core_of(pool).alloc_reserved();
}

void mempool_free(void* element, mempool_t* pool) noexcept {
  if (KMEM_LIKELY(element && is_pointer(pool) && core_of(pool).try_free(element))) return;
  free_slowly(element, pool);
}

int(mempool_resize)(mempool_t* pool, int new_min_nr) noexcept {
  return resize(pool, new_min_nr, kmem::effective_gfp(GFP_KERNEL, KMEM_CALLER, "mempool_resize"));
}
int mempool_resize_2_6(mempool_t* pool, int new_min_nr, gfp_t flags) noexcept {
  return resize(pool, new_min_nr, kmem::effective_gfp(flags, KMEM_CALLER, "mempool_resize"));
}

void* mempool_alloc_slab(gfp_t flags, void* pool_data) noexcept {
  return kmem_cache_alloc(static_cast<kmem_cache*>(pool_data), flags);
}
void mempool_free_slab(void* element, void* pool_data) noexcept {
  kmem_cache_free(static_cast<kmem_cache*>(pool_data), element);
}
void* mempool_kmalloc(gfp_t flags, void* pool_data) noexcept { return kmalloc(reinterpret_cast<size_t>(pool_data), flags); }
void mempool_kfree(void* element, void*) noexcept { kfree(element); }
void* mempool_kvmalloc(gfp_t flags, void* pool_data) noexcept { return kvmalloc(reinterpret_cast<size_t>(pool_data), flags); }
void mempool_kvfree(void* element, void*) noexcept { kvfree(element); }
void* mempool_alloc_pages(gfp_t flags, void* pool_data) noexcept {
  return alloc_pages(flags, static_cast<unsigned>(reinterpret_cast<size_t>(pool_data)));
}
void mempool_free_pages(void* element, void* pool_data) noexcept {
  __free_pages(static_cast<struct page*>(element), static_cast<unsigned>(reinterpret_cast<size_t>(pool_data)));
}

}  // extern "C"
