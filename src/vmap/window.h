#pragma once
// The window: addresses separate from the direct map, the areas that own them, and the frames that are mapped there.

#include "base/maybe.h"
#include "vmap/sleep_lock.h"
#include "vmap/window_space.h"
#include "vmap/window_table.h"

namespace kmem {

/// A request for addresses.
struct AreaWish {
  AreaKind kind = AreaKind::Vmalloc;
  uint64_t bytes = 0;          // rounded up to pages; a guard page follows
  uint64_t align = kPageSize;  // a power of two
  uint32_t flags = 0;
  const void* caller = nullptr;
  Wait wait = Wait::Allowed;  // for the window's lock
};

/// Areas of the window.  Its addresses are chosen at the first use and reserved in steps (vmap/window_space.h), so that a
/// process pays only for those it uses.
///
/// A table holds the area of every page, so that an area is found from any of its addresses by one load, in any context.
/// Addresses are taken and freed under lock_, in task context or by trying the lock. Areas that are Live, Lazy or Busy keep
/// their addresses; their neighbours may change, under the lock.
///
/// Invariants on a quiet system (walked by check(), after those of AddressMap):
///   W6  the table names a live or lazy area for its own pages, and for no others
class Window {
 public:
  /// As WindowSpace::init().
  void init(uint64_t bytes, uint64_t physical_bytes, uint32_t host_page_bytes) KMEM_NO_LOCK_CHECK;  // before a second task

  /// Addresses for an area, Busy and without access: the caller maps them, and then calls publish(). Null if there are none, or
  /// if the lock is held and the caller must not wait.
  VmArea* reserve(const AreaWish& wish);
  /// From now on find() finds it.
  void publish(VmArea* area) { area->become(AreaState::Live); }
  /// Makes a live area Busy: true for only one of several callers.
  bool withdraw(VmArea* area) { return area->turn(AreaState::Live, AreaState::Busy); }
  /// Frees the addresses of a Busy area, which must be unmapped. False: the lock is held and the caller must not wait; the area
  /// is unchanged.
  bool release(VmArea* area, Wait wait);
  /// Makes a Busy area longer at its end; false if those addresses are not free.
  bool extend(VmArea* area, uint32_t more_pages, Wait wait);

  bool contains(const void* p) const { return static_cast<uint64_t>(static_cast<const char*>(p) - start_.load()) < bytes_; }
  /// The area that has this address, whatever its state; null for none.
  VmArea* at(const void* p) const;
  /// The same for live areas only.
  VmArea* find(const void* p) const {
    VmArea* area = at(p);
    return area && area->is() == AreaState::Live ? area : nullptr;
  }
  /// The first live or lazy area at or above a page of the window; null at the end.  `page` becomes its first page.
  VmArea* next(uint64_t& page) const;

  char* address(const VmArea* area, uint64_t page = 0) const { return start_.load() + ((area->first + page) << kPageShift); }
  const WindowTable& table() const { return table_; }
  /// The frame behind a page of an area; {} for none.
  Pfn frame(const VmArea* area, uint64_t page) const { return {table_.entry(area->first + page).pfn}; }
  void set_frames(VmArea* area, uint64_t page, Pfn first, uint64_t n) {
    table_.set_frames(index_of(area), area->first + page, first, n);
  }

  VmArea& descriptor(uint32_t index) const { return areas_[index]; }
  uint32_t index_of(const VmArea* area) const { return static_cast<uint32_t>(area - areas_); }

  char* start() const { return start_.load(); }
  char* end() const { return start() ? start() + bytes_ : nullptr; }
  uint64_t bytes() const { return bytes_; }
  /// Of everything that was chosen together, from start() on: a test gives it back.
  uint64_t bytes_of_all() const KMEM_NO_LOCK_CHECK { return space_.bytes_of_all(); }
  uint32_t unit_pages() const { return unit_; }  // the host's page size
  uint64_t used_bytes() const { return used_pages_.peek() << kPageShift; }
  uint64_t largest_free_bytes();
  /// Chooses the addresses now; for callers that need start() and end().
  bool ensure() { return open(Wait::Allowed); }

  // The lock is held across the fork; the child has one task.
  void before_fork() KMEM_NO_LOCK_CHECK { lock_.hold_for_fork(); }
  void after_fork_in_parent() KMEM_NO_LOCK_CHECK { lock_.release_after_fork(); }
  void after_fork_in_child() KMEM_NO_LOCK_CHECK;
  Fault check();

 private:
  bool open(Wait wait);
  bool open_locked() KMEM_REQUIRES(lock_);
  uint32_t take_locked(uint32_t span, uint32_t align) KMEM_REQUIRES(lock_);
  void give_locked(VmArea* area) KMEM_REQUIRES(lock_);
  bool extend_locked(VmArea* area, uint32_t more_pages) KMEM_REQUIRES(lock_);
  Fault check_locked() const KMEM_REQUIRES(lock_);

  SleepLock lock_;
  WindowSpace space_ KMEM_GUARDED_BY(lock_);
  bool broken_ KMEM_GUARDED_BY(lock_) = false;  // a fork interrupted a change: in the child no more addresses are given out

  // Written once, before start_; code that has read start_ reads them without the lock.
  uint64_t bytes_ = 0;
  uint32_t unit_ = 1;
  VmArea* areas_ = nullptr;
  WindowTable table_;
  Atomic<char*> start_{nullptr};
  Atomic<uint64_t> used_pages_{0};  // written under the lock, read without it
};

}  // namespace kmem
