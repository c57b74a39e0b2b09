#include "vmap/window.h"
#include "watch/fault_injection.h"

namespace kmem {
namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30;
constexpr uint64_t kMost = uint64_t{8} << 40, kLeast = uint64_t{16} << 20;
constexpr uint64_t kUnitOfSize = uint64_t{2} << 20;

}  // namespace

void Window::init(uint64_t bytes, uint64_t physical_bytes, uint32_t host_page_bytes) {
  unit_ = host_page_bytes > kPageSize ? static_cast<uint32_t>(host_page_bytes >> kPageShift) : 1;
  uint64_t generous = 64 * kGiB;
  while (generous < 4 * physical_bytes && generous < kMost) generous *= 2;
  wish_bytes_ = bytes ? round_up(bytes < kMost ? bytes : kMost, kUnitOfSize) : generous;
}

// The first use -------------------------------------------------------------------------------------------------------

// Address space costs nothing, but a limit may forbid it: then half will do, and half of that.
bool Window::reserve_addresses(uint64_t bytes) {
  const uint64_t pages = bytes >> kPageShift;
  char* at = static_cast<char*>(kmem_port_window_reserve(bytes, kUnitOfSize));
  if (!at) return false;
  const size_t table_bytes = round_up(pages * sizeof(uint64_t), kStep);
  void* table = kmem_port_window_reserve(table_bytes, kPageSize);
  const uint32_t nr = pages / 2 + 8 < kMaxAreas ? static_cast<uint32_t>(pages / 2 + 8) : kMaxAreas;
  const size_t area_bytes = round_up(nr * sizeof(VmArea), kStep);
  void* areas = table ? kmem_port_window_reserve(area_bytes, kPageSize) : nullptr;
  if (!areas) {
    if (table) kmem_port_unmap(table, table_bytes);
    kmem_port_unmap(at, bytes);
    return false;
  }
  reserved_bytes_ = bytes;
  table_ = static_cast<Atomic<uint64_t>*>(table);
  map_.init(static_cast<VmArea*>(areas), static_cast<uint32_t>(area_bytes / sizeof(VmArea)));
  reserved_ = at;
  return true;
}

// Without addresses there will be none later either; for the first descriptors there may be memory the next time.
bool Window::open_locked() {
  if (start_.load()) return true;
  for (uint64_t bytes = wish_bytes_; !reserved_ && !failed_; bytes = round_down(bytes / 2, kUnitOfSize))
    failed_ = !reserve_addresses(bytes) && bytes / 2 < kLeast;
  if (!reserved_ || !grow_descriptors() || !map_.add(static_cast<uint32_t>(reserved_bytes_ >> kPageShift))) return false;
  bytes_ = reserved_bytes_;
  start_.store(reserved_);
  return true;
}

bool Window::open(bool may_wait) {
  if (KMEM_LIKELY(start_.load() != nullptr)) return true;
  if (!lock_.lock(may_wait)) return false;
  const bool done = open_locked();
  lock_.unlock();
  return done;
}

bool Window::grow_descriptors() {
  if (map_.spare() >= 4) return true;
  if (map_.ready() >= map_.capacity()) return map_.spare() != 0;
  constexpr uint32_t kNr = kStep / sizeof(VmArea);
  if (should_fail(FaultPoint::Map, kNoGfp, kStep) || !kmem_port_online(&map_.at(map_.ready()), kStep)) return map_.spare() != 0;
  map_.set_ready(map_.ready() + kNr);
  return true;
}

bool Window::grow_tables(uint64_t last_page) {
  constexpr uint64_t kNr = kStep / sizeof(uint64_t);
  const uint64_t ready = table_ready_.peek();
  if (last_page < ready) return true;
  uint64_t to = round_up(last_page + 1, kNr);
  if (should_fail(FaultPoint::Map, kNoGfp, (to - ready) * sizeof(uint64_t))) return false;
  if (!kmem_port_online(const_cast<Atomic<uint64_t>*>(table_ + ready), (to - ready) * sizeof(uint64_t))) return false;
  table_ready_.store(to);
  return true;
}

// Areas ---------------------------------------------------------------------------------------------------------------

