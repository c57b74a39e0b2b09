#include "vmap/window.h"

namespace kmem {

void Window::init(uint64_t bytes, uint64_t physical_bytes, uint32_t host_page_bytes) {
  unit_ = host_page_bytes > kPageSize ? static_cast<uint32_t>(host_page_bytes >> kPageShift) : 1;
  space_.init(bytes, physical_bytes);
}

// The first use -------------------------------------------------------------------------------------------------------

bool Window::open_locked() {
  if (start_.load()) return true;
  if (!space_.choose(table_)) return false;
  bytes_ = space_.bytes();
  areas_ = space_.areas();
  start_.store(space_.start());
  return true;
}

bool Window::open(Wait wait) {
  if (KMEM_LIKELY(start_.load() != nullptr)) return true;
  if (!lock_.lock(wait)) return false;
  const bool done = open_locked();
  lock_.unlock();
  return done;
}

// Areas ---------------------------------------------------------------------------------------------------------------

uint32_t Window::take_locked(uint32_t span, uint32_t align) {
  const uint32_t index = broken_ ? 0 : space_.take(span, align);
  if (!index) return 0;
  if (!table_.cover(uint64_t{areas_[index].first} + areas_[index].span)) {
    space_.give(index);
    return 0;
  }
  used_pages_.poke(used_pages_.peek() + areas_[index].span);
  return index;
}

VmArea* Window::reserve(const AreaWish& wish) {
  if (!wish.bytes || wish.bytes > ~uint64_t{0} - kPageSize || !is_power_of_two(wish.align) || !open(wish.wait)) return nullptr;
  const uint64_t pages = round_up(round_up(wish.bytes, kPageSize) >> kPageShift, unit_);
  const uint64_t align = wish.align >> kPageShift > unit_ ? wish.align >> kPageShift : unit_;
  if (pages + unit_ > bytes_ >> kPageShift || align > bytes_ >> kPageShift) return nullptr;
  if (!lock_.lock(wish.wait)) return nullptr;
  const uint32_t index = take_locked(static_cast<uint32_t>(pages + unit_), static_cast<uint32_t>(align));
  lock_.unlock();
  if (!index) return nullptr;
  VmArea& area = areas_[index];
  area.nr_pages = static_cast<uint32_t>(pages);
  area.kind = wish.kind;
  area.flags.poke(wish.flags);
  area.bytes = wish.bytes;
  area.caller = wish.caller;
  area.phys = 0;
  area.owner = area.pages = nullptr;
  table_.name(index, area.first, area.first + area.span);
  return &area;
}

void Window::give_locked(VmArea* area) {
  if (broken_) return;
  table_.name(0, area->first, area->first + area->span);
  used_pages_.poke(used_pages_.peek() - area->span);
  space_.give(index_of(area));
}

bool Window::release(VmArea* area, Wait wait) {
  if (!lock_.lock(wait)) return false;
  give_locked(area);
  lock_.unlock();
  return true;
}

bool Window::extend_locked(VmArea* area, uint32_t more) {
  const uint64_t end = uint64_t{area->first} + area->span + more;
  if (broken_ || end > bytes_ >> kPageShift || !table_.cover(end)) return false;
  if (!space_.extend(index_of(area), more)) return false;
  used_pages_.poke(used_pages_.peek() + more);
  table_.name(index_of(area), end - more, end);
  return true;
}

bool Window::extend(VmArea* area, uint32_t more, Wait wait) {
  if (!lock_.lock(wait)) return false;
  const bool done = extend_locked(area, more);
  lock_.unlock();
  return done;
}

VmArea* Window::at(const void* p) const {
  if (!start_.load() || !contains(p)) return nullptr;
  const uint64_t page = static_cast<uint64_t>(static_cast<const char*>(p) - start_.load()) >> kPageShift;
  if (page >= table_.nr()) return nullptr;
  const uint32_t index = table_.entry(page).area;
  return index ? &areas_[index] : nullptr;
}

VmArea* Window::next(uint64_t& page) const {
  if (!start_.load()) return nullptr;
  for (const uint64_t end = table_.nr(); page < end; ++page) {
    const uint32_t index = table_.area_of(page);
    if (KMEM_LIKELY(!index)) continue;
    VmArea& area = areas_[index];
    const AreaState state = area.is();
    if (area.first == page && (state == AreaState::Live || state == AreaState::Lazy)) return &area;
  }
  return nullptr;
}

uint64_t Window::largest_free_bytes() {
  if (!lock_.try_lock()) return 0;  // a report does not wait
  const uint64_t bytes = start_.load() ? space_.largest_free_pages() << kPageShift : space_.wish_bytes();
  lock_.unlock();
  return bytes;
}

void Window::after_fork_in_child() {
  if (!lock_.free_in_child()) broken_ = true;
}

Fault Window::check_locked() const {
  const AddressMap& map = space_.map();
  if (const Fault fault = map.check()) return fault;
  for (uint32_t i = map.first_area(); i; i = map.at(i).above) {
    const VmArea& area = map.at(i);
    const uint32_t owner = area.is() == AreaState::Free ? 0 : i;
    // In a forked child, an area that another thread of the parent was setting up or releasing may be named in a part of the
    // table only.
    const bool in_between = area.is() == AreaState::Busy;
    for (uint64_t page = area.first; page < uint64_t{area.first} + area.span && page < table_.nr(); ++page)
      if (const uint32_t named = table_.area_of(page); named != owner && !(in_between && !named))
        return {"W6 the pages of an area name it in the table", page, owner, named};
  }
  return {};
}

Fault Window::check() {
  if (!start_.load()) return {};
  if (!lock_.lock(Wait::Allowed)) return {"W0 the window's lock is free on a quiet system"};
  const Fault fault = check_locked();
  lock_.unlock();
  return fault;
}

}  // namespace kmem
