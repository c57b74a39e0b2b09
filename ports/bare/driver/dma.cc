// What a real device reaches: memory's own addresses below its mask. What lies beyond is bounced, by a copy in the DMA zone.

#include "dma/reach.h"

#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>

namespace kmem_driver::dma {
namespace {

dma_addr_t address_of(const Mapping& m) {
  if (m.shadow) return virt_to_phys(m.shadow);
  return m.memory ? virt_to_phys(m.memory) : page_to_phys(m.first) + m.offset;
}
bool is_below(dma_addr_t at, size_t size, u64 mask) { return at + size - 1 <= mask && at + size - 1 >= at; }

}  // namespace

bool make_reachable(Mapping& m, u64 mask, gfp_t flags) {
  if (m.memory && !virt_addr_valid(m.memory)) return false;
  if (is_below(address_of(m), m.size, mask)) return true;
  m.shadow = static_cast<u8*>(kmalloc(m.size, flags | GFP_DMA));
  return m.shadow != nullptr;
}

/// From the highest zone downwards, as long as what comes lies beyond the mask.
void* reachable_pages(size_t size, u64 mask, gfp_t flags) {
  const auto order = static_cast<unsigned>(get_order(size));
  constexpr gfp_t kZones[] = {0, GFP_DMA32, GFP_DMA};
  for (const gfp_t zone : kZones) {
    const unsigned long at = __get_free_pages(flags | zone, order);
    if (!at || is_below(virt_to_phys(reinterpret_cast<void*>(at)), PAGE_ALIGN(size), mask)) return reinterpret_cast<void*>(at);
    free_pages(at, order);
  }
  return nullptr;
}

bool give_address(kmem_dma_space*, Mapping* m, u64 mask) {
  m->address = address_of(*m);
  return is_below(m->address, m->size, mask);
}

}  // namespace kmem_driver::dma
