#include "idle_ranges.h"

#include <sys/mman.h>

namespace linux_port {
namespace {
constexpr uint32_t kFirstRoom = 1024;
constexpr size_t kPage = 4096;
}  // namespace

/// Makes room for two nodes: a range that is cut in the middle leaves two.
bool IdleRanges::make_room() {
  if (room_ > used_ + 2) return true;
  const uint32_t room = room_ ? 2 * room_ : kFirstRoom;
  void* got = nodes_ ? mremap(nodes_, room_ * sizeof(Node), room * sizeof(Node), MREMAP_MAYMOVE)
                     : mmap(nullptr, room * sizeof(Node), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (got == MAP_FAILED) return false;
  nodes_ = static_cast<Node*>(got);
  room_ = room;
  return true;
}

IdleRanges::Index IdleRanges::make(Range range) {
  Index i = free_;
  if (i) free_ = at(i).left;
  else i = ++used_;
  at(i) = {range, range.bytes, 0, 0, i * 2654435761u};
  ++nr_;
  bytes_ += range.bytes;
  return i;
}

void IdleRanges::drop(Index i) {
  --nr_;
  bytes_ -= at(i).range.bytes;
  at(i).left = free_;
  free_ = i;
}

void IdleRanges::update(Index i) {
  Node& node = at(i);
  size_t most = node.range.bytes;
  if (longest(node.left) > most) most = longest(node.left);
  if (longest(node.right) > most) most = longest(node.right);
  node.longest = most;
}

void IdleRanges::split(Index tree, uintptr_t from, Index& below, Index& above) {
  if (!tree) {
    below = above = 0;
  } else if (at(tree).range.from < from) {
    split(at(tree).right, from, at(tree).right, above);
    update(below = tree);
  } else {
    split(at(tree).left, from, below, at(tree).left);
    update(above = tree);
  }
}

IdleRanges::Index IdleRanges::merge(Index below, Index above) {
  if (!below || !above) return below ? below : above;
  if (at(below).priority > at(above).priority) {
    at(below).right = merge(at(below).right, above);
    return update(below), below;
  }
  at(above).left = merge(below, at(above).left);
  return update(above), above;
}

IdleRanges::Range IdleRanges::take_first(Index& tree) {
  const Index i = tree;
  Range range = at(i).range;
  if (at(i).left) {
    range = take_first(at(i).left);
    update(i);
  } else {
    tree = at(i).right;
    drop(i);
  }
  return range;
}

IdleRanges::Range IdleRanges::take_last(Index& tree) {
  const Index i = tree;
  Range range = at(i).range;
  if (at(i).right) {
    range = take_last(at(i).right);
    update(i);
  } else {
    tree = at(i).left;
    drop(i);
  }
  return range;
}

/// Inserts a range that touches no other.
void IdleRanges::put(Range range) {
  if (!range.bytes) return;
  Index below, above;
  split(root_, range.from, below, above);
  root_ = merge(merge(below, make(range)), above);
}

/// Removes the range that begins at `from`, which must exist.
IdleRanges::Range IdleRanges::remove(uintptr_t from) {
  Index below, above;
  split(root_, from, below, above);
  const Range range = take_first(above);
  root_ = merge(below, above);
  return range;
}

bool IdleRanges::add(Range range) {
  if (!make_room()) return false;
  Index below, above;
  split(root_, range.from, below, above);
  if (below) {
    const Range before = take_last(below);
    if (before.to() == range.from) range = {before.from, before.bytes + range.bytes};
    else below = merge(below, make(before));
  }
  if (above) {
    const Range behind = take_first(above);
    if (behind.from == range.to()) range.bytes += behind.bytes;
    else above = merge(make(behind), above);
  }
  root_ = merge(merge(below, make(range)), above);
  return true;
}

uintptr_t IdleRanges::take(size_t bytes, size_t align) {
  const size_t need = align > kPage ? bytes + align - kPage : bytes;
  if (need < bytes || longest(root_) < need || !make_room()) return 0;
  Index i = root_;
  while (longest(at(i).left) >= need || at(i).range.bytes < need) i = longest(at(i).left) >= need ? at(i).left : at(i).right;
  const Range range = remove(at(i).range.from);
  const uintptr_t start = align > kPage ? (range.from + align - 1) & ~(align - 1) : range.from;
  put({range.from, start - range.from});
  put({start + bytes, range.to() - start - bytes});
  return start;
}

bool IdleRanges::take_at(uintptr_t from, size_t bytes) {
  Index i = root_;
  while (i && at(i).range.from != from) i = from < at(i).range.from ? at(i).left : at(i).right;
  if (!i || at(i).range.bytes < bytes) return false;
  const Range range = remove(from);
  put({from + bytes, range.bytes - bytes});
  return true;
}

IdleRanges::Range IdleRanges::take_longest() {
  if (!root_) return {};
  Index i = root_;
  while (at(i).range.bytes < at(i).longest) i = longest(at(i).left) == at(i).longest ? at(i).left : at(i).right;
  return remove(at(i).range.from);
}

}  // namespace linux_port
