#pragma once
// Slabs on an IndexStack: the mapping from indices to slabs.

#include "slab/slab.h"

namespace kmem {

/// The links of slabs: index is pfn + 1.
struct SlabLinks {
  Page* descriptors;  // of frame 0
  Slab* slab(uint32_t index) const { return &Slab::of(descriptors + (index - 1)); }
  uint32_t index(const Slab* slab) const {
    return static_cast<uint32_t>(reinterpret_cast<const Page*>(slab) - descriptors) + 1;
  }
  Atomic<uint32_t>& link(uint32_t index) const { return slab(index)->link(); }
};

}  // namespace kmem
