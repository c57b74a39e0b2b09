#pragma once
// High memory: temporary mappings of frames without a permanent address.
//
// On a machine with fewer addresses than memory, the port shows them (port/high_memory.h).
// In a process every frame has an address, also in high memory, but a high frame's address is returned only while it is mapped
// (docs/decisions/high-memory.md). So mapping costs no call of the host, and contents persist between mappings. These functions
// then only keep the contract: they record which task mapped which page, and in which order.

#include "vmap/vmap.h"

namespace kmem {

/// Lock-free.  map() and unmap() are for task context; the local forms for every context, each undone in the reverse order by
/// the same task. Calls out of order, or one unmap too many, are reported and change nothing.
class Kmap {
 public:
  /// Local mappings of one task at a time, as the kernel allows (KM_MAX_IDX).
  static constexpr unsigned kMaxLocal = 16;

  void init(PageAllocator* pages, Vmap* vmap);

  bool is_high(Pfn pfn) const { return !(pfn < first_high_); }
  /// The page's current address: home, or in the window; null for high memory that is not mapped.
  void* address(const Page* page) const;

  /// Mapped until unmap() has been called as often as map().
  void* map(Page* page);
  void unmap(Page* page);
  unsigned map_count(const Page* page) const { return __atomic_load_n(&page->aux2, __ATOMIC_RELAXED) & kCount; }

  void* map_local(Page* page);
  /// `address`: any address in the page.
  void unmap_local(const void* address);
  /// The number of local mappings of high memory of the calling task.
  static unsigned nr_local();

  /// The page of an address that these functions returned.
  Page* page_of(const void* address) const;

 private:
  static void count_one(Page* page);
  static constexpr uint32_t kCount = (1u << 24) - 1;
  char* home(const Page* page) const { return pages_->address(pages_->pfn_of(page)); }
  Maybe<Pfn> high_frame_at(const void* address) const;
  bool is_home_of_high(const void* address) const {
    return static_cast<const char*>(address) >= high_start_ && static_cast<const char*>(address) < high_end_;
  }

  PageAllocator* pages_ = nullptr;
  Vmap* vmap_ = nullptr;
  Pfn first_high_{~uint64_t{0}};
  char *high_start_ = nullptr, *high_end_ = nullptr;
};

}  // namespace kmem
