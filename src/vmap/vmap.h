#pragma once
// vmalloc() and vmap(): addresses of the window with frames behind them.

#include "base/format.h"
#include "vmap/lazy_areas.h"
#include "vmap/shown_pages.h"

namespace kmem {

struct VmallocWish {
  size_t bytes = 0;
  size_t align = kPageSize;
  Gfp gfp = gfp::kKernel;
  int nid = kNoNode;
  uint32_t flags = 0;  // area::kUserMap
  bool huge = true;    // huge pages are allowed
  const void* caller = nullptr;
};

/// The fault of an address that is freed.
enum class AreaFault : uint8_t { None, Foreign, Inside, Freed, Kind, Host };

/// An area as reports show it.
struct AreaInfo {
  const char* start = nullptr;
  uint64_t bytes = 0;  // of addresses, guard included
  const void* caller = nullptr;
  uint64_t nr_pages = 0;
  uint64_t phys = 0;
  uint32_t flags = 0;
  AreaKind kind = AreaKind::Vmalloc;
  bool lazy = false;
  uint64_t on_node[kMaxNodes] = {};
};

/// Frames are allocated in the longest available runs; AreaMemory maps them. A freed area stays mapped for a while (LazyAreas),
/// and is reused without a call of the host or a lock.
///
/// Contexts: free() is for every context; in an interrupt it pushes the area to a stack. The others are for task context; in an
/// atomic section they only try the lock, and can fail for that reason.
///
/// Invariants on a quiet system (walked by check(), after those of Window):
///   V1  each page of a live or lazy vmalloc area has a frame, which is claimed in its zone; an area that waits to be
///       disposed of may have lost pages that callers hold
///   V2  no frame is in two areas
///   V3  nr_frames() is the number of frames of those areas
///   V4  lazy_pages() is the number of pages of lazy areas
class Vmap {
 public:
  struct Setup {
    PageAllocator* pages;
    bool can_alias = false;
    bool huge = true;
    bool zero = false;  // memory is cleared when it is allocated
    uint64_t window_bytes = 0, physical_bytes = 0;
    uint32_t host_page_bytes = kPageSize;
    uint32_t nr_cpus = 1;
  };
  void init(const Setup& setup);

  /// Null: there is no memory, or there are no addresses.
  void* alloc(const VmallocWish& wish);
  /// Frees an area of alloc().
  AreaFault free(const void* p);
  /// Resizes an area in place; false, and nothing changed, if that is impossible.
  bool resize(const void* p, const VmallocWish& wish);

  /// Maps the caller's pages at contiguous addresses. Without aliases their contents move there, and are not at home until
  /// unmap(). Null on failure, which has been reported.
  void* map_pages(Page* const* pages, uint64_t nr, uint32_t flags, Access access, const void* caller);
  AreaFault unmap(const void* p, uint64_t nr_pages = 0);
  /// Maps pages of an area also outside the window; only with aliases.
  bool show_at(const VmArea* area, uint32_t page, uint32_t nr, char* to) const;

  /// The frame behind an address of a live area.
  Maybe<Pfn> frame_at(const void* p) const;
  /// The page behind the address, with one reference; a caller that takes a reference keeps the page beyond the area's end.
  Page* page_at(const void* p);
  /// ShownPages::address().
  void* shown_at(const Page* page) const { return shown_.address(page); }

  /// Purges all lazy areas; returns the number of pages.
  uint64_t purge_all(Wait wait) { return lazy_.purge_all(wait); }
  /// Frees the addresses of the caller's Busy area, which must be unmapped.
  void put_addresses_back(VmArea* area) { lazy_.put_addresses_back(area, wait_by(gfp::kKernel)); }

  Window& window() { return window_; }
  LazyAreas& lazy() { return lazy_; }
  bool can_alias() const { return memory_.can_alias(); }
  uint64_t nr_frames() const { return counts_.frames.value(); }
  uint64_t nr_areas() const { return counts_.live(); }
  uint64_t lazy_pages() const { return counts_.lazy_pages(); }
  uint64_t nr_reused() const { return counts_.reused(); }

  /// "vmalloc area 0x...-0x... of 5000 bytes, made by 0x..."; "the guard page behind ..." if p lies there. False if p is not in
  /// the window, or in no area.
  bool describe(const void* p, Text& out) const;
  /// Iterates over the areas by address; begin with a cursor of 0.
  bool next_area(uint64_t& cursor, AreaInfo& out) const;

  Fault check();

 private:
  friend class VmapTestPeer;
  static Wait wait_by(Gfp gfp);

  void* publish(VmArea* area);
  void* reuse(VmArea* area, const VmallocWish& wish);
  VmArea* build(const VmallocWish& wish, Wait wait);
  bool fill(VmArea* area, uint32_t from, const VmallocWish& wish);
  uint64_t claim(VmArea* area, uint32_t page, Order& order, const VmallocWish& wish);
  bool drop_exposed(VmArea* area);
  uint32_t move_in(VmArea* area, Access access);
  void move_out(VmArea* area, uint32_t nr);
  void look_at_guard(VmArea* area);
  void put_name(const VmArea* area, const void* p, Text& out) const;

  PageAllocator* pages_ = nullptr;
  bool huge_ = true, zero_ = false;
  Window window_;
  AreaCounts counts_;
  AreaMemory memory_;
  LazyAreas lazy_;
  ShownPages shown_;
};

}  // namespace kmem
