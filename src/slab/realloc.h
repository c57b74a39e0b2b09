#pragma once
// The policy of realloc() and krealloc(), carried out by Heap::realloc(), malloc's fast path and krealloc().

#include "slab/block.h"
#include "slab/size_class.h"

namespace kmem {

/// A block of malloc stays in place if the new size needs at least half of its room; otherwise too much would be wasted.
constexpr bool keeps_place(size_t room, size_t size) { return size <= room && size >= room - room / 2; }
/// The same for an object. `same_class()`: would a new block of that size come from the same cache?
template <typename SameClass>
constexpr bool object_stays(size_t room, size_t size, SameClass same_class) {
  return keeps_place(room, size) || (size <= room && same_class());
}

/// A block of kmalloc's stays if the size fits and the address is as aligned as kmalloc() of that size would have it.
constexpr bool kmalloc_stays(size_t room, size_t size, uint64_t address) {
  return size <= room && !(address & ((size & -size) - 1));
}

/// How malloc's realloc() changes a block.
enum class ReallocWay : uint8_t {
  Refuse,  // not a block with a size
  Keep,    // the block serves the new size as it is
  Trim,    // it stays in place, and the checks behind its new end are set up
  Resize,  // it stays if the frames or addresses behind it are free, else it moves
  Move,    // to a block of the new size
};

struct ReallocCase {
  BlockKind kind = BlockKind::Foreign;
  size_t room = 0, size = 0;
  bool same_class = false;  // of an object without checks behind its end
};

constexpr ReallocWay way_of(const ReallocCase& c) {
  if (c.kind == BlockKind::Foreign || !c.room) return ReallocWay::Refuse;
  if (c.size == c.room) return ReallocWay::Keep;
  const bool stays = keeps_place(c.room, c.size), run = c.size > MallocClasses::kMost && c.size < kMappedFrom;
  switch (c.kind) {
    case BlockKind::Object:
      if (c.same_class && c.size <= c.room) return ReallocWay::Keep;
      return stays ? ReallocWay::Trim : ReallocWay::Move;
    case BlockKind::Run: return stays || run ? ReallocWay::Resize : ReallocWay::Move;
    case BlockKind::Mapped:
      if (stays) return ReallocWay::Trim;
      return c.size >= kMappedFrom ? ReallocWay::Resize : ReallocWay::Move;
    case BlockKind::Guarded: return stays ? ReallocWay::Trim : ReallocWay::Move;
    default: return ReallocWay::Refuse;
  }
}

}  // namespace kmem
