#pragma once
// The window: addresses apart from the frames, which area has them, and which frame is seen at each.

#include "base/maybe.h"
#include "vmap/address_map.h"
#include "vmap/sleep_lock.h"

namespace kmem {

/// What one page of the window shows: the area that has it, and the frame, 0 for none.
struct WindowEntry {
  uint32_t area = 0;
  uint32_t pfn = 0;
  static constexpr WindowEntry of(uint64_t word) { return {static_cast<uint32_t>(word >> 32), static_cast<uint32_t>(word)}; }
  constexpr uint64_t word() const { return uint64_t{area} << 32 | pfn; }
};

/// What is asked of the window.
struct AreaWish {
  AreaKind kind = AreaKind::Vmalloc;
  uint64_t bytes = 0;            // rounded up to pages; a guard page follows
  uint64_t align = kPageSize;    // a power of two
  uint32_t flags = 0;
  const void* caller = nullptr;
  bool may_wait = true;          // for the window's lock
};

/// Areas of the window.  Reserved at the first use, so that a process without any pays nothing.
///
/// Every page of an area names it in a table, so that an area is found from each of its addresses by one load, in any
/// context; taking and giving back addresses is under lock_, in task context or by trying.  Areas that are Live, Lazy or
/// Busy keep their addresses, their neighbours under the lock may change.
///
/// Invariants on a quiet system (walked by check(), after those of AddressMap):
///   W6  the pages of a live or lazy area, and no others, name it in the table
class Window {
 public:
  /// `bytes`: the boot word vmalloc=, or 0 for what is generous on a machine of that much memory.
  void init(uint64_t bytes, uint64_t physical_bytes, uint32_t host_page_bytes);

  /// Addresses for an area, Busy and without access: the caller maps them, and then publish()es it.  Null where there are
  /// none, or the lock is held and the caller must not wait.
  VmArea* reserve(const AreaWish& wish);
  /// From now on it is found.
  void publish(VmArea* area) { area->become(AreaState::Live); }
  /// Takes an area from whoever uses it: true for one caller only.
  bool withdraw(VmArea* area) { return area->turn(AreaState::Live, AreaState::Busy); }
  /// Gives the addresses of a Busy area back; nothing is mapped there any more.  False: the lock is held and the caller
  /// must not wait; the area is as it was.
  bool release(VmArea* area, bool may_wait);
  /// Makes a Busy area longer at its end; false where those addresses are not free.
  bool extend(VmArea* area, uint32_t more_pages, bool may_wait);

  bool contains(const void* p) const {
    return static_cast<uint64_t>(static_cast<const char*>(p) - start_.load()) < bytes_;
  }
  /// The area that has this address, whatever its state; null for none.
  VmArea* at(const void* p) const;
  /// The same for a live one.
  VmArea* find(const void* p) const {
    VmArea* area = at(p);
    return area && area->is() == AreaState::Live ? area : nullptr;
  }
  /// The first live or lazy area at or above a page of the window; null at the end.  `page` becomes its first one.
  VmArea* next(uint64_t& page) const;

  char* address(const VmArea* area, uint64_t page = 0) const { return start_.load() + ((area->first + page) << kPageShift); }
  WindowEntry entry(uint64_t page) const { return WindowEntry::of(table_[page].load()); }
  /// The frame behind a page of an area; {} for none.
  Pfn frame(const VmArea* area, uint64_t page) const { return {entry(area->first + page).pfn}; }
  bool shows(uint32_t page, Pfn pfn) const { return page < table_ready_.load() && entry(page).pfn == pfn.value; }
  void set_frames(VmArea* area, uint64_t page, Pfn first, uint64_t n);

  VmArea& descriptor(uint32_t index) const { return map_.at(index); }
  uint32_t index_of(const VmArea* area) const { return static_cast<uint32_t>(area - &map_.at(0)); }

  char* start() const { return start_.load(); }
  char* end() const { return start() ? start() + bytes_ : nullptr; }
  uint64_t bytes() const { return bytes_; }
  uint32_t unit_pages() const { return unit_; }  // what the host maps at a time
  uint64_t used_bytes() const { return used_pages_.peek() << kPageShift; }
  uint64_t largest_free_bytes();
  /// Reserves the window now; for who asks where it lies.
  bool ensure() { return open(true); }

  void before_fork() { whole_at_fork_ = held_for_fork_ = lock_.hold_for_fork(); }
  void after_fork_in_parent() KMEM_TSA(no_thread_safety_analysis) {
    if (!held_for_fork_) return;  // booted since then
    held_for_fork_ = false;
    lock_.unlock();
  }
  void after_fork_in_child();
  Fault check();

 private:
  friend class WindowTestPeer;
  static constexpr uint32_t kMaxAreas = 1u << 22;
  static constexpr uint64_t kStep = uint64_t{256} << 10;  // what tables grow by

  bool open(bool may_wait);
  bool open_locked();
  bool reserve_addresses(uint64_t bytes);
  bool grow_tables(uint64_t last_page);
  bool grow_descriptors();
  void name_pages(uint32_t index, uint32_t from, uint32_t to);

  SleepLock lock_;
  AddressMap map_;
  Atomic<char*> start_{nullptr};
  uint64_t wish_bytes_ = 0, bytes_ = 0;
  uint32_t unit_ = 1;
  Atomic<uint64_t>* table_ = nullptr;  // a WindowEntry for each page
  Atomic<uint64_t> table_ready_{0};    // entries that may be touched
  Atomic<uint64_t> used_pages_{0};
  char* reserved_ = nullptr;  // addresses, before there is a descriptor to cut them with
  uint64_t reserved_bytes_ = 0;
  bool failed_ = false;
  bool whole_at_fork_ = true, held_for_fork_ = false;
  bool broken_ = false;  // the child of a fork out of the middle of a change: nothing more is given out
};

}  // namespace kmem
