#pragma once
// Frames by number, by descriptor and by address.

#include "page/known_frames.h"
#include "page/page.h"

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
  /// The frame whose descriptor would lie at the address; empty if none would. Any address may be passed.
  Maybe<Pfn> frame_of_descriptor(const void* at) const {
    const uint64_t offset = reinterpret_cast<uintptr_t>(at) - reinterpret_cast<uintptr_t>(descriptors_);
    if (offset % sizeof(Page) || offset / sizeof(Page) >= frames_end()) return {};
    return Pfn{offset / sizeof(Page)};
  }
  /// Frames below this can be looked up by number; grows as sections come online.
  uint64_t frames_end() const { return known_.end(); }

 protected:
  void init_map(const Machine& machine) {
    direct_map_ = machine.direct_map;
    descriptors_ = reinterpret_cast<Page*>(machine.descriptors);
  }

  char* direct_map_ = nullptr;
  Page* descriptors_ = nullptr;
  KnownFrames known_;
};

}  // namespace kmem
