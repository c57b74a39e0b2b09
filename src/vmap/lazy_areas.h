#pragma once
// Freed areas that stay mapped with their frames for the next request of their size: the kernel's lazy areas.

#include "sync/index_stack.h"
#include "vmap/area_memory.h"
#include "vmap/lazy_limit.h"

namespace kmem {

/// They lie on stacks by size, and each CPU, up to 64, has stacks of its own, which others take from when theirs are empty
/// and there are more than a few.
/// Bounded by limit(), which may be exceeded by 256 KiB for each CPU, and purged when frames are short.
///
/// put() and defer() are for any context, and push_surplus() leaves the work to the next caller that may sleep.
class LazyAreas {
 public:
  struct Setup {
    AreaMemory* memory = nullptr;
    Window* window = nullptr;
    AreaCounts* counts = nullptr;
  };
  void init(const Setup& setup) { setup_ = setup; }

  /// An area of so many pages, Busy and owned by the caller; null if there is none. A caller that may wait purges areas of
  /// other sizes that lie above it.
  VmArea* take(uint32_t pages, Wait wait);
  /// A Busy area becomes Lazy.
  void put(VmArea* area);
  /// The same, but the next task that may sleep disposes of it.
  void defer(VmArea* area);
  /// Are areas of that size kept?
  bool keeps(uint32_t pages) const { return pages <= lazy::kFloor || pages <= limit(); }
  /// A request of that size was not served by take().
  void note_missed(uint64_t pages);
  /// An area that take() returned is used.
  void note_used(uint64_t pages);

  /// Purges all; returns the number of pages purged.
  uint64_t purge_all(Wait wait);
  /// If the caller may sleep, purges areas beyond the limit and disposes of deferred ones.
  void purge_surplus();
  uint64_t limit() const;

  /// Unmaps a Busy area, and frees its frames and addresses.
  void dispose(VmArea* area, Wait wait);
  /// Frees the addresses of a Busy area that is unmapped already; a caller that must not wait defers that to the next task.
  void put_addresses_back(VmArea* area, Wait wait);

  /// Is it on the stack of deferred areas? On a quiet system.
  bool is_deferred(const VmArea* area) const;

 private:
  friend class VmapTestPeer;
  static constexpr unsigned kExact = 32, kHashed = 32, kClasses = kExact + kHashed;
  struct Links {
    const Window& window;
    Atomic<uint32_t>& link(uint32_t index) { return window.descriptor(index).link; }
  };
  static unsigned class_of(uint32_t pages) {
    return pages <= kExact ? pages - 1 : kExact + static_cast<unsigned>(pages * 0x9e3779b97f4a7c15u >> 59);
  }
  /// The stacks of one CPU; their pages are counted in its share of AreaCounts.
  struct alignas(64) Shard {
    IndexStack of_class[kClasses];
  };

  Links links() const { return {*setup_.window}; }
  void wake(VmArea& area, unsigned shard);
  bool has_to_spare(unsigned shard) const;
  void tell(AreaCounts::Share& share);
  bool are_too_many();
  uint64_t floor() const { return lazy::floor(setup_.counts->nr_shares()); }
  void empty_deferred(Wait wait);
  uint64_t purge_until(uint64_t limit, Wait wait);
  void note_purged(uint64_t pages);

  Setup setup_;
  Shard shards_[AreaCounts::kMostShares];
  IndexStack deferred_;
  PurgedSizes sizes_;
};

}  // namespace kmem
