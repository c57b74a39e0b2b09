// vmap(): maps a caller's pages at contiguous addresses. Also access to single pages of vmalloc areas.

#include "vmap/vmap.h"
#include "watch/report.h"

namespace kmem {
namespace {
/// From so many pages on the port may move pages instead of copying them.
constexpr uint32_t kMovedPages = 16;
}  // namespace

/// Maps all of an area's frames; returns the number of pages mapped before the host refused.
uint32_t Vmap::move_in(VmArea* area, Access access) {
  uint32_t done = 0;
  bool go_on = true;
  each_run(window_, area, 0, area->nr_pages, [&](uint32_t page, Pfn first, uint64_t n) {
    go_on = go_on && (can_alias() ? show_frames(*pages_, window_.address(area, page), first, n, access)
                                  : memory_.move_to(area, page, first, n));
    if (go_on) done = page + static_cast<uint32_t>(n);
  });
  return done;
}

void Vmap::move_out(VmArea* area, uint32_t nr) {
  if (area->has(area::kReadOnly)) kmem_port_window_access(window_.address(area), uint64_t{nr} << kPageShift, Access::ReadWrite);
  each_run(window_, area, 0, nr, [&](uint32_t page, Pfn first, uint64_t n) { memory_.move_home(area, page, first, n); });
}

void* Vmap::map_pages(Page* const* pages, uint64_t nr, uint32_t flags, Access access, const void* caller) {
  if (!nr || nr > pages_->nr_frames()) return nullptr;
  const Wait wait = wait_by(gfp::kKernel);
  const bool protect = access == Access::Read && !can_alias();
  VmArea* area = window_.reserve({AreaKind::Vmap, nr << kPageShift, kPageSize, flags, caller, wait});
  if (!area && purge_all(wait)) area = window_.reserve({AreaKind::Vmap, nr << kPageShift, kPageSize, flags, caller, wait});
  if (!area) return nullptr;
  uint32_t held = 0;
  while (held < nr && shown_.begin(area, held, pages[held], caller)) ++held;
  const uint32_t moved = held == nr ? move_in(area, access) : 0;
  if (moved == nr && (!protect || kmem_port_window_access(window_.address(area), nr << kPageShift, Access::Read))) {
    memory_.bar_guard(area);
    return publish(area);
  }
  if (held == nr) note("vmap: the host allows no more mappings; see vm.max_map_count");
  if (!can_alias()) move_out(area, moved);
  for (uint32_t i = 0; i < held; ++i) shown_.end(pages[i]);
  memory_.close(area, 0);
  window_.set_frames(area, 0, {}, area->nr_pages);
  lazy_.put_addresses_back(area, wait);
  return nullptr;
}

bool Vmap::show_at(const VmArea* area, uint32_t from, uint32_t nr, char* to) const {
  bool done = can_alias();
  each_run(window_, area, from, from + nr, [&](uint32_t page, Pfn first, uint64_t n) {
    done = done && show_frames(*pages_, to + (uint64_t{page - from} << kPageShift), first, n, Access::ReadWrite);
  });
  return done;
}

AreaFault Vmap::unmap(const void* p, uint64_t nr_pages) {
  VmArea* area = window_.at(p);
  if (!area) return AreaFault::Foreign;
  if (area->is() != AreaState::Live) return AreaFault::Freed;
  if (window_.address(area) != p) return AreaFault::Inside;
  if (area->kind != AreaKind::Vmap || (nr_pages && nr_pages != area->nr_pages)) return AreaFault::Kind;
  if (!window_.withdraw(area)) return AreaFault::Freed;
  counts_.mine().live.sub();
  if (!can_alias()) move_out(area, area->nr_pages);
  // Ranges that were moved as pages remain separate mappings of the host until the area is closed.
  if (area->nr_pages >= kMovedPages) kmem_port_window_close(window_.address(area), uint64_t{area->span} << kPageShift);
  else memory_.close(area, 0);
  for (uint32_t i = 0; i < area->nr_pages; ++i) shown_.end(pages_->page_at(window_.frame(area, i)));
  window_.set_frames(area, 0, {}, area->nr_pages);
  put_addresses_back(area);
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

Page* Vmap::page_at(const void* p) {
  const auto pfn = frame_at(p);
  if (!pfn) return nullptr;
  VmArea* area = window_.at(p);
  return area->kind == AreaKind::Vmalloc ? shown_.expose(area, p, *pfn) : pages_->page_at(*pfn);
}

}  // namespace kmem
