#include "slab/node_slabs.h"

#include "base/check.h"

namespace kmem {

void NodeSlabs::push(SlabLinks links, Slab& slab) {
  KMEM_ASSERT(slab.listed(), ==, true);
  KMEM_ASSERT(slab.may_be_linked(), ==, true);
  if (KMEM_UNLIKELY(slab.apart())) return (slab.sampled() ? sampled_ : reserved_).push(links, links.index(&slab));
  const int32_t free = slab.nr_free() > 0 ? slab.nr_free() : 0;
  const auto list = static_cast<uint32_t>(free) * kFullness / (slab.nr_objects() + 1);
  partial_[list < kFullness ? list : kFullness - 1].push(links, links.index(&slab));
}

Slab* NodeSlabs::pop(SlabLinks links) {
  for (IndexStack& list : partial_) {
    const uint32_t index = list.pop(links);
    if (!index) continue;
    Slab* slab = links.slab(index);
    slab->mark_unlinked();
    if (slab->all_free()) nr_empty_.fetch_sub(1);
    return slab;
  }
  return nullptr;
}

Slab* NodeSlabs::pop_from(IndexStack& list, SlabLinks links) {
  const uint32_t index = list.pop(links);
  if (!index) return nullptr;
  links.slab(index)->mark_unlinked();
  return links.slab(index);
}

bool NodeSlabs::has_many_empty(uint64_t keep) const {
  const auto empty = static_cast<int64_t>(nr_empty_.peek());
  return empty > static_cast<int64_t>(keep) && empty * 8 >= nr_slabs_.peek();
}

void NodeSlabs::uncount_slab() {
  const int64_t before = nr_slabs_.fetch_sub(1);
  KMEM_ASSERT(before, >, int64_t{0});
}

void NodeSlabs::count_back(unsigned n) {
  const int64_t before = nr_out_.fetch_sub(n);
  KMEM_ASSERT(before, >=, static_cast<int64_t>(n));
}

}  // namespace kmem
