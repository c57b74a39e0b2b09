#include "slab/reserve_slabs.h"

#include "page/policy.h"
#include "slab/node_slabs.h"
#include "slab/slab_frames.h"

namespace kmem {

void ReserveSlabs::add(Slab& slab) {
  slab.set_reserved(true);
  nr_.fetch_add(1);
}

void ReserveSlabs::add_sampled(Slab& slab) {
  slab.set_sampled();
  nr_.fetch_add(1);
}

bool ReserveSlabs::has(const SlabFrames& frames, const void* object) const {
  const SlabFrames::Place place = frames.place_of(object);
  return place.slab && place.slab->apart();
}

// When memory is no longer low every caller may have the slab. A thread that frees one of its objects meanwhile finds the slab
// by either class, and puts it on the list that its `reserved` mark selects.
Slab* ReserveSlabs::take(SlabFrames& frames, NodeSlabs& node, MemoryIs memory, Gfp gfp) {
  const bool low = memory == MemoryIs::Low;
  if (!any() || (low && !may_take_reserve(gfp))) return nullptr;
  Slab* slab = node.pop_reserved(frames.links());
  if (!slab || low) return slab;
  slab->set_reserved(false);
  frames.write_class(*slab);
  count_down();
  return slab;
}

}  // namespace kmem
