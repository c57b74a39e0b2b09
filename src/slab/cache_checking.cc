// What a cache has, and whether it is whole: the invariants C1 to C4 and S1 to S4, and what debugging knows of each object.

#include "slab/cache.h"
#include "slab/slab_links.h"
#include "watch/report.h"

namespace kmem {

int64_t Cache::nr_slabs() const {
  if (!begun_.peek()) return 0;
  int64_t sum = 0;
  for (unsigned n = 0; n < world_->pages->nr_nodes(); ++n) sum += nodes_[n].nr_slabs.peek();
  return sum;
}

uint64_t Cache::sum_of(Counter BarnPart::*counter) const {
  uint64_t sum = 0;
  for (unsigned n = 0; n < world_->pages->nr_nodes(); ++n)
    for (const BarnPart& part : nodes_[n].barn) sum += (part.*counter).value();
  return sum;
}
uint64_t Cache::nr_refills() const { return sum_of(&BarnPart::nr_refills); }
uint64_t Cache::nr_drains() const { return sum_of(&BarnPart::nr_drains); }
uint64_t Cache::nr_allocs() const { return sum_of(&BarnPart::allocs); }
uint64_t Cache::nr_frees() const { return sum_of(&BarnPart::frees); }

// The place's next cache begins at 0; what this one counted stays in the sum over all.
void Cache::hand_over_counts() {
  if (CallCounts* all = world_->counts) {
    all->allocs.add(nr_allocs());
    all->frees.add(nr_frees());
    all->slow_allocs.add(nr_slow_allocs());
    all->slow_frees.add(nr_slow_frees());
  }
  for (unsigned n = 0; n < world_->pages->nr_nodes(); ++n) {
    for (BarnPart& part : nodes_[n].barn) {
      part.nr_refills.take();
      part.nr_drains.take();
      part.allocs.take();
      part.frees.take();
    }
  }
}

uint64_t Cache::nr_cached() const {
  uint64_t sum = 0;
  for (unsigned n = 0; n < world_->pages->nr_nodes(); ++n)
    for (const BarnPart& part : nodes_[n].barn) sum += uint64_t{world_->sheaves->depth(part.full)} * capacity_;
  for (uint32_t cpu = 0; cpu < 2 * world_->pages->nr_cpus(); ++cpu) {
    const uint64_t word = CpuStack::word({cpu}, slot_);
    if (word && word != world_->sheaves->closed()) sum += Sheaf::of_word(world_->sheaves->base(), word).count();
  }
  return sum;
}

int64_t Cache::nr_in_use() const {
  int64_t sum = 0;
  for (unsigned n = 0; n < world_->pages->nr_nodes(); ++n) sum += nodes_[n].nr_out.peek();
  sum -= static_cast<int64_t>(nr_cached()) + held_.peek();
  return sum < 0 ? 0 : sum;
}

// Where slabs of a debugged cache have been, for validate(): full ones are on no list.
void Cache::remember(Pfn pfn) {
  const uint64_t end = pfn.value + 1;
  for (uint64_t seen = first_pfn_.load(); (!seen || pfn.value < seen) && !first_pfn_.compare_exchange(seen, pfn.value);) {
  }
  for (uint64_t seen = last_pfn_.load(); seen < end && !last_pfn_.compare_exchange(seen, end);) {
  }
}

uint64_t Cache::validate_slab(const Slab* slab, char* start) {
  constexpr const char* kWhen = "when it was looked at";
  uint64_t faults = 0;
  for (uint32_t i = 0; i < shape_.nr_objects; ++i) {
    char* object = start + left_ + uint64_t{i} * shape_.size;
    const bool out = !slab->is_free(i) && debug_.is_out(object);
    faults += out ? !debug_.check_out(object, kWhen) : !debug_.check_free(object, kWhen);
  }
  return faults;
}

template <typename Visit>
void Cache::each_slab(Visit visit) const {
  for (uint64_t pfn = first_pfn_.load(); debug_.has_meta() && pfn < last_pfn_.load(); ++pfn) {
    if (world_->frame_class[pfn] != kSharedClass) continue;
    Page* page = world_->pages->page_at({pfn});
    if (page->kind() == PageKind::Slab && Slab::of(page).cache_id() == id_)
      visit(Slab::of(page), world_->pages->address({pfn}));
  }
}

uint64_t Cache::validate() {
  if (const Fault fault = check()) {
    bug_report(Trouble::Bug, "cache %s is broken at %#llx: %s", name_, static_cast<unsigned long long>(fault.where), fault.rule);
    return 1;
  }
  uint64_t faults = 0;
  each_slab([&](Slab& slab, char* start) { faults += validate_slab(&slab, start); });
  return faults;
}

// A slab that has no free object is on no list: all of them are found by their frames.
unsigned Cache::find_out(const void** out, unsigned most) const {
  unsigned n = 0;
  for (uint64_t pfn = 0; pfn < world_->pages->frames_end() && n < most; ++pfn) {
    if (world_->frame_class[pfn] != class_ || !world_->pages->is_online({pfn})) continue;
    Page* page = world_->pages->page_at({pfn});
    Slab* slab = &Slab::of(page);
    if (page->kind() != PageKind::Slab || slab->cache_id() != id_) continue;
    for (uint32_t i = 0; i < slab->nr_objects() && n < most; ++i)
      if (!slab->is_free(i)) out[n++] = object_at({pfn}, i);
    pfn += shape_.order.pages() - 1;
  }
  return n;
}

Fault Cache::check_slab(const Slab* slab) const {
  const uint64_t pfn = pfn_of(slab).value;
  if (slab->cache_id() != id_) return {"C1 a listed slab is of this cache", pfn, id_, slab->cache_id()};
  unsigned free = 0;
  for (unsigned w = 0; w < shape_.nr_words(); ++w) {
    free += count_bits(slab->bits(w));
    const unsigned left = shape_.nr_objects - 64 * w;
    if (left < 64 && (slab->bits(w) & ~low_mask(left))) return {"S3 no bit beyond nr_objects is set", pfn};
  }
  if (static_cast<int32_t>(free) != slab->nr_free())
    return {"S1 nr_free is the number of free bits", pfn, free, static_cast<uint64_t>(slab->nr_free())};
  if (!slab->listed()) return {"S2 a slab with free bits is listed", pfn};
  for (uint64_t i = 0; i < shape_.order.pages(); ++i)
    if (world_->frame_class[pfn + i] != class_)
      return {"S4 the frames of a slab have its class", pfn + i, class_, world_->frame_class[pfn + i]};
  return {};
}

Fault Cache::check_sheaf(Sheaf sheaf) const {
  for (unsigned i = sheaf.top; sheaf.words[i]; ++i) {
    void* object = reinterpret_cast<void*>(sheaf.words[i]);
    if (!owns(object)) return {"C2 a sheaf holds objects of its cache", sheaf.words[i]};
    const Slab* slab = slab_of(object);
    if (slab->is_free(place_of(object).index)) return {"C2 an object in a sheaf is out of its slab", sheaf.words[i]};
    for (unsigned j = i + 1; sheaf.words[j]; ++j)
      if (sheaf.words[i] == sheaf.words[j]) return {"C2 no object is in a sheaf twice", sheaf.words[i]};
  }
  return {};
}

Fault Cache::check() const {
  SlabLinks links{world_->pages};
  for (unsigned n = 0; n < world_->pages->nr_nodes(); ++n) {
    for (const IndexStack& bucket : nodes_[n].partial)
      for (uint32_t index = bucket.top(); index; index = links.link(index).peek())
        if (const Fault fault = check_slab(links.slab(index))) return fault;
    for (const BarnPart& part : nodes_[n].barn) {
      unsigned sheaves = 0;
      for (uint32_t index = part.full.top(); index; index = world_->sheaves->link(index).peek(), ++sheaves)
        if (const Fault fault = check_sheaf(world_->sheaves->parked(index))) return fault;
      const unsigned depth = world_->sheaves->depth(part.full);
      if (sheaves != depth)
        return {"C4 the topmost sheaf of a part of the barn remembers how many there are", n, sheaves, depth};
    }
  }
  for (uint32_t cpu = 0; cpu < 2 * world_->pages->nr_cpus(); ++cpu) {
    const uint64_t word = CpuStack::word({cpu}, slot_);
    if (!word || word == world_->sheaves->closed()) continue;
    Fault fault = check_sheaf(Sheaf::of_word(world_->sheaves->base(), word));
    if (fault) {
      fault.rule = fault.is("C2") ? "C3 a CPU's sheaf holds objects of its cache, out of their slabs, none twice" : fault.rule;
      return fault;
    }
  }
  return {};
}

}  // namespace kmem
