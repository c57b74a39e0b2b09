#pragma once
// Slabs on an IndexStack: how its indices name them.

#include "page/page_allocator.h"
#include "slab/slab.h"

namespace kmem {

/// The links of slabs: index is pfn + 1.
struct SlabLinks {
  PageAllocator* pages;
  Slab* slab(uint32_t index) const { return &Slab::of(pages->page_at({index - 1})); }
  Atomic<uint32_t>& link(uint32_t index) const { return slab(index)->link(); }
};

}  // namespace kmem
