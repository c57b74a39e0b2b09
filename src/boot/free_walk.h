#pragma once
// Walks over the ranges of memblock, by address and by page frame.

#include "boot/memblock.h"

namespace kmem {

/// Which memory a walk visits.
struct WalkFilter {
  int node = kNoNode;                 // kNoNode: any
  MemFlags without = MemFlags::None;  // memory with one of these flags is passed over
  MemFlags with = MemFlags::None;     // memory without all of these is passed over
  bool admits(const MemRegion&) const;
};

/// A free range of memory, with its node and flags. Adjacent ranges with different node or flags are separate.
using FreeRegion = MemRegion;

/// The free ranges, one at a time.  Memblock must not change meanwhile.
class FreeWalk {
 public:
  enum class Direction : bool { Up, Down };

  explicit FreeWalk(const Memblock& memblock, WalkFilter filter = {}, Direction direction = Direction::Up);
  Maybe<FreeRegion> next();

 private:
  Maybe<FreeRegion> next_up();
  Maybe<FreeRegion> next_down();

  Span<const MemRegion> memory_, reserved_;
  WalkFilter filter_;
  Direction direction_;
  // Up: the next region to look at. Down: one past it.
  size_t memory_index_ = 0, reserved_index_ = 0;
  uint64_t at_;  // everything before it, in the walk's direction, has been returned
};

/// A run of whole page frames.
struct PfnRange {
  Pfn first, end;
  int node = kNoNode;
  uint64_t frames() const { return end - first; }
};

/// The frames that lie completely in a region; none if there are none.
inline Maybe<PfnRange> whole_frames(const MemRegion& region) {
  const uint64_t base = region.range.base;
  const uint64_t first = (base >> kPageShift) + ((base & (kPageSize - 1)) != 0);
  const uint64_t end = region.range.end >> kPageShift;
  if (first >= end) return {};
  return PfnRange{{first}, {end}, region.node};
}

/// Calls f(PfnRange) for the memory of a node.
template <typename F>
void for_each_mem_pfn_range(const Memblock& memblock, int node, F&& f) {
  for (const MemRegion& region : memblock.memory()) {
    if (node != kNoNode && region.node != node) continue;
    if (const auto frames = whole_frames(region)) f(*frames);
  }
}

/// Calls f(PfnRange) for the frames that may be handed to the page allocator: mapped, and completely free.
template <typename F>
void for_each_free_pfn_range(const Memblock& memblock, int node, F&& f) {
  FreeWalk walk(memblock, {.node = node, .without = MemFlags::NoMap});
  while (const auto region = walk.next())
    if (const auto frames = whole_frames(*region)) f(*frames);
}

}  // namespace kmem