VmArea* Window::reserve(const AreaWish& wish) {
  if (!wish.bytes || wish.bytes > kMost || !is_power_of_two(wish.align) || !open(wish.may_wait)) return nullptr;
  const uint64_t pages = round_up(round_up(wish.bytes, kPageSize) >> kPageShift, unit_);
  const uint64_t align = wish.align >> kPageShift > unit_ ? wish.align >> kPageShift : unit_;
  if (pages + unit_ > bytes_ >> kPageShift || align > bytes_ >> kPageShift) return nullptr;
  if (!lock_.lock(wish.may_wait)) return nullptr;
  uint32_t index = 0;
  if (!broken_ && grow_descriptors()) index = map_.take(static_cast<uint32_t>(pages + unit_), static_cast<uint32_t>(align));
  if (index && !grow_tables(map_.at(index).first + map_.at(index).span - 1)) {
    map_.give(index);
    index = 0;
  }
  if (index) used_pages_.poke(used_pages_.peek() + map_.at(index).span);
  lock_.unlock();
  if (!index) return nullptr;
  VmArea& area = map_.at(index);
  area.nr_pages = static_cast<uint32_t>(pages);
  area.kind = wish.kind;
  area.flags.poke(wish.flags);
  area.bytes = wish.bytes;
  area.caller = wish.caller;
  area.phys = 0;
  area.owner = area.pages = nullptr;
  name_pages(index, area.first, area.first + area.span);
  return &area;
}

/// The guard page names its area too, without a frame: so a fault there is told by its name.
void Window::name_pages(uint32_t index, uint32_t from, uint32_t to) {
  const uint64_t word = WindowEntry{index, 0}.word();
  for (uint32_t page = from; page < to; ++page) table_[page].poke(word);
}

void Window::set_frames(VmArea* area, uint64_t page, Pfn first, uint64_t n) {
  const uint32_t index = index_of(area);
  for (uint64_t i = 0; i < n; ++i)
    table_[area->first + page + i].poke(WindowEntry{index, first.value ? static_cast<uint32_t>(first.value + i) : 0}.word());
}

bool Window::release(VmArea* area, bool may_wait) {
  if (!lock_.lock(may_wait)) return false;
  if (!broken_) {
    name_pages(0, area->first, area->first + area->span);
    used_pages_.poke(used_pages_.peek() - area->span);
    map_.give(index_of(area));
  }
  lock_.unlock();
  return true;
}

bool Window::extend(VmArea* area, uint32_t more, bool may_wait) {
  if (!lock_.lock(may_wait)) return false;
  const uint32_t last = area->first + area->span + more - 1;
  const bool done = !broken_ && last < bytes_ >> kPageShift && grow_descriptors() && grow_tables(last) && map_.extend(index_of(area), more);
  if (done) {
    used_pages_.poke(used_pages_.peek() + more);
    name_pages(index_of(area), area->first + area->span - more, area->first + area->span);
  }
  lock_.unlock();
  return done;
}

VmArea* Window::at(const void* p) const {
  if (!start_.load() || !contains(p)) return nullptr;
  const uint64_t page = static_cast<uint64_t>(static_cast<const char*>(p) - start_.load()) >> kPageShift;
  if (page >= table_ready_.load()) return nullptr;
  const uint32_t index = entry(page).area;
  return index ? &map_.at(index) : nullptr;
}

VmArea* Window::next(uint64_t& page) const {
  if (!start_.load()) return nullptr;
  for (const uint64_t end = table_ready_.load(); page < end; ++page) {
    const uint32_t index = WindowEntry::of(table_[page].peek()).area;
    if (KMEM_LIKELY(!index)) continue;
    VmArea& area = map_.at(index);
    const AreaState state = area.is();
    if (area.first == page && (state == AreaState::Live || state == AreaState::Lazy)) return &area;
  }
  return nullptr;
}

uint64_t Window::largest_free_bytes() {
  if (!start_.load()) return wish_bytes_;
  if (!lock_.try_lock()) return 0;  // a report waits for nobody
  const uint64_t pages = map_.largest_free();
  lock_.unlock();
  return pages << kPageShift;
}

void Window::after_fork_in_child() {
  if (!whole_at_fork_) broken_ = true;
  held_for_fork_ = false;
  lock_.free_in_child();
}

Fault Window::check() {
  if (!start_.load()) return {};
  if (!lock_.lock(true)) return {"W0 the window's lock is free on a quiet system"};
  Fault fault = map_.check();
  for (uint32_t i = map_.first_area(); i && !fault; i = map_.at(i).above) {
    const VmArea& area = map_.at(i);
    const bool free = area.is() == AreaState::Free;
    // One that a thread of a forked child's parent was about to name, or to give back, has some names only.
    const bool in_between = area.is() == AreaState::Busy;
    for (uint32_t page = area.first; page < area.first + area.span && page < table_ready_.peek(); ++page)
      if (const uint32_t named = entry(page).area; named != (free ? 0 : i) && !(in_between && !named)) {
        fault = {"W6 the pages of an area name it in the table", page, free ? 0 : i, entry(page).area};
        break;
      }
  }
  lock_.unlock();
  return fault;
}

}  // namespace kmem
