#include "boot/region_list.h"

namespace kmem {

// ---- queries ----

size_t RegionList::first_after(uint64_t address) const {
  size_t low = 0, high = count_;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (table_[middle].range.end > address) high = middle;
    else low = middle + 1;
  }
  return low;
}

bool RegionList::intersects(MemRange range) const {
  const size_t i = first_after(range.base);
  return range.base < range.end && i < count_ && table_[i].range.base < range.end;
}

bool RegionList::covers(MemRange range) const {
  uint64_t at = range.base;
  // Regions of different kinds may touch, so that several cover one range.
  for (size_t i = first_after(at); at < range.end; ++i) {
    if (i == count_ || table_[i].range.base > at) return false;
    at = table_[i].range.end;
  }
  return true;
}

// ---- the table ----

void RegionList::insert(size_t index, const MemRegion& region) {
  for (size_t i = count_; i > index; --i) table_[i] = table_[i - 1];
  table_[index] = region;
  ++count_;
}

void RegionList::erase(size_t index) {
  --count_;
  for (size_t i = index; i < count_; ++i) table_[i] = table_[i + 1];
}

void RegionList::split(size_t index, uint64_t at) {
  insert(index, table_[index]);
  table_[index].range.end = at;
  table_[index + 1].range.base = at;
}

void RegionList::merge_neighbours() {
  for (size_t i = 1; i < count_;) {
    MemRegion& left = table_[i - 1];
    if (left.range.end != table_[i].range.base || !left.same_kind(table_[i])) {
      ++i;
      continue;
    }
    left.range.end = table_[i].range.end;
    erase(i);
  }
}

// ---- add ----

/// A part of a range that no region covers; `next` is the index of the region behind it.
struct RegionList::Gap {
  MemRange range;
  size_t next;
};

/// `f` may fill the gap; the walk continues by address, so it is not disturbed.
template <typename F>
void RegionList::for_each_gap(MemRange range, F&& f) const {
  for (uint64_t at = range.base; at < range.end;) {
    const size_t next = first_after(at);
    const bool covered = next < count_ && table_[next].range.base <= at;
    const uint64_t end = next == count_ || table_[next].range.base > range.end ? range.end : table_[next].range.base;
    if (covered) {
      at = table_[next].range.end;
      continue;
    }
    f(Gap{{at, end}, next});
    at = end;
  }
}

bool RegionList::touches_left(const Gap& gap, const MemRegion& kind) const {
  return gap.next > 0 && table_[gap.next - 1].range.end == gap.range.base && table_[gap.next - 1].same_kind(kind);
}

bool RegionList::touches_right(const Gap& gap, const MemRegion& kind) const {
  return gap.next < count_ && table_[gap.next].range.base == gap.range.end && table_[gap.next].same_kind(kind);
}

/// The number of regions after add(). Exact, because the regions at both ends of a gap keep their kind whatever fills the other
/// gaps.
size_t RegionList::count_with(MemRange range, const MemRegion& kind) const {
  size_t count = count_;
  for_each_gap(range, [&](const Gap& gap) {
    count = count + 1 - (touches_left(gap, kind) ? 1 : 0) - (touches_right(gap, kind) ? 1 : 0);
  });
  return count;
}

void RegionList::fill(const Gap& gap, const MemRegion& kind) {
  const bool left = touches_left(gap, kind), right = touches_right(gap, kind);
  total_ += gap.range.bytes();
  if (left && right) {
    table_[gap.next - 1].range.end = table_[gap.next].range.end;
    erase(gap.next);
  } else if (left) {
    table_[gap.next - 1].range.end = gap.range.end;
  } else if (right) {
    table_[gap.next].range.base = gap.range.base;
  } else {
    insert(gap.next, {gap.range, kind.node, kind.flags});
  }
}

void RegionList::fill_gaps(MemRange range, const MemRegion& kind, Gaps which) {
  for_each_gap(range, [&](const Gap& gap) {
    if (which == Gaps::All || touches_left(gap, kind) || touches_right(gap, kind)) fill(gap, kind);
  });
}

bool RegionList::add(MemRange range, int node, MemFlags flags) {
  const MemRegion kind{range, node, flags};
  if (count_with(range, kind) > table_.size) return false;
  // First the gaps that merge with a neighbour: they need no entry and may free one, so that the rest always has room.
  fill_gaps(range, kind, Gaps::ThatMerge);
  fill_gaps(range, kind, Gaps::All);
  return true;
}

