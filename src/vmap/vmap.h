#pragma once
// vmalloc() and vmap(): addresses of the window with frames behind them.

#include "base/format.h"
#include "page/page_allocator.h"
#include "vmap/window.h"
#include "watch/counters.h"

namespace kmem {

struct VmallocWish {
  size_t bytes = 0;
  size_t align = kPageSize;
  Gfp gfp = gfp::kKernel;
  int nid = kNoNode;
  uint32_t flags = 0;  // area::kUserMap
  bool huge = true;    // huge pages are welcome
  const void* caller = nullptr;
};

/// What is wrong with an address that somebody gives back.
enum class AreaFault : uint8_t { None, Foreign, Inside, Freed, Kind, Host };

/// What a report shows of an area.
struct AreaInfo {
  const char* start = nullptr;
  uint64_t bytes = 0;  // addresses, with the guard
  const void* caller = nullptr;
  uint64_t nr_pages = 0;
  uint64_t phys = 0;
  uint32_t flags = 0;
  AreaKind kind = AreaKind::Vmalloc;
  bool lazy = false;
  uint64_t on_node[kMaxNodes] = {};
};

/// Frames come in the longest runs that there are, and are seen at the window's addresses: without aliases as pages of the
/// window's own, while at their home address the host holds nothing; so memory is counted once.  With aliases the same
/// pages are seen at both.
///
/// What is freed stays mapped for a while (Lazy), on stacks by size, and is used again as it is: no call of the host, no
/// lock.  It is bounded (keep_limit()), and given back when frames are short.
///
/// Contexts: free() is for every context, and in an interrupt leaves the area on a stack.  The others are for task
/// context; where that must not sleep they try, and can fail for that reason.
///
/// Invariants on a quiet system (walked by check(), after those of Window):
///   V1  each page of a live or lazy vmalloc area has a frame, which is claimed in its zone
///   V2  no frame is seen in two areas
///   V3  nr_frames() is the number of frames of those areas
///   V4  lazy_pages() is the number of pages of lazy areas
class Vmap {
 public:
  struct Setup {
    PageAllocator* pages;
    bool can_alias = false;
    bool huge = true;
    bool zero = false;  // all memory is cleared when it is given
    uint64_t window_bytes = 0, physical_bytes = 0;
    uint32_t host_page_bytes = kPageSize;
  };
  void init(const Setup& setup);

  /// Null: no memory or no addresses; why() says which.
  void* alloc(const VmallocWish& wish);
  /// Gives an area of alloc() back.
  AreaFault free(const void* p);
  /// Another size, in place; false where it cannot be, and nothing changed.
  bool resize(const void* p, const VmallocWish& wish);

  /// Shows pages that the caller has at addresses in a row.  Without aliases their contents move there and are not at home
  /// until unmap().  Null; then a report has said why.
  void* map_pages(Page* const* pages, uint64_t nr, uint32_t flags, bool read_only, const void* caller);
  AreaFault unmap(const void* p, uint64_t nr_pages = 0);

  /// The frame that is seen at an address of a live area.
  Maybe<Pfn> frame_at(const void* p) const;
  /// Its descriptor, as that of a page with one holder; who takes hold of it keeps the page beyond the area's end.
  Page* page_at(const void* p);
  /// The address at which a frame's contents are, where they are not at home but in the window; null elsewhere.
  void* shown_at(const Page* page) const {
    return !can_alias_ && is_shown(page) ? window_.start() + (uint64_t{page->aux} << kPageShift) : nullptr;
  }
  /// The bit may be left over from a slab that lay over the descriptor: the window has the last word.
  bool is_shown(const Page* page) const {
    return (__atomic_load_n(&page->aux2, __ATOMIC_RELAXED) & kShown) && window_.shows(page->aux, pages_->pfn_of(page));
  }

  /// Purges what is lazy: all of it, or what lies beyond the limit; the pages that went.
  uint64_t purge_all(bool may_wait);
  void settle();
  uint64_t keep_limit() const;

  Window& window() { return window_; }
  bool can_alias() const { return can_alias_; }
  /// Shows pages of an area elsewhere too, outside the window; only where memory can be seen twice.
  bool show_at(const VmArea* area, uint32_t page, uint32_t nr, char* to) const;
  /// The addresses of a Busy area behind which nothing is mapped any more; who must not wait leaves them to the next task.
  void put_addresses_back(VmArea* area, bool may_wait);
  void put_addresses_back(VmArea* area) { put_addresses_back(area, may_wait(gfp::kKernel)); }
  uint64_t nr_frames() const { return nr_frames_.value(); }
  uint64_t nr_areas() const { return nr_live_.value(); }
  uint64_t lazy_pages() const { return lazy_pages_.value(); }
  uint64_t nr_reused() const { return nr_reused_.value(); }

