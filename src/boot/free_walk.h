#pragma once
// Walks over what memblock knows, by address and by page frame.

#include "boot/memblock.h"

namespace kmem {

/// Which memory a walk sees.
struct WalkFilter {
  int node = kNoNode;                 // kNoNode: any
  MemFlags without = MemFlags::None;  // memory with one of these flags is passed over
  MemFlags with = MemFlags::None;     // memory that lacks one of these is, too
  bool admits(const MemRegion&) const;
};

/// A free range of memory, with the node and the flags of its memory.  Ranges of different kinds are apart even
/// where they touch.
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
  // Up: what has been passed.  Down: what has not, so the index is one past the region to look at.
  size_t memory_index_ = 0, reserved_index_ = 0;
  uint64_t at_;  // everything before it, seen in the walk's direction, has been told
};

/// A run of whole page frames.
struct PfnRange {
  Pfn first, end;
  int node = kNoNode;
  uint64_t frames() const { return end - first; }
};

/// The frames that lie in a region as a whole; none where it has no whole one.
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

/// Calls f(PfnRange) for what may be handed to the page allocator: free, whole frames, mapped.  Frames that are
/// reserved in part only are not among them.
template <typename F>
void for_each_free_pfn_range(const Memblock& memblock, int node, F&& f) {
  FreeWalk walk(memblock, {.node = node, .without = MemFlags::NoMap});
  while (const auto region = walk.next())
    if (const auto frames = whole_frames(*region)) f(*frames);
}

}  // namespace kmem
