#pragma once
// The area and the frame of each page of the window.

#include "base/atomic.h"
#include "base/bits.h"
#include "vmap/growing_range.h"

namespace kmem {

/// An entry: the area of the page, and the frame, 0 for none.
struct WindowEntry {
  uint32_t area = 0;
  uint32_t pfn = 0;
  static constexpr WindowEntry of(uint64_t word) { return {static_cast<uint32_t>(word >> 32), static_cast<uint32_t>(word)}; }
  constexpr uint64_t word() const { return uint64_t{area} << 32 | pfn; }
};

/// An entry for each page, so that an area is found from any of its addresses by one load.  Read in any context; the task
/// that made an area Busy writes the entries of its pages; cover() is for the holder of the window's lock.
class WindowTable {
 public:
  static constexpr uint64_t kStep = uint64_t{256} << 10;  // bytes that it grows by
  static uint64_t bytes_for(uint64_t pages) { return round_up(pages * sizeof(uint64_t), kStep); }

  void init(char* start, uint64_t bytes) {
    memory_ = {start, bytes};
    entries_ = reinterpret_cast<Atomic<uint64_t>*>(start);
  }
  /// Has memory for the entries of the first `pages` pages; false if there is no memory for them.
  bool cover(uint64_t pages);

  /// The number of entries that may be read.
  uint64_t nr() const { return nr_.load(); }
  WindowEntry entry(uint64_t page) const { return WindowEntry::of(entries_[page].load()); }
  /// The area of a page, for walks; concurrent writes may be missed.
  uint32_t area_of(uint64_t page) const { return WindowEntry::of(entries_[page].peek()).area; }
  bool shows(uint64_t page, Pfn pfn) const { return page < nr() && entry(page).pfn == pfn.value; }

  /// Sets the area of the pages in [from, to), 0 for none, and no frames. Includes the guard page, so that a report of an
  /// access to it names the area.
  void name(uint32_t area, uint64_t from, uint64_t to) {
    for (uint64_t page = from; page < to; ++page) entries_[page].poke(WindowEntry{area, 0}.word());
  }
  /// From `page` on, n contiguous frames are mapped; `first` 0: none.
  void set_frames(uint32_t area, uint64_t page, Pfn first, uint64_t n) {
    for (uint64_t i = 0; i < n; ++i)
      entries_[page + i].poke(WindowEntry{area, first.value ? static_cast<uint32_t>(first.value + i) : 0}.word());
  }

 private:
  GrowingRange memory_;
  Atomic<uint64_t>* entries_ = nullptr;
  Atomic<uint64_t> nr_{0};
};

}  // namespace kmem
