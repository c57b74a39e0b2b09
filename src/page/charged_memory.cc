#include "page/charged_memory.h"

#include "page/page_allocator.h"

namespace kmem {

// From the highest zone down, as frames are claimed; not below the min mark.
bool ChargedMemory::try_charge(uint64_t nr) {
  uint64_t left = nr;
  for (Zone* const* z = pages_->fallback(pages_->local_node().value); *z && left; ++z) {
    const uint64_t spare = (*z)->marks().above_min((*z)->nr_available());
    const uint64_t some = spare < left ? spare : left;
    (*z)->counts().charge(some);
    left -= some;
  }
  if (left) return uncharge_zones(nr - left), false;
  for (Zone& zone : pages_->all())
    if (zone.counts().nr_charged() && zone.nr_dirty() > zone.nr_available()) zone.reporting().give_to_host(zone.nr_available());
  return true;
}

bool ChargedMemory::charge(uint64_t nr) {
  if (!limited_) return true;
  pages_->bound().heed(gfp::kKernel);
  if (try_charge(nr)) return true;
  Reclaim& reclaim = pages_->reclaim();
  if (this_asker(gfp::kKernel).may_reclaim(gfp::kKernel)) {
    struct Charge {
      ChargedMemory* memory;
      uint64_t nr;
      bool done = false;
    } charge{this, nr};
    pages_->bound().look_again();
    reclaim.run(gfp::kKernel, pages_->local_node().value, 0,
                {[](void* arg) {
                   auto& c = *static_cast<Charge*>(arg);
                   return c.done = c.done || c.memory->try_charge(c.nr);
                 },
                 &charge});
    if (charge.done || try_charge(nr)) return true;
  }
  reclaim.counts().failures.add();
  return false;
}

void ChargedMemory::uncharge_zones(uint64_t nr) {
  for (Zone& zone : pages_->all())
    if (nr) nr -= zone.counts().uncharge(nr);
}

void ChargedMemory::uncharge(uint64_t nr) {
  if (limited_) uncharge_zones(nr);
  pages_->reclaim().waiters().note_freed();
}

}  // namespace kmem
