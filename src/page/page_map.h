#pragma once
// Frames by number, by descriptor and by address.

#include "base/sparse.h"
#include "page/known_frames.h"
#include "page/page.h"
#include "port/high_memory.h"

namespace kmem {

/// Arithmetic on the direct map and on the array of descriptors; does not check that a frame is online.
class PageMap {
 public:
  Page* page_at(Pfn pfn) const { return descriptors_ + pfn.value; }
  Pfn pfn_of(const Page* page) const { return {static_cast<uint64_t>(page - descriptors_)}; }
  char* address(Pfn pfn) const { return direct_map_ + (pfn.value << kPageShift); }
  Pfn pfn_of_address(const void* p) const {
    return {static_cast<uint64_t>(static_cast<const char*>(p) - direct_map_) >> kPageShift};
  }
  /// Clears frames, also such as have no address.
  void clear(Pfn first, uint64_t nr) const {
    if (KMEM_LIKELY(has_address(first))) clear_sparsely(address(first), nr << kPageShift);
    else kmem_port_clear_high(first.value, nr);
  }
  /// The frame whose descriptor would lie at the address; empty if none would. Any address may be passed.
  Maybe<Pfn> frame_of_descriptor(const void* at) const {
    const uint64_t offset = reinterpret_cast<uintptr_t>(at) - reinterpret_cast<uintptr_t>(descriptors_);
    if (offset % sizeof(Page) || offset / sizeof(Page) >= known_.descriptors_end()) return {};
    return Pfn{offset / sizeof(Page)};
  }
  bool has_address(Pfn pfn) const { return pfn.value < nr_addressed_; }
  /// Frames below this can be looked up by their address; grows as sections come online.
  uint64_t frames_end() const { return known_.end(); }

 protected:
  void init_map(const Machine& machine) {
    direct_map_ = machine.direct_map;
    nr_addressed_ = machine.nr_addressed;
    descriptors_ = reinterpret_cast<Page*>(machine.descriptors);
  }

  char* direct_map_ = nullptr;
  uint64_t nr_addressed_ = 0;
  Page* descriptors_ = nullptr;
  KnownFrames known_;
};

}  // namespace kmem
