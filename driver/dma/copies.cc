// A simulated device has addresses of its own, and sees copies of what is streamed (docs/decisions/dma-by-copies.md).

#include <linux/kernel.h>
#include <linux/slab.h>

#include "dma/reach.h"

namespace kmem_driver::dma {
namespace {

/// No mapping begins at 0, nor beside another one: an access past its end reaches nothing.
constexpr dma_addr_t kFirst = 0x10000;

/// Behind `from` and below the mask: the first gap becomes its place; false: there is none.
bool gap_behind(kmem_dma_space* space, dma_addr_t from, u64 mask, Mapping* m) {
  const size_t room = PAGE_ALIGN(offset_in_page(m->address) + m->size) + PAGE_SIZE;
  dma_addr_t at = from;
  for (const Mapping* other = space->first; other; other = other->next) {
    if (PAGE_ALIGN(other->end()) + PAGE_SIZE <= at) continue;
    if (at + room <= (other->address & PAGE_MASK)) break;
    at = PAGE_ALIGN(other->end()) + PAGE_SIZE;
  }
  if (at + room - 1 > mask || at + room < at) return false;
  m->address += at;
  space->cursor = at + room;
  return true;
}

}  // namespace

bool make_reachable(Mapping& m, u64, gfp_t flags) {
  m.address = offset_in_page(m.memory ? reinterpret_cast<unsigned long>(m.memory) : m.offset);
  m.shadow = static_cast<u8*>(kmalloc(m.size, flags));
  return m.shadow != nullptr;
}

void* reachable_pages(size_t size, u64, gfp_t flags) {
  return reinterpret_cast<void*>(__get_free_pages(flags, static_cast<unsigned>(get_order(size))));
}

bool give_address(kmem_dma_space* space, Mapping* m, u64 mask) {
  const dma_addr_t from = space->cursor ? space->cursor : kFirst;
  return gap_behind(space, from, mask, m) || gap_behind(space, kFirst, mask, m);
}

}  // namespace kmem_driver::dma
