#pragma once
// Ranges of addresses with a node and flags, in a table that the caller owns.

#include "base/fault.h"
#include "base/span.h"
#include "base/types.h"

namespace kmem {

/// What is special about a range; the values are the kernel's and show in dumps.
enum class MemFlags : uint8_t {
  None = 0,
  Hotplug = 1,  // may be removed at run time; not for permanent data
  Mirror = 2,   // mirrored by the machine; allocated first
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

/// The range of `bytes` from `base`; clipped at the end of the address space.
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
/// If the table has no room for a change, the call returns false and changes nothing. One free entry is always enough for
/// remove() and for add() of a range without regions in it; recolour() needs two.
///
/// Invariants (walked by check()):
///   B1  regions are sorted by address, and none is empty
///   B2  no two regions overlap
///   B3  two regions that touch differ in node or flags: they would have been merged
///   B4  total_bytes() is the sum over the regions
///   B5  there are no more regions than the table holds
class RegionList {
 public:
  constexpr explicit RegionList(Span<MemRegion> table) : table_(table) {}
  RegionList(const RegionList&) = delete;
  RegionList& operator=(const RegionList&) = delete;

  void clear() { count_ = total_ = 0; }
  /// Covers the range. Existing regions do not change; only the gaps between them get the node and flags.
  [[nodiscard]] bool add(MemRange range, int node, MemFlags flags);
  /// Uncovers the range; regions that stick out of it are trimmed.
  [[nodiscard]] bool remove(MemRange range);
  /// Sets and clears flags in the part of the range that regions cover.
  [[nodiscard]] bool mark(MemRange range, MemFlags set, MemFlags clear);
  /// Sets the node in the part of the range that regions cover.
  [[nodiscard]] bool set_node(MemRange range, int node);

  /// Shrinks every region to multiples of `align`; removes a region that contains none.
  void trim(uint64_t align);

  Span<const MemRegion> regions() const { return {table_.data, count_}; }
  size_t capacity() const { return table_.size; }
  uint64_t total_bytes() const { return total_; }
  /// The index of the first region that ends after `address`; the number of regions if none does.
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
  enum class Gaps : uint8_t { ThatMerge, All };
  void fill_gaps(MemRange range, const MemRegion& kind, Gaps which);
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
