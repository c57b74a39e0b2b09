#include "vmap/shown_pages.h"

#include "watch/report.h"

namespace kmem {
namespace {

unsigned long long number(Pfn pfn) { return pfn.value; }

}  // namespace

// Pages of a caller -----------------------------------------------------------------------------------------------------

/// The head of the allocated block in which a page lies; null if it is in none.
Page* ShownPages::holder_of(Page* page) const {
  const Pfn pfn = pages_->pfn_of(page);
  for (uint8_t k = 0; k <= kMaxOrder; ++k) {
    Page* head = pages_->page_at({round_down(pfn.value, uint64_t{1} << k)});
    if (!pages_->is_online(pages_->pfn_of(head))) return nullptr;
    const uint64_t h = head->head.load();
    if (Page::kind_of(h) == PageKind::Block && Page::order_of(h).value >= k && Page::refs_of(h)) return head;
  }
  return nullptr;
}

/// The first caller that writes its place into the page's descriptor owns the mapping. Each caller writes the window's table
/// before the descriptor, so of two concurrent callers one sees the other.
bool ShownPages::claim_place(Page* page, uint32_t at) {
  const Pfn pfn = pages_->pfn_of(page);
  uint32_t seen = __atomic_load_n(&page->aux, __ATOMIC_ACQUIRE);
  while (seen == at || !window_->table().shows(seen, pfn)) {  // the old value may be stale, and equal ours by chance
    if (!__atomic_compare_exchange_n(&page->aux, &seen, at, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) continue;
    set_shown(page);
    return true;
  }
  return false;
}

bool ShownPages::begin(VmArea* area, uint32_t i, Page* page, const void* caller) {
  const Pfn pfn = pages_->pfn_of(page);
  Page* head = page && pages_->is_online(pfn) ? holder_of(page) : nullptr;
  if (!head) {
    bug_report(Trouble::Bug, "vmap by %p: %p (pfn %#llx) is not a page of alloc_pages(); nothing was mapped", caller,
               static_cast<void*>(page), number(pfn));
    return false;
  }
  window_->set_frames(area, i, pfn, 1);
  if (!can_alias_ && !claim_place(page, area->first + i)) {
    window_->set_frames(area, i, {}, 1);
    bug_report(Trouble::Bug,
               "vmap by %p: pfn %#llx is in the window already; the same page at several addresses needs the boot word alias=1",
               caller, number(pfn));
    return false;
  }
  head->head.fetch_add(1);
  return true;
}

void ShownPages::end(Page* page) {
  if (!can_alias_) clear_shown(page);
  Page* head = holder_of(page);
  if (!head) return bug_report(Trouble::Bug, "vunmap: pfn %#llx was freed while it was mapped", number(pages_->pfn_of(page)));
  uint64_t h = head->head.load();
  while (Page::refs_of(h) > 1)
    if (head->head.compare_exchange(h, h - 1)) return;
  if (!pages_->free(head, Page::order_of(h)))
    bug_report(Trouble::Bug, "vunmap: pfn %#llx was freed while it was mapped", number(pages_->pfn_of(page)));
}

// Pages of an area ------------------------------------------------------------------------------------------------------

// A frame of vmalloc() has no valid descriptor until a caller asks for its page.
Page* ShownPages::expose(VmArea* area, const void* p, Pfn pfn) {
  Page* page = pages_->page_at(pfn);
  area->flags.fetch_or(area::kExposed);
  uint64_t head = page->head.load();
  if (Page::kind_of(head) == PageKind::None)
    page->head.compare_exchange(head, Page::pack(PageKind::Block, pages_->zone_of(pfn)->index(), Order{0}, kAreaHolds));
  page->aux = area->first + static_cast<uint32_t>((static_cast<const char*>(p) - window_->address(area)) >> kPageShift);
  set_shown(page);
  return page;
}

/// Takes the descriptor back if only the area has references; returns the number of references.
uint64_t ShownPages::take_back(VmArea* area, Page* page) {
  uint64_t head = page->head.load();
  const uint64_t none = Page::pack(PageKind::None, Page::zone_of(head), Order{0}, 0);
  while (Page::refs_of(head) <= kAreaHolds && !page->head.compare_exchange(head, none)) continue;
  if (Page::refs_of(head) < kAreaHolds)
    bug_report(Trouble::Bug, "vfree: pfn %#llx of the vmalloc area at %p was freed separately", number(pages_->pfn_of(page)),
               static_cast<void*>(window_->address(area)));
  return Page::refs_of(head);
}

}  // namespace kmem
