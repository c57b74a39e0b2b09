#pragma once
// Idle address ranges, mapped but unused: ordered by address, neighbours merged.
#include <stddef.h>
#include <stdint.h>

namespace linux_port {

/// A treap (Seidel and Aragon, Algorithmica 1996) in which every node knows the longest range below it, so that the lowest
/// range that fits is found in one descent.  Nodes lie in an array that grows by mremap().  Not thread-safe.
class IdleRanges {
 public:
  struct Range {
    uintptr_t from = 0;
    size_t bytes = 0;
    uintptr_t to() const { return from + bytes; }
  };

  /// Adds a range and merges it with its neighbours.  False if there is no memory for a node.
  bool add(Range range);
  /// Takes `bytes` at a multiple of `align` from the lowest range that is certainly long enough; 0 if there is none.
  uintptr_t take(size_t bytes, size_t align);
  /// Takes the first `bytes` of the range that begins at `from`; false if there is none, or it is shorter.
  bool take_at(uintptr_t from, size_t bytes);
  /// Takes the longest range; empty if there is none.
  Range take_longest();
  /// Forgets all of them.
  void forget() { root_ = 0, free_ = 0, used_ = 0, nr_ = 0, bytes_ = 0; }

  uint32_t nr() const { return nr_; }
  size_t bytes() const { return bytes_; }

 private:
  using Index = uint32_t;  // 0 is none
  struct Node {
    Range range;
    size_t longest;  // of this node and those below
    Index left, right;
    uint32_t priority;
  };
  Node& at(Index i) { return nodes_[i]; }
  size_t longest(Index i) { return i ? at(i).longest : 0; }
  bool make_room();
  Index make(Range range);
  void drop(Index i);
  void update(Index i);
  void split(Index tree, uintptr_t from, Index& below, Index& above);
  Index merge(Index below, Index above);
  Range take_first(Index& tree);
  Range take_last(Index& tree);
  Range remove(uintptr_t from);
  void put(Range range);

  Node* nodes_ = nullptr;
  uint32_t room_ = 0, used_ = 0;  // nodes; 0 is not used
  Index free_ = 0, root_ = 0;     // head of the free nodes, linked by `left`
  uint32_t nr_ = 0;
  size_t bytes_ = 0;
};

}  // namespace linux_port
