// vrealloc() to an alignment and a node.

#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "base/memory.h"
#include "node_align.h"
#include "sleeping.h"
#include "system/system.h"

namespace {

kmem::VmArea* area_at(const void* p) {
  kmem::Window& window = kmem::system().vmap.window();
  kmem::VmArea* area = window.find(p);
  return area && window.address(area) == p && area->kind == kmem::AreaKind::Vmalloc ? area : nullptr;
}

}  // namespace

extern "C" {

void* vrealloc_node_align(const void* address, size_t bytes, unsigned long align, gfp_t flags, int nid) noexcept {
  const void* const site = __builtin_return_address(0);
  if (!is_alignment(align, "vrealloc_node_align")) return nullptr;
  flags = KMEM_GFP_HERE(flags);
  if (!address && bytes) return __vmalloc_node(bytes, align, flags, nid, site);
  const kmem::VmArea* area = address ? area_at(address) : nullptr;
  const bool stays = area && is_aligned(address, align) && !is_misplaced(vmalloc_to_page(address), flags, nid);
  // A growing area may have to move, and then has only the usual alignment.
  const bool in_place = align <= PAGE_SIZE || (area && bytes <= size_t{area->nr_pages} << PAGE_SHIFT);
  if (!area || !bytes || (stays && in_place)) return vrealloc(address, bytes, flags);
  void* moved = __vmalloc_node(bytes, align, flags, nid, site);
  if (!moved) return nullptr;
  memcpy(moved, address, least(area->bytes, bytes));
  vfree_atomic(address);
  return moved;
}

}  // extern "C"