  /// "vmalloc area 0x...-0x... of 5000 bytes, made by 0x..."; "the guard page behind ..." where p lies there.  False where p
  /// is not in the window, or nobody has it.
  bool describe(const void* p, Text& out) const;
  /// The areas one after the other by address; begin with a cursor of 0.
  bool next_area(uint64_t& cursor, AreaInfo& out) const;

  Fault check();

  /// Bit of Page::aux2: the window shows the frame, at the window's page Page::aux.  The bits below count kmap()s.
  static constexpr uint32_t kShown = 1u << 31;

 private:
  friend class VmapTestPeer;
  static constexpr unsigned kShards = 8, kExact = 32, kHashed = 32, kClasses = kExact + kHashed;
  /// From so many pages on an area's end closes a mapping of the host's; below, guards in the page table do.
  static constexpr uint32_t kLargePages = 128;
  /// From so many pages on the port may move pages instead of copying them.
  static constexpr uint32_t kMovedPages = 16;
  static constexpr uint64_t kManyAreas = 8192;
  static constexpr uint64_t kKeepFloor = (uint64_t{8} << 20) >> kPageShift;
  static constexpr uint64_t kWantedNs = 2'000'000'000;

  static constexpr uint64_t kAreaHolds = 2;

  struct Links {
    Vmap& vmap;
    Atomic<uint32_t>& link(uint32_t index) { return vmap.window_.descriptor(index).link; }
  };

  static unsigned class_of(uint32_t pages) {
    return pages <= kExact ? pages - 1 : kExact + static_cast<unsigned>(pages * 0x9e3779b97f4a7c15u >> 59);
  }
  static unsigned shard() { return CpuStack::where().value % kShards; }
  static bool may_wait(Gfp gfp);
  static bool is_plain(const VmallocWish& wish, uint32_t nr_nodes);

  VmArea* take_lazy(uint32_t pages, bool may_purge);
  void* reuse(VmArea* area, const VmallocWish& wish);
  VmArea* build(const VmallocWish& wish, bool wait);
  bool open(VmArea* area, uint32_t from, bool huge);
  void close(VmArea* area, uint32_t from);
  void bar_guard(VmArea* area);
  bool fill(VmArea* area, uint32_t from, const VmallocWish& wish);
  bool claim(VmArea* area, uint32_t page, uint32_t left, const VmallocWish& wish, Order& order, uint64_t& got);
  bool show(VmArea* area, uint32_t page, Pfn first, uint64_t n, uint64_t clean, bool zero);
  void drop_frames(VmArea* area, uint32_t from);
  bool drop_pages(VmArea* area);
  void keep_held_page(VmArea* area, uint32_t page, Page* descriptor);
  void dispose(VmArea* area, bool may_wait);
  void free_lazily(VmArea* area);
  void wake(VmArea& area);
  uint64_t purge_until(uint64_t limit, bool may_wait);
  void empty_deferred(bool may_wait);
  void note_purged(uint64_t pages);
  void note_missed(uint64_t pages);
  void look_at_guard(VmArea* area);
  void put_name(const VmArea* area, const void* p, Text& out) const;

  Page* holder_of(Page* page) const;
  bool claim_place(Page* page, uint32_t at);
  bool begin_to_show(VmArea* area, uint32_t i, Page* page, const void* caller);
  void end_to_show(Page* page);
  void move_home(VmArea* area, uint32_t nr);
  template <typename Do>
  void each_run(const VmArea* area, uint32_t from, uint32_t to, Do what) const;

  PageAllocator* pages_ = nullptr;
  Window window_;
  bool can_alias_ = false, huge_ = true, zero_ = false;
  IndexStack lazy_[kShards][kClasses];
  IndexStack deferred_;  // to be disposed of in task context
  Counter nr_frames_, nr_live_, lazy_pages_, nr_reused_;
  // Sizes beyond the limit that were purged and wanted again: estimates, as the zone's.
  Atomic<uint64_t> ghost_pages_{0}, ghost_ns_{0};
  Atomic<uint64_t> wanted_pages_{0}, wanted_until_{0};
};

/// what(page, first frame, number of frames) for each stretch whose frames lie in a row.
template <typename Do>
void Vmap::each_run(const VmArea* area, uint32_t from, uint32_t to, Do what) const {
  for (uint32_t page = from; page < to;) {
    const Pfn first = window_.frame(area, page);
    uint32_t n = 1;
    while (page + n < to && first.value && window_.frame(area, page + n).value == first.value + n) ++n;
    if (first.value) what(page, first, uint64_t{n});
    page += n;
  }
}

}  // namespace kmem
