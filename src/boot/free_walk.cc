#include "boot/free_walk.h"

namespace kmem {

namespace {
constexpr uint64_t max(uint64_t a, uint64_t b) { return a > b ? a : b; }
constexpr uint64_t min(uint64_t a, uint64_t b) { return a < b ? a : b; }
}  // namespace

bool WalkFilter::admits(const MemRegion& region) const {
  if (node != kNoNode && region.node != node) return false;
  return !any(region.flags & without) && (region.flags & with) == with;
}

FreeWalk::FreeWalk(const Memblock& memblock, WalkFilter filter, Direction direction)
    : memory_(memblock.memory()),
      reserved_(memblock.reserved()),
      filter_(filter),
      direction_(direction),
      at_(direction == Direction::Up ? 0 : ~uint64_t{0}) {
  if (direction == Direction::Up) return;
  memory_index_ = memory_.size;
  reserved_index_ = reserved_.size;
}

Maybe<FreeRegion> FreeWalk::next() { return direction_ == Direction::Up ? next_up() : next_down(); }

Maybe<FreeRegion> FreeWalk::next_up() {
  while (memory_index_ < memory_.size) {
    const MemRegion& region = memory_[memory_index_];
    const uint64_t base = max(region.range.base, at_);
    if (base >= region.range.end || !filter_.admits(region)) {
      ++memory_index_;
      continue;
    }
    while (reserved_index_ < reserved_.size && reserved_[reserved_index_].range.end <= base) ++reserved_index_;
    if (reserved_index_ < reserved_.size && reserved_[reserved_index_].range.base <= base) {
      at_ = reserved_[reserved_index_].range.end;
      continue;
    }
    at_ = reserved_index_ < reserved_.size ? min(region.range.end, reserved_[reserved_index_].range.base) : region.range.end;
    return FreeRegion{{base, at_}, region.node, region.flags};
  }
  return {};
}

Maybe<FreeRegion> FreeWalk::next_down() {
  while (memory_index_ > 0) {
    const MemRegion& region = memory_[memory_index_ - 1];
    const uint64_t end = min(region.range.end, at_);
    if (end <= region.range.base || !filter_.admits(region)) {
      --memory_index_;
      continue;
    }
    while (reserved_index_ > 0 && reserved_[reserved_index_ - 1].range.base >= end) --reserved_index_;
    if (reserved_index_ > 0 && reserved_[reserved_index_ - 1].range.end >= end) {
      at_ = reserved_[reserved_index_ - 1].range.base;
      continue;
    }
    at_ = reserved_index_ > 0 ? max(region.range.base, reserved_[reserved_index_ - 1].range.end) : region.range.base;
    return FreeRegion{{at_, end}, region.node, region.flags};
  }
  return {};
}

}  // namespace kmem
