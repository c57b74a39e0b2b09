// kvmalloc() and kvfree(), above both allocators.

#include <kmem/kvmalloc.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "base/memory.h"
#include "on_behalf.h"
#include "sleeping.h"
#include "watch/report.h"

namespace {

using kmem::Trouble;

/// The flags for the attempt at one block of pages, which may fail because vmalloc() follows.
gfp_t lightly(size_t bytes, gfp_t flags) {
  if (bytes <= PAGE_SIZE) return flags;
  flags = (flags | __GFP_NOWARN) & ~__GFP_NOFAIL;
  return flags & __GFP_RETRY_MAYFAIL ? flags : flags | __GFP_NORETRY;
}

void kvfree_from(const void* p, const char* who, const void* site) {
  is_vmalloc_addr(p) ? kmem_vfree_from(p, who, site) : kfree(p);
}

bool is_larger_than_int(size_t bytes, gfp_t flags) {
  if (bytes <= __INT_MAX__) return false;
  static kmem::RateLimit limit;
  if (!(flags & __GFP_NOWARN))
    kmem::bug_report_limited(limit, Trouble::Warning, "kvmalloc of %zu bytes: more than INT_MAX are refused", bytes);
  return true;
}

}  // namespace

#define KMEM_CALLER __builtin_return_address(0)

extern "C" {

static void* kvmalloc_from(size_t bytes, gfp_t flags, int nid, const void* site) {
  if (bytes <= PAGE_SIZE) return kmem_kmalloc_node_from(bytes, flags, nid, site);
  flags = kmem::effective_gfp(flags, site, "kvmalloc");
  void* p = bytes <= KMALLOC_MAX_SIZE ? kmem_kmalloc_node_from(bytes, lightly(bytes, flags), nid, site) : nullptr;
  if (p || !(flags & __GFP_DIRECT_RECLAIM) || is_larger_than_int(bytes, flags)) return p;
  return kmem_vmalloc_from(bytes, flags, nid, site);
}

void* kvmalloc_node(size_t bytes, gfp_t flags, int nid) noexcept { return kvmalloc_from(bytes, flags, nid, KMEM_CALLER); }
void* kvmalloc(size_t bytes, gfp_t flags) noexcept { return kvmalloc_from(bytes, flags, NUMA_NO_NODE, KMEM_CALLER); }

void kvfree(const void* pointer) noexcept { kvfree_from(pointer, "kvfree", KMEM_CALLER); }

void kvfree_sensitive(const void* pointer, size_t bytes) noexcept {
  if (ZERO_OR_NULL_PTR(pointer)) return;
  memset(const_cast<void*>(pointer), 0, bytes);
  asm volatile("" : : "r"(pointer) : "memory");
  kvfree_from(pointer, "kvfree_sensitive", KMEM_CALLER);
}

void* kvrealloc(const void* pointer, size_t bytes, gfp_t flags) noexcept {
  flags = KMEM_GFP_HERE(flags);
  if (is_vmalloc_addr(pointer)) return vrealloc(pointer, bytes, flags);
  void* p = krealloc(pointer, bytes, lightly(bytes, flags));
  if (p || bytes <= PAGE_SIZE) return p;
  p = kvmalloc(bytes, flags);
  if (!p || ZERO_OR_NULL_PTR(pointer)) return p;
  const size_t had = ksize(pointer);
  memcpy(p, pointer, had < bytes ? had : bytes);
  kfree(pointer);
  return p;
}

}  // extern "C"
