// vmap(): pages that a caller has, at addresses in a row; and the pages of vmalloc areas, one by one.

#include "base/memory.h"
#include "vmap/vmap.h"
#include "watch/report.h"

namespace kmem {
namespace {

unsigned long long number(Pfn pfn) { return pfn.value; }

void set_shown(Page* page) { __atomic_fetch_or(&page->aux2, Vmap::kShown, __ATOMIC_ACQ_REL); }
void clear_shown(Page* page) { __atomic_fetch_and(&page->aux2, ~Vmap::kShown, __ATOMIC_ACQ_REL); }

}  // namespace

// Holding pages -------------------------------------------------------------------------------------------------------

/// The head of the allocated block in which a page lies; null where it is in none.
Page* Vmap::holder_of(Page* page) const {
  const Pfn pfn = pages_->pfn_of(page);
  for (uint8_t k = 0; k <= kMaxOrder; ++k) {
    Page* head = pages_->page_at({round_down(pfn.value, uint64_t{1} << k)});
    if (!pages_->is_online(pages_->pfn_of(head))) return nullptr;
    const uint64_t h = head->head.load();
    if (Page::kind_of(h) == PageKind::Block && Page::order_of(h).value >= k && Page::refs_of(h)) return head;
  }
  return nullptr;
}

/// A page that can be in one place only is its who first names a place in the window that shows it: the table says so
/// before the page does, so that of two who come at once one sees the other.
bool Vmap::claim_place(Page* page, uint32_t at) {
  const Pfn pfn = pages_->pfn_of(page);
  uint32_t seen = __atomic_load_n(&page->aux, __ATOMIC_ACQUIRE);
  while (seen == at || !window_.shows(seen, pfn)) {  // what it says may be old, and ours by chance
    if (!__atomic_compare_exchange_n(&page->aux, &seen, at, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) continue;
    set_shown(page);
    return true;
  }
  return false;
}

/// The window holds the page as well: a free by its owner leaves it to us, and to unmap().
bool Vmap::begin_to_show(VmArea* area, uint32_t i, Page* page, const void* caller) {
  const Pfn pfn = pages_->pfn_of(page);
  Page* head = page && pages_->is_online(pfn) ? holder_of(page) : nullptr;
  if (!head) {
    bug_report(Trouble::Bug, "vmap by %p: %p (pfn %#llx) is no page of alloc_pages(); nothing was mapped", caller, static_cast<void*>(page),
               number(pfn));
    return false;
  }
  window_.set_frames(area, i, pfn, 1);
  if (!can_alias_ && !claim_place(page, area->first + i)) {
    window_.set_frames(area, i, {}, 1);
    bug_report(Trouble::Bug,
               "vmap by %p: pfn %#llx is in the window already; the same page at several addresses needs the boot word alias=1",
               caller, number(pfn));
    return false;
  }
  head->head.fetch_add(1);
  return true;
}

void Vmap::end_to_show(Page* page) {
  if (!can_alias_) clear_shown(page);
  Page* head = holder_of(page);
  if (!head) return bug_report(Trouble::Bug, "vunmap: pfn %#llx was freed while it was mapped", number(pages_->pfn_of(page)));
  uint64_t h = head->head.load();
  while (Page::refs_of(h) > 1)
    if (head->head.compare_exchange(h, h - 1)) return;
  if (!pages_->free(head, Page::order_of(h)))
    bug_report(Trouble::Bug, "vunmap: pfn %#llx was freed while it was mapped", number(pages_->pfn_of(page)));
}

// Mapping -------------------------------------------------------------------------------------------------------------

void* Vmap::map_pages(Page* const* pages, uint64_t nr, uint32_t flags, bool read_only, const void* caller) {
  if (!nr || nr > pages_->frames_end()) return nullptr;
  const bool wait = may_wait(gfp::kKernel);
  VmArea* area = window_.reserve({AreaKind::Vmap, nr << kPageShift, kPageSize, flags, caller, wait});
  if (!area && purge_all(wait)) area = window_.reserve({AreaKind::Vmap, nr << kPageShift, kPageSize, flags, caller, wait});
  if (!area) return nullptr;
  uint32_t held = 0;
  while (held < nr && begin_to_show(area, held, pages[held], caller)) ++held;
  bool done = held == nr;
  uint32_t shown = 0;
  if (done)
    each_run(area, 0, held, [&](uint32_t page, Pfn first, uint64_t n) {
      char *to = window_.address(area, page), *home = pages_->address(first);
      const size_t bytes = n << kPageShift;
      done = done && (can_alias_ ? kmem_port_window_alias(to, home, bytes, read_only ? Access::Read : Access::ReadWrite)
                                 : kmem_port_window_move(to, home, bytes));
      if (done) shown = page + static_cast<uint32_t>(n);
    });
  if (done && read_only && !can_alias_) done = kmem_port_window_access(window_.address(area), nr << kPageShift, Access::Read);
  if (done) {
    bar_guard(area);
    nr_live_.add();
    window_.publish(area);
    return window_.address(area);
  }
  if (held == nr) note("vmap: the host maps no more; see vm.max_map_count");
  if (!can_alias_) move_home(area, shown);
  for (uint32_t i = 0; i < held; ++i) end_to_show(pages[i]);
  close(area, 0);
  window_.set_frames(area, 0, {}, area->nr_pages);
  put_addresses_back(area, wait);
  return nullptr;
}

bool Vmap::show_at(const VmArea* area, uint32_t from, uint32_t nr, char* to) const {
  bool done = can_alias_;
  each_run(area, from, from + nr, [&](uint32_t page, Pfn first, uint64_t n) {
    done = done && kmem_port_window_alias(to + (uint64_t{page - from} << kPageShift), pages_->address(first), n << kPageShift, Access::ReadWrite);
  });
  return done;
}

void Vmap::move_home(VmArea* area, uint32_t nr) {
  if (area->has(area::kReadOnly)) kmem_port_window_access(window_.address(area), uint64_t{nr} << kPageShift, Access::ReadWrite);
  each_run(area, 0, nr, [&](uint32_t page, Pfn first, uint64_t n) {
    if (!kmem_port_window_move(pages_->address(first), window_.address(area, page), n << kPageShift))
      memcpy(pages_->address(first), window_.address(area, page), n << kPageShift);
  });
}

AreaFault Vmap::unmap(const void* p, uint64_t nr_pages) {
  VmArea* area = window_.at(p);
  if (!area) return AreaFault::Foreign;
  if (area->is() != AreaState::Live) return AreaFault::Freed;
  if (window_.address(area) != p) return AreaFault::Inside;
  if (area->kind != AreaKind::Vmap || (nr_pages && nr_pages != area->nr_pages)) return AreaFault::Kind;
  if (!window_.withdraw(area)) return AreaFault::Freed;
  nr_live_.sub();
  if (!can_alias_) move_home(area, area->nr_pages);
  // Pieces that were moved as pages are mappings of their own until they are mapped over.
  if (area->nr_pages >= kMovedPages) kmem_port_window_close(window_.address(area), uint64_t{area->span} << kPageShift);
  else close(area, 0);
  for (uint32_t i = 0; i < area->nr_pages; ++i) end_to_show(pages_->page_at(window_.frame(area, i)));
  window_.set_frames(area, 0, {}, area->nr_pages);
  put_addresses_back(area, may_wait(gfp::kKernel));
  return AreaFault::None;
}

// The pages of an area ------------------------------------------------------------------------------------------------

Maybe<Pfn> Vmap::frame_at(const void* p) const {
  const VmArea* area = window_.find(p);
  if (!area) return {};
  const uint64_t page = static_cast<uint64_t>(static_cast<const char*>(p) - window_.address(area)) >> kPageShift;
  const Pfn pfn = window_.frame(area, page);
  return pfn.value ? Maybe<Pfn>(pfn) : Maybe<Pfn>();
}

// A frame of vmalloc() has no descriptor of its own until somebody asks for it.  It says two holders, the area twice, so
// that a page that is freed by itself stays, and the area sees it.
Page* Vmap::page_at(const void* p) {
  const auto pfn = frame_at(p);
  if (!pfn) return nullptr;
  Page* page = pages_->page_at(*pfn);
  VmArea* area = window_.at(p);
  if (area->kind != AreaKind::Vmalloc) return page;
  area->flags.fetch_or(area::kExposed);
  uint64_t head = page->head.load();
  if (Page::kind_of(head) == PageKind::None)
    page->head.compare_exchange(head, Page::pack(PageKind::Block, pages_->zone_of(*pfn)->index(), Order{0}, kAreaHolds));
  page->aux = area->first + static_cast<uint32_t>((static_cast<const char*>(p) - window_.address(area)) >> kPageShift);
  set_shown(page);
  return page;
}

/// Takes the descriptors of an area's pages back.  False where somebody keeps one: the area has a hole then.
bool Vmap::drop_pages(VmArea* area) {
  bool whole = true;
  for (uint32_t i = 0; i < area->nr_pages; ++i) {
    Page* page = pages_->page_at(window_.frame(area, i));
    if (!is_shown(page)) continue;  // nobody asked for it
    uint64_t head = page->head.load();
    const uint64_t none = Page::pack(PageKind::None, Page::zone_of(head), Order{0}, 0);
    while (Page::refs_of(head) <= kAreaHolds && !page->head.compare_exchange(head, none)) continue;
    if (Page::refs_of(head) < kAreaHolds)
      bug_report(Trouble::Bug, "vfree: pfn %#llx of the vmalloc area at %p was freed by itself", number(pages_->pfn_of(page)),
                 static_cast<void*>(window_.address(area)));
    if (Page::refs_of(head) > kAreaHolds) {
      keep_held_page(area, i, page);
      whole = false;
    }
    clear_shown(page);
  }
  return whole;
}

/// Somebody has taken hold of the page: it goes home with its contents, and is theirs alone.
void Vmap::keep_held_page(VmArea* area, uint32_t i, Page* page) {
  const Pfn pfn = pages_->pfn_of(page);
  if (!can_alias_ && !kmem_port_window_move(pages_->address(pfn), window_.address(area, i), kPageSize))
    memcpy(pages_->address(pfn), window_.address(area, i), kPageSize);
  window_.set_frames(area, i, {}, 1);
  nr_frames_.sub();
  page->head.fetch_sub(kAreaHolds);
}

}  // namespace kmem
