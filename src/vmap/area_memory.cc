#include "vmap/area_memory.h"

#include "base/memory.h"
#include "port/high_memory.h"
#include "watch/fault_injection.h"

namespace kmem {
namespace {

/// For larger areas populating may cost more, for pages that are not used, than the faults that it saves.
constexpr uint32_t kPopulatePages = kBlockFrames;

size_t bytes_of(uint64_t pages) { return pages << kPageShift; }

}  // namespace

// Mapping -------------------------------------------------------------------------------------------------------------

bool AreaMemory::open(VmArea* area, uint32_t from, WindowPages pages) {
  char* at = address(area, from);
  const size_t bytes = bytes_of(area->nr_pages - from);
  if (should_fail(FaultPoint::Map, kNoGfp, bytes)) return false;
  if (!kmem_port_window_open(at, bytes + bytes_of(setup_.window->unit_pages()), Access::ReadWrite, pages)) return false;
  bar_guard(area);
  return true;
}

void AreaMemory::bar_guard(VmArea* area) {
  char* guard = address(area, area->nr_pages);
  const size_t bytes = bytes_of(setup_.window->unit_pages());
  area->flags.fetch_and(~area::kSoftGuard);
  if (kmem_port_window_guard(guard, bytes)) return;
  // The host has no guard markers: makes a hole in the mapping, unless there are too many already.
  if (setup_.counts->are_many_with_lazy() || !kmem_port_window_close(guard, bytes)) area->flags.fetch_or(area::kSoftGuard);
}

void AreaMemory::close(VmArea* area, uint32_t from) {
  char* at = address(area, from);
  const size_t bytes = bytes_of(area->span - from);
  if (area->has(area::kSoftGuard)) {
    kmem_port_discard(at, bytes);
    return;
  }
  const bool by_guards = !can_alias() && (bytes < bytes_of(kLargePages) || setup_.counts->are_many());
  if (by_guards && kmem_port_window_guard(at, bytes)) return;
  kmem_port_window_close(at, bytes);
}

// Frames --------------------------------------------------------------------------------------------------------------

bool show_frames(const PageMap& pages, char* to, Pfn first, uint64_t n, Access access) {
  const size_t bytes = bytes_of(n);
  return pages.has_address(first) ? kmem_port_window_alias(to, pages.address(first), bytes, access)
                                  : kmem_port_window_alias_high(to, first.value, bytes, access);
}

bool AreaMemory::add_frames(VmArea* area, uint32_t page, Pfn first, uint64_t n, uint64_t clean, Gfp gfp) {
  char* home = setup_.pages->address(first);
  if (can_alias()) {
    char* const at = address(area, page);
    if (!show_frames(*setup_.pages, at, first, n, Access::ReadWrite)) return false;
    if (((gfp & gfp::kZero) || setup_.zero) && clean != n) memset(at, 0, bytes_of(n));
  } else if (clean != n && !kmem_port_discard(home, bytes_of(n))) {
    memset(home, 0, bytes_of(n));
  }
  setup_.window->set_frames(area, page, first, n);
  setup_.counts->frames.add(n);
  return true;
}

void AreaMemory::drop_frames(VmArea* area, uint32_t from) {
  PageAllocator& pages = *setup_.pages;
  each_run(*setup_.window, area, from, area->nr_pages, [&](uint32_t, Pfn first, uint64_t n) {
    setup_.counts->frames.sub(n);
    while (n) {
      Zone& zone = *pages.zone_of(first);
      const uint64_t left = zone.nr_frames() - (first - zone.first()), some = n < left ? n : left;
      if (can_alias()) pages.wipe(first, some);
      zone.give_back_run(first, some, frames_are(!can_alias()));
      if (can_alias()) zone.reporting().return_surplus();
      first = first + some;
      n -= some;
    }
  });
  setup_.window->set_frames(area, from, {}, area->nr_pages - from);
}

void AreaMemory::populate(const VmArea* area, uint32_t from) const {
  const uint32_t pages = area->nr_pages - from;
  if (!can_alias() && pages < kPopulatePages) kmem_port_populate(address(area, from), bytes_of(pages));
}

// Clears a large area by returning its memory to the host: it may be sparse, and writing would make all of it resident.
void AreaMemory::wipe(const VmArea* area) const {
  const size_t bytes = bytes_of(area->nr_pages);
  if (can_alias() || area->nr_pages < kLargePages || !kmem_port_discard(address(area), bytes)) memset(address(area), 0, bytes);
}

void AreaMemory::mark_idle(const VmArea* area) const {
  if (!can_alias()) kmem_port_window_mark(address(area), bytes_of(area->nr_pages), WindowUse::Idle);
}

void AreaMemory::mark_used(const VmArea* area) const {
  if (!can_alias()) kmem_port_window_mark(address(area), bytes_of(area->nr_pages), WindowUse::InUse);
}

bool AreaMemory::move_to(VmArea* area, uint32_t page, Pfn first, uint64_t n) const {
  return kmem_port_window_move(address(area, page), setup_.pages->address(first), bytes_of(n));
}

void AreaMemory::move_home(const VmArea* area, uint32_t page, Pfn first, uint64_t n) const {
  char* home = setup_.pages->address(first);
  if (!kmem_port_window_move(home, address(area, page), bytes_of(n))) memcpy(home, address(area, page), bytes_of(n));
}

}  // namespace kmem
