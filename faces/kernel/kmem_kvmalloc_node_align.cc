// kvrealloc() to an alignment and a node.

#include <kmem/kvmalloc.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "base/memory.h"
#include "node_align.h"
#include "sleeping.h"

extern "C" {

void* kvrealloc_node_align(const void* pointer, size_t bytes, unsigned long align, gfp_t flags, int nid) noexcept {
  const void* const site = __builtin_return_address(0);
  flags = KMEM_GFP_HERE(flags);
  if (is_vmalloc_addr(pointer)) return vrealloc_node_align(pointer, bytes, align, flags, nid);
  const bool large = bytes > PAGE_SIZE;
  void* p = krealloc_node_align(pointer, bytes, align, large ? flags | __GFP_NOWARN | __GFP_NORETRY : flags, nid);
  if (p || !large || !(flags & __GFP_DIRECT_RECLAIM) || !kmem::is_power_of_two(align)) return p;
  p = __vmalloc_node(bytes, align, flags, nid, site);
  if (!p || ZERO_OR_NULL_PTR(pointer)) return p;
  memcpy(p, pointer, least(ksize(pointer), bytes));
  kfree(pointer);
  return p;
}

}  // extern "C"
