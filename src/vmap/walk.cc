// Another size for an area; what reports say of areas; and the walker.

#include "vmap/vmap.h"
#include "watch/report.h"

namespace kmem {
namespace {

constexpr const char* kKindNames[] = {"vmalloc area", "vmap area", "ioremap area", "window area"};

}  // namespace

// Size ----------------------------------------------------------------------------------------------------------------

bool Vmap::resize(const void* p, const VmallocWish& wish) {
  VmArea* area = window_.find(p);
  if (!area || !wish.bytes || wish.bytes >> kPageShift > pages_->frames_end() || (can_alias_ && area->has(area::kExposed))) return false;
  const uint32_t old = area->nr_pages, unit = window_.unit_pages();
  const auto pages = static_cast<uint32_t>(round_up(round_up(wish.bytes, kPageSize) >> kPageShift, unit));
  if (pages > old) {
    const uint32_t room = area->span - unit;
    if (pages > room && !window_.extend(area, pages - room, may_wait(wish.gfp))) return false;
    area->nr_pages = pages;
    if (!open(area, old, false) || !fill(area, old, wish)) {
      close(area, old);
      drop_frames(area, old);
      area->nr_pages = old;
      return false;
    }
  } else if (pages < old && !area->has(area::kExposed)) {
    close(area, pages);
    drop_frames(area, pages);
    area->nr_pages = pages;
  }
  area->bytes = wish.bytes;
  return true;
}

// Saying what is there ------------------------------------------------------------------------------------------------

void Vmap::look_at_guard(VmArea* area) {
  const char* guard = window_.address(area, area->nr_pages);
  if (!kmem_port_window_touched(guard, size_t{window_.unit_pages()} << kPageShift)) return;
  TextOf<192> name;
  put_name(area, guard, name);
  bug_report(Trouble::Bug, "vfree: %s was written to or read", name.data());
}

bool Vmap::describe(const void* p, Text& out) const {
  const VmArea* area = window_.at(p);
  if (!area) return false;
  const AreaState state = area->is();
  if (state != AreaState::Live && state != AreaState::Lazy) return false;
  put_name(area, p, out);
  return true;
}

void Vmap::put_name(const VmArea* area, const void* p, Text& out) const {
  const auto start = reinterpret_cast<uint64_t>(window_.address(area)), end = start + (uint64_t{area->nr_pages} << kPageShift);
  if (reinterpret_cast<uint64_t>(p) >= end) out.put("the guard page behind ");
  if (area->is() == AreaState::Lazy) out.put("freed ");
  out.put(kKindNames[static_cast<unsigned>(area->kind)]).put(" 0x").hex(start).put("-0x").hex(end);
  out.put(" of ").dec(area->bytes).put(" bytes, made by 0x").hex(reinterpret_cast<uint64_t>(area->caller));
}

bool Vmap::next_area(uint64_t& cursor, AreaInfo& out) const {
  const VmArea* area = window_.next(cursor);
  if (!area) return false;
  cursor = uint64_t{area->first} + area->span;
  out = AreaInfo{};
  out.start = window_.address(area);
  out.bytes = uint64_t{area->span} << kPageShift;
  out.caller = area->caller;
  out.phys = area->phys;
  out.flags = area->flags.peek();
  out.kind = area->kind;
  out.lazy = area->is() == AreaState::Lazy;
  const_cast<Vmap*>(this)->each_run(area, 0, area->nr_pages, [&](uint32_t, Pfn first, uint64_t n) {
    const Zone* zone = pages_->zone_of(first);
    out.nr_pages += n;
    if (zone) out.on_node[zone->node().value] += n;
  });
  return true;
}

// Checking ------------------------------------------------------------------------------------------------------------

Fault Vmap::check() {
  if (const Fault fault = window_.check()) return fault;
  constexpr uint32_t kSeen = 1u << 30;
  Fault fault;
  uint64_t frames = 0, lazy = 0;
  // Three times over the areas: the second leaves a mark in each frame's descriptor, the others take it away.
  for (int round = -1; round < 2; ++round) {
    uint64_t cursor = 0;
    while (const VmArea* area = window_.next(cursor)) {
      cursor = uint64_t{area->first} + area->span;
      if (area->kind != AreaKind::Vmalloc) continue;
      if (!round && area->is() == AreaState::Lazy) lazy += area->nr_pages;
      for (uint32_t i = 0; i < area->nr_pages; ++i) {
        const Pfn pfn = window_.frame(area, i);
        const auto where = reinterpret_cast<uint64_t>(window_.address(area, i));
        if (!pfn.value || !pages_->is_online(pfn)) {
          if (area->is() == AreaState::Live) fault = {"V1 a page of an area has a frame that is claimed", where, 0, pfn.value};
          continue;
        }
        if (pages_->zone_of(pfn)->frames().is_free(pfn)) fault = {"V1 a page of an area has a frame that is claimed", where, 0, pfn.value};
        Page* page = pages_->page_at(pfn);
        if (!round && (page->aux2 & kSeen)) fault = {"V2 no frame is seen in two areas", where, 0, pfn.value};
        page->aux2 = round ? page->aux2 & ~kSeen : page->aux2 | kSeen;
        frames += !round;
      }
    }
  }
  if (fault) return fault;
  if (frames != nr_frames_.value()) return {"V3 nr_frames is the number of frames of all areas", 0, frames, nr_frames_.value()};
  if (lazy != lazy_pages_.value()) return {"V4 lazy_pages is the number of pages of lazy areas", 0, lazy, lazy_pages_.value()};
  return {};
}

}  // namespace kmem
