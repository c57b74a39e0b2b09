#pragma once
// High memory: frames without a permanent address, and the ways to reach one for a while.
//
// In a process every frame has a place in the reserved address space, those of high memory too, but nobody is told that
// of a high one until it is mapped (docs/decisions/high-memory.md).  So mapping costs no call of the host, contents stay
// between two mappings, and what these functions keep is the contract: who mapped what, and in which order.

#include "vmap/vmap.h"

namespace kmem {

/// Lock-free.  map() and unmap() are for task context; the local forms for every context, each undone in the reverse order
/// by the same task.  What is done out of order, or too often, is reported and changes nothing.
class Kmap {
 public:
  /// Local mappings of one task at a time, as the kernel allows (KM_MAX_IDX).
  static constexpr unsigned kMaxLocal = 16;

  void init(PageAllocator* pages, Vmap* vmap);

  bool is_high(Pfn pfn) const { return !(pfn < first_high_); }
  /// Where a page is seen now: at home, in the window, or, of high memory that nobody has mapped, nowhere.
  void* address(const Page* page) const;

  /// Until unmap() of the page has been called as often.
  void* map(Page* page);
  void unmap(Page* page);
  unsigned map_count(const Page* page) const { return __atomic_load_n(&page->aux2, __ATOMIC_RELAXED) & kCount; }

  void* map_local(Page* page);
  /// Takes the address, or any other in the same page.
  void unmap_local(const void* address);
  /// Local mappings of high memory that the calling task has.
  static unsigned nr_local();

  /// The page behind an address that these functions gave.
  Page* page_of(const void* address) const;

 private:
  static void count_one(Page* page);
  static constexpr uint32_t kCount = (1u << 24) - 1;
  char* home(const Page* page) const { return pages_->address(pages_->pfn_of(page)); }
  bool is_home_of_high(const void* address) const { return static_cast<const char*>(address) >= high_start_ && static_cast<const char*>(address) < high_end_; }

  PageAllocator* pages_ = nullptr;
  Vmap* vmap_ = nullptr;
  Pfn first_high_{~uint64_t{0}};
  char *high_start_ = nullptr, *high_end_ = nullptr;
};

}  // namespace kmem
