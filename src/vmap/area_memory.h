#pragma once
// An area's memory: frames, and the host's mapping of them.

#include "page/page_allocator.h"
#include "port/window.h"
#include "vmap/area_counts.h"
#include "vmap/window.h"

namespace kmem {

/// Maps frames of one zone at addresses of the window, on a machine that can (Machine::can_alias).
bool show_frames(const PageMap& pages, char* to, Pfn first, uint64_t n, Access access);

/// Without aliases an area's memory is at the window's addresses only, and the host holds none at the frames' home address, so
/// memory is counted once. With aliases the same pages are mapped at both.
///
/// The caller owns the area, which is Busy. Any context in which the port's functions may be called.
class AreaMemory {
 public:
  struct Setup {
    PageAllocator* pages = nullptr;
    Window* window = nullptr;
    AreaCounts* counts = nullptr;
    bool can_alias = false;
    bool zero = false;  // memory is cleared when it is allocated
  };
  void init(const Setup& setup) { setup_ = setup; }
  bool can_alias() const { return setup_.can_alias; }

  /// Gives access to an area's pages from `from` on, but not to its guard.  False: the host allows no more mappings.
  bool open(VmArea* area, uint32_t from, WindowPages pages);
  /// Makes the area inaccessible from `from` on, and discards the contents.
  void close(VmArea* area, uint32_t from);
  /// The same for the guard page alone; if the host cannot, the area gets a soft guard.
  void bar_guard(VmArea* area);

  /// Maps claimed frames in the area; `clean` of them hold no memory of the host.
  bool add_frames(VmArea* area, uint32_t page, Pfn first, uint64_t n, uint64_t clean, Gfp gfp);
  /// Frees the frames from `from` on, whose pages must be closed.
  void drop_frames(VmArea* area, uint32_t from);
  /// Makes a small area resident, to save page faults.
  void populate(const VmArea* area, uint32_t from) const;
  /// Clears the contents if freed memory must read as zero.
  void wipe(const VmArea* area) const;
  /// Tells the port that an area is lazy, or is used again.
  void mark_idle(const VmArea* area) const;
  void mark_used(const VmArea* area) const;

  /// Moves contents between the home of frames and their pages in the window.
  bool move_to(VmArea* area, uint32_t page, Pfn first, uint64_t n) const;
  void move_home(const VmArea* area, uint32_t page, Pfn first, uint64_t n) const;

  char* address(const VmArea* area, uint64_t page = 0) const { return setup_.window->address(area, page); }

 private:
  /// Ranges of so many pages and more are closed as mappings of the host, smaller ones by guard markers in the page table.
  static constexpr uint32_t kLargePages = 128;

  Setup setup_;
};

/// Calls what(page, first frame, number of frames) for each run of pages with contiguous frames.
template <typename Do>
void each_run(const Window& window, const VmArea* area, uint32_t from, uint32_t to, Do what) {
  for (uint32_t page = from; page < to;) {
    const Pfn first = window.frame(area, page);
    uint32_t n = 1;
    while (page + n < to && first.value && window.frame(area, page + n).value == first.value + n) ++n;
    if (first.value) what(page, first, uint64_t{n});
    page += n;
  }
}

}  // namespace kmem
