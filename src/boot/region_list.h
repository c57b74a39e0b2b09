#pragma once
// Ranges of addresses with a node and flags, in a table that the caller owns.

#include "base/fault.h"
#include "base/span.h"
#include "base/types.h"

namespace kmem {

/// What is special about a range; the values are the kernel's and show in dumps.
enum class MemFlags : uint8_t {
  None = 0,
  Hotplug = 1,  // may be taken away; not for what must stay
  Mirror = 2,   // kept twice by the machine; taken first
  NoMap = 4,    // has no address in the direct map; never allocated
};
constexpr MemFlags operator|(MemFlags a, MemFlags b) {
  return static_cast<MemFlags>(static_cast<uint8_t>(a) | static_cast<uint8_t>(b));
}
constexpr MemFlags operator&(MemFlags a, MemFlags b) {
  return static_cast<MemFlags>(static_cast<uint8_t>(a) & static_cast<uint8_t>(b));
}
constexpr MemFlags operator~(MemFlags a) { return static_cast<MemFlags>(~static_cast<uint8_t>(a)); }
constexpr bool any(MemFlags f) { return f != MemFlags::None; }

/// A half-open range of physical addresses.
struct MemRange {
  uint64_t base = 0;
  uint64_t end = 0;

  constexpr uint64_t bytes() const { return end - base; }
  constexpr bool contains(uint64_t address) const { return base <= address && address < end; }
  constexpr bool overlaps(MemRange other) const { return base < other.end && other.base < end; }
  friend constexpr bool operator==(MemRange, MemRange) = default;
};

/// The range of `bytes` from `base`; what would lie past the end of the address space is left out.
constexpr MemRange range_of(PhysAddr base, uint64_t bytes) {
  const uint64_t room = ~uint64_t{0} - base.value;
  return {base.value, base.value + (bytes < room ? bytes : room)};
}

struct MemRegion {
  MemRange range;
  int node = kNoNode;
  MemFlags flags = MemFlags::None;

  constexpr bool same_kind(const MemRegion& other) const { return node == other.node && flags == other.flags; }
  friend constexpr bool operator==(const MemRegion&, const MemRegion&) = default;
};

/// Regions sorted by address.  Not thread-safe: boot is one thread.
///
/// A call that the table has no room for returns false and has changed nothing.  One free entry is always enough for
/// add() of a range without holes of its own and for remove(); recolour() needs two.
///
/// Invariants (walked by check()):
///   M1  regions are sorted by address, and none is empty
///   M2  no two regions overlap
///   M3  two regions that touch differ in node or flags: they would have been merged
///   M4  total_bytes() is the sum over the regions
///   M5  there are no more regions than the table holds
class RegionList {
 public:
  constexpr explicit RegionList(Span<MemRegion> table) : table_(table) {}
  RegionList(const RegionList&) = delete;
  RegionList& operator=(const RegionList&) = delete;

  void clear() { count_ = total_ = 0; }
  /// Covers the range.  Where a region lies already it stays as it is; only the gaps take the node and flags.
  [[nodiscard]] bool add(MemRange range, int node, MemFlags flags);
  /// Uncovers the range; regions that stick out of it are trimmed.
  [[nodiscard]] bool remove(MemRange range);
  /// Sets and clears flags of what the range covers.
  [[nodiscard]] bool mark(MemRange range, MemFlags set, MemFlags clear);
  /// Moves what the range covers to a node.
  [[nodiscard]] bool set_node(MemRange range, int node);

  /// Shrinks every region to multiples of `align`; one that has none is gone.
  void trim(uint64_t align);

  Span<const MemRegion> regions() const { return {table_.data, count_}; }
  size_t capacity() const { return table_.size; }
  uint64_t total_bytes() const { return total_; }
  /// The index of the first region that ends after `address`; the count where none does.
  size_t first_after(uint64_t address) const;
  /// Does one byte of the range belong to a region?  Do all?
  bool intersects(MemRange range) const;
  bool covers(MemRange range) const;

  /// `where` of a fault is the address of the region at which the rule is broken.
  Fault check() const;

 private:
  friend class RegionListTestPeer;

  struct Gap;
  struct Change;
  template <typename F>
  void for_each_gap(MemRange range, F&& f) const;
  bool touches_left(const Gap&, const MemRegion& kind) const;
  bool touches_right(const Gap&, const MemRegion& kind) const;
  size_t count_with(MemRange range, const MemRegion& kind) const;
  void fill_gaps(MemRange range, const MemRegion& kind, bool only_merging);
  void fill(const Gap&, const MemRegion& kind);
  [[nodiscard]] bool recolour(MemRange range, const Change&);
  size_t splits_for(MemRange range, const Change&) const;
  void split(size_t index, uint64_t at);
  void merge_neighbours();

  void insert(size_t index, const MemRegion&);
  void erase(size_t index);

  Span<MemRegion> table_;
  size_t count_ = 0;
  uint64_t total_ = 0;
};

}  // namespace kmem