// ---- remove ----

bool RegionList::remove(MemRange range) {
  if (range.base >= range.end) return true;
  size_t i = first_after(range.base);
  if (i == count_ || table_[i].range.base >= range.end) return true;

  if (table_[i].range.base < range.base && table_[i].range.end > range.end) {  // a hole in the middle
    if (count_ == table_.size) return false;
    split(i, range.base);
    table_[i + 1].range.base = range.end;
    total_ -= range.bytes();
    return true;
  }
  while (i < count_ && table_[i].range.base < range.end) {
    MemRange& here = table_[i].range;
    const MemRange cut{here.base > range.base ? here.base : range.base, here.end < range.end ? here.end : range.end};
    total_ -= cut.bytes();
    if (cut == here) {
      erase(i);
    } else if (cut.base == here.base) {
      here.base = cut.end;
    } else {
      here.end = cut.base;
      ++i;
    }
  }
  return true;
}

void RegionList::trim(uint64_t align) {
  for (size_t i = 0; i < count_;) {
    MemRange& here = table_[i].range;
    // Rounding up past the last address would wrap to 0: such a region has no aligned part either.
    const uint64_t base = here.base > ~(align - 1) ? here.end : (here.base + align - 1) & ~(align - 1);
    const uint64_t end = here.end & ~(align - 1);
    total_ -= here.bytes();
    if (base >= end) {
      erase(i);
      continue;
    }
    here = {base, end};
    total_ += here.bytes();
    ++i;
  }
}

// ---- recolour ----

/// How a region's kind changes.
struct RegionList::Change {
  MemFlags set = MemFlags::None, clear = MemFlags::None;
  bool moves = false;
  int node = kNoNode;

  MemRegion applied_to(MemRegion region) const {
    region.flags = (region.flags | set) & ~clear;
    if (moves) region.node = node;
    return region;
  }
  bool changes(const MemRegion& region) const { return !applied_to(region).same_kind(region); }
};

size_t RegionList::splits_for(MemRange range, const Change& change) const {
  size_t splits = 0;
  for (size_t i = first_after(range.base); i < count_ && table_[i].range.base < range.end; ++i) {
    if (!change.changes(table_[i])) continue;
    if (table_[i].range.base < range.base) ++splits;
    if (table_[i].range.end > range.end) ++splits;
  }
  return splits;
}

bool RegionList::recolour(MemRange range, const Change& change) {
  if (range.base >= range.end) return true;
  if (count_ + splits_for(range, change) > table_.size) return false;
  for (size_t i = first_after(range.base); i < count_ && table_[i].range.base < range.end; ++i) {
    if (!change.changes(table_[i])) continue;
    if (table_[i].range.base < range.base) split(i++, range.base);
    if (table_[i].range.end > range.end) split(i, range.end);
    table_[i] = change.applied_to(table_[i]);
  }
  merge_neighbours();
  return true;
}

bool RegionList::mark(MemRange range, MemFlags set, MemFlags clear) { return recolour(range, {set, clear, false, 0}); }

bool RegionList::set_node(MemRange range, int node) { return recolour(range, {MemFlags::None, MemFlags::None, true, node}); }

// ---- check ----

Fault RegionList::check() const {
  if (count_ > table_.size) return {"B5 the table holds all regions", 0, table_.size, count_};
  uint64_t sum = 0;
  for (size_t i = 0; i < count_; ++i) {
    const MemRange here = table_[i].range;
    if (here.base >= here.end) return {"B1 sorted, and none is empty", here.base, here.base, here.end};
    sum += here.bytes();
    if (i == 0) continue;
    const MemRegion& before = table_[i - 1];
    if (before.range.base >= here.base) return {"B1 sorted, and none is empty", here.base, before.range.base, here.base};
    if (before.range.end > here.base) return {"B2 no two overlap", here.base, before.range.end, here.base};
    if (before.range.end == here.base && before.same_kind(table_[i]))
      return {"B3 neighbours of one kind are merged", here.base};
  }
  if (sum != total_) return {"B4 the total is the sum", 0, sum, total_};
  return {};
}

}  // namespace kmem
