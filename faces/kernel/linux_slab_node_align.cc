// Reallocation to an alignment and a node, and kmalloc_nolock().

#include <linux/mm.h>
#include <linux/slab.h>

#include "base/memory.h"
#include "node_align.h"
#include "on_behalf.h"
#include "sleeping.h"
#include "watch/report.h"

extern "C" {

void* krealloc_node_align(const void* pointer, size_t new_size, unsigned long align, gfp_t flags, int nid) noexcept {
  const void* const site = __builtin_return_address(0);
  if (!is_alignment(align, "krealloc_node_align")) return nullptr;
  if (new_size && ZERO_OR_NULL_PTR(pointer)) return kmem_kmalloc_node_from(new_size, flags, nid, site);
  const size_t had = ksize(pointer);
  const bool moves = had && new_size && (!is_aligned(pointer, align) || is_misplaced(virt_to_page(pointer), flags, nid));
  if (!moves && (nid == NUMA_NO_NODE || new_size <= had || !had)) return krealloc(pointer, new_size, KMEM_GFP_HERE(flags));
  void* moved = kmem_kmalloc_node_from(new_size, flags, nid, site);
  if (!moved) return nullptr;
  memcpy(moved, pointer, least(had, new_size));
  kfree(pointer);
  return moved;
}

void* kmalloc_nolock(size_t size, gfp_t flags, int nid) noexcept {
  constexpr gfp_t kAllowed = __GFP_ZERO | __GFP_ACCOUNT;
  if (flags & ~kAllowed) {
    static kmem::RateLimit limit;
    kmem::bug_report_limited(limit, kmem::Trouble::Warning,
                             "kmalloc_nolock: of the flags %#x only __GFP_ZERO and __GFP_ACCOUNT are taken", flags);
  }
  if (!size) return ZERO_SIZE_PTR;
  if (size > KMALLOC_MAX_CACHE_SIZE) return nullptr;
  return kmem_kmalloc_node_from(size, (flags & kAllowed) | __GFP_NOWARN | __GFP_NOMEMALLOC, nid, __builtin_return_address(0));
}

}  // extern "C"
