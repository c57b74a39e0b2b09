// Reports about areas, and the walker.

#include "vmap/vmap.h"
#include "watch/report.h"

namespace kmem {
namespace {

constexpr const char* kKindNames[] = {"vmalloc area", "vmap area", "ioremap area", "window area"};

}  // namespace

// Reports ------------------------------------------------------------------------------------------------

void Vmap::look_at_guard(VmArea* area) {
  const char* guard = window_.address(area, area->nr_pages);
  const char* const end = guard + (size_t{window_.unit_pages()} << kPageShift);
  const char* at = guard;
  while (at < end && !*at) ++at;
  if (at == end) return;
  TextOf<192> name;
  put_name(area, guard, name);
  bug_report(Trouble::Bug, "vfree: %s was written to", name.data());
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
  each_run(window_, area, 0, area->nr_pages, [&](uint32_t, Pfn first, uint64_t n) {
    const Zone* zone = pages_->zone_of(first);
    out.nr_pages += n;
    if (zone) out.on_node[zone->node().value] += n;
  });
  return true;
}

// Checking ------------------------------------------------------------------------------------------------------------

namespace {

/// Calls look(area) for each vmalloc area until it finds a fault.
template <typename Look>
Fault each_vmalloc_area(const Window& window, Look look) {
  uint64_t cursor = 0;
  while (const VmArea* area = window.next(cursor)) {
    cursor = uint64_t{area->first} + area->span;
    if (area->kind != AreaKind::Vmalloc) continue;
    if (const Fault fault = look(*area)) return fault;
  }
  return {};
}

/// Marks a frame's descriptor as seen, by the walk that finds duplicates; another walk clears it.
constexpr uint32_t kSeen = 1u << 30;

}  // namespace

Fault Vmap::check() {
  if (const Fault fault = window_.check()) return fault;
  uint64_t frames = 0, lazy = 0;
  const auto each_page = [&](const VmArea& area, auto look) -> Fault {
    for (uint32_t i = 0; i < area.nr_pages; ++i)
      if (const Fault fault = look(window_.frame(&area, i), reinterpret_cast<uint64_t>(window_.address(&area, i))))
        return fault;
    return {};
  };
  const auto has_frames = [&](const VmArea& area) -> Fault {
    if (area.is() == AreaState::Lazy) lazy += area.nr_pages;
    return each_page(area, [&](Pfn pfn, uint64_t where) -> Fault {
      if (!pfn.value && lazy_.is_deferred(&area)) return {};
      ++frames;
      if (pfn.value && pages_->is_online(pfn) && !pages_->zone_of(pfn)->frames().is_free(pfn)) return {};
      return {"V1 a page of an area has a frame that is claimed", where, 0, pfn.value};
    });
  };
  const auto mark = [&](const VmArea& area) {
    return each_page(area, [&](Pfn pfn, uint64_t where) -> Fault {
      Page* page = pfn.value ? pages_->page_at(pfn) : nullptr;
      if (page && (page->aux2 & kSeen)) return {"V2 no frame is seen in two areas", where, 0, pfn.value};
      if (page) page->aux2 |= kSeen;
      return {};
    });
  };
  const auto unmark = [&](const VmArea& area) {
    return each_page(area, [&](Pfn pfn, uint64_t) -> Fault {
      if (pfn.value) pages_->page_at(pfn)->aux2 &= ~kSeen;
      return {};
    });
  };
  if (const Fault fault = each_vmalloc_area(window_, has_frames)) return fault;
  (void)each_vmalloc_area(window_, unmark);  // clears remnants of slabs in the descriptors
  const Fault twice = each_vmalloc_area(window_, mark);
  (void)each_vmalloc_area(window_, unmark);
  if (twice) return twice;
  if (frames != nr_frames()) return {"V3 nr_frames is the number of frames of all areas", 0, frames, nr_frames()};
  if (lazy != lazy_pages()) return {"V4 lazy_pages is the number of pages of lazy areas", 0, lazy, lazy_pages()};
  return {};
}

}  // namespace kmem
