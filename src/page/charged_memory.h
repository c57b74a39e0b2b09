#pragma once
// Charges memory outside the frames to the zones: large blocks of malloc, if the machine's memory is a limit.

#include "page/zones.h"

namespace kmem {

class PageAllocator;

/// The zones keep as many frames free as are charged to them, and give those of them that are resident back to the host.
class ChargedMemory {
 public:
  void init(PageAllocator& pages) { pages_ = &pages; }
  /// Is the machine's memory also a limit for memory outside the frames? If not, charges are not counted.
  void set_limited(bool on) { limited_ = on; }

  /// Charges nr frames; false if that is more than an ordinary request may have.  May reclaim, as PageAllocator::alloc().
  bool charge(uint64_t nr);
  /// Any context.
  void uncharge(uint64_t nr);

 private:
  bool try_charge(uint64_t nr);
  void uncharge_zones(uint64_t nr);

  PageAllocator* pages_ = nullptr;
  bool limited_ = false;
};

}  // namespace kmem
