#pragma once
// Pages whose contents are mapped in the window, and their references.

#include "page/page_allocator.h"
#include "vmap/window.h"

namespace kmem {

/// Descriptors of pages that are mapped in the window. Without aliases a page can be at one address only: Page::aux holds its
/// page number in the window, and is valid only if the window's table agrees.
///
/// Lock-free; any context.
class ShownPages {
 public:
  /// Bit of Page::aux2: the frame is mapped at page Page::aux of the window. The bits below count kmap()s.
  static constexpr uint32_t kShown = 1u << 31;

  void init(PageAllocator& pages, Window& window, bool can_alias) {
    pages_ = &pages;
    window_ = &window;
    can_alias_ = can_alias;
  }

  /// The bit may be a remnant of a slab's data in the descriptor, so the window's table is checked too.
  bool is_shown(const Page* page) const {
    return (__atomic_load_n(&page->aux2, __ATOMIC_RELAXED) & kShown) && window_->table().shows(page->aux, pages_->pfn_of(page));
  }
  /// The window address of a frame's contents; null if they are at home.
  void* address(const Page* page) const {
    return !can_alias_ && is_shown(page) ? window_->start() + (uint64_t{page->aux} << kPageShift) : nullptr;
  }

  // Pages of a caller, for vmap().

  /// Takes a reference to the page for the window: if the owner frees the page, end() releases it. False, and reported: it is
  /// not an allocated page, or it is in the window already.
  bool begin(VmArea* area, uint32_t i, Page* page, const void* caller);
  void end(Page* page);

  // Pages of a vmalloc area, one by one.

  /// The descriptor of the page at that address, set up as a block with one reference besides the area's.
  Page* expose(VmArea* area, const void* p, Pfn pfn);
  /// Takes the descriptors of an area's pages back; calls keep(i, page) for each page with other references, which then leaves
  /// the area. False: there was such a page.
  template <typename Keep>
  bool withdraw(VmArea* area, Keep keep);

 private:
  /// The area has two references to each of its pages, so that a page which is wrongly freed alone stays, and the area notices.
  static constexpr uint64_t kAreaHolds = 2;

  Page* holder_of(Page* page) const;
  bool claim_place(Page* page, uint32_t at);
  uint64_t take_back(VmArea* area, Page* page);
  static void set_shown(Page* page) { __atomic_fetch_or(&page->aux2, kShown, __ATOMIC_ACQ_REL); }
  static void clear_shown(Page* page) { __atomic_fetch_and(&page->aux2, ~kShown, __ATOMIC_ACQ_REL); }

  PageAllocator* pages_ = nullptr;
  Window* window_ = nullptr;
  bool can_alias_ = false;
};

template <typename Keep>
bool ShownPages::withdraw(VmArea* area, Keep keep) {
  bool whole = true;
  for (uint32_t i = 0; i < area->nr_pages; ++i) {
    Page* page = pages_->page_at(window_->frame(area, i));
    if (!is_shown(page)) continue;  // never exposed
    if (take_back(area, page) > kAreaHolds) {
      keep(i, page);
      page->head.fetch_sub(kAreaHolds);
      whole = false;
    }
    clear_shown(page);
  }
  return whole;
}

}  // namespace kmem
