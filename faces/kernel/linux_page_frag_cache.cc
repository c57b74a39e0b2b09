// Pieces of pages.

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/page_frag_cache.h>

#include "on_behalf.h"
#include "sleeping.h"
#include "system/system.h"
#include "watch/report.h"

namespace {

/// References to a block that the cache takes at once, and then hands out one by one without touching the block.
constexpr unsigned kHolds = 1 << 16;

kmem::Atomic<uint64_t>& head_of(const char* block) { return reinterpret_cast<kmem::Page*>(virt_to_page(block))->head; }

/// Have all pieces of the block been freed?
bool is_all_ours(const page_frag_cache& cache) {
  return kmem::Page::refs_of(head_of(cache.kmem_at).load()) == cache.kmem_holds;
}

bool take_block(page_frag_cache& cache, gfp_t flags, const void* site) {
  const gfp_t lightly = (flags & ~__GFP_DIRECT_RECLAIM) | __GFP_COMP | __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC;
  struct page* page = kmem_alloc_pages_from(NUMA_NO_NODE, lightly, PAGE_FRAG_CACHE_MAX_ORDER, site);
  cache.size = page ? PAGE_FRAG_CACHE_MAX_SIZE : PAGE_SIZE;
  if (!page) page = kmem_alloc_pages_from(NUMA_NO_NODE, flags, 0, site);
  if (!page) return false;
  cache.kmem_at = static_cast<char*>(page_address(page));
  head_of(cache.kmem_at).fetch_add(kHolds - 1);
  cache.kmem_holds = kHolds;
  cache.offset = 0;
  return true;
}

/// Starts a block: the old one again if all its pieces have been freed, else a new one.
bool renew(page_frag_cache& cache, gfp_t flags, const void* site) {
  if (cache.kmem_at && is_all_ours(cache)) {
    head_of(cache.kmem_at).fetch_add(kHolds - cache.kmem_holds);
    cache.kmem_holds = kHolds;
    cache.offset = 0;
    return true;
  }
  page_frag_cache_drain(&cache);
  return take_block(cache, flags, site);
}

}  // namespace

extern "C" {

void* kmem_page_frag_alloc(struct page_frag_cache* cache, unsigned int bytes, gfp_t flags, unsigned int align) noexcept {
  const void* const site = __builtin_return_address(0);
  flags = kmem::effective_gfp(flags & ~__GFP_HIGHMEM, site, "page_frag_alloc");
  if (bytes > PAGE_FRAG_CACHE_MAX_SIZE || (align & (align - 1)) || align > PAGE_SIZE) return nullptr;
  const auto begin = [&] { return (cache->offset + align - 1) & ~(align - 1); };
  const auto fits = [&] {
    return cache->kmem_at && cache->kmem_holds > 1 && begin() <= cache->size && bytes <= cache->size - begin();
  };
  if (!fits() && (!renew(*cache, flags, site) || !fits())) return nullptr;
  char* piece = cache->kmem_at + begin();
  cache->offset = begin() + bytes;
  --cache->kmem_holds;
  return piece;
}

void page_frag_free(void* address) noexcept {
  if (!address) return;
  if (struct page* page = virt_to_head_page(address)) return put_page(page);
  kmem::bug_report(kmem::Trouble::Bug, "page_frag_free(%p): not an address of kmem's", address);
}

void page_frag_cache_drain(struct page_frag_cache* cache) noexcept {
  if (!cache->kmem_at) return;
  // Drops all references but one at once; dropping the last may free the block.
  head_of(cache->kmem_at).fetch_sub(cache->kmem_holds - 1);
  put_page(virt_to_page(cache->kmem_at));
  cache->kmem_at = nullptr;
}

}  // extern "C"
