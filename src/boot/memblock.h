#pragma once
// Memory before the allocator: which memory exists, and which of it is reserved.

#include "base/format.h"
#include "base/maybe.h"
#include "boot/region_list.h"

namespace kmem {

/// What alloc() looks for.
struct MemRequest {
  uint64_t bytes = 0;
  uint64_t align = kCacheLine;  // a power of two; 0 is a cache line too
  PhysAddr from{0};             // the block lies in [from, below)
  PhysAddr below{~uint64_t{0}};
  int node = kNoNode;
  bool exact_node = false;  // fail rather than take memory of another node
};

/// Memory at boot: a list of the ranges that the machine has, and one of those that are reserved. A range in the first and not
/// in the second is free.  Not thread-safe: boot is one thread, before the first allocation ends.
///
///     memory     |=========|    |==================|         |=======|
///     reserved      |###|          |#####|  |##|
///     free       |--|   |--|    |--|     |--|  |---|         |-------|
///
/// The caller supplies both tables, and they don't grow. If there is no room for a change, the call fails and changes nothing.
///
/// Overlaps are treated as in the kernel: adding or reserving a part that is there already leaves that part as it is; removing
/// or freeing a part that is not there is no error.  Sizes that go past the end of the address space are clipped.
///
/// Invariants (walked by check()), beside those of the two lists, B1 to B5:
///   B6  reserved regions have no flags: those are properties of memory
class Memblock {
 public:
  constexpr Memblock(Span<MemRegion> memory, Span<MemRegion> reserved) : memory_(memory), reserved_(reserved) {}

  /// Back to the initial state.
  void clear();

  // ---- memory ----
  [[nodiscard]] bool add(PhysAddr base, uint64_t bytes, int node = kNoNode, MemFlags flags = MemFlags::None);
  [[nodiscard]] bool remove(PhysAddr base, uint64_t bytes);
  [[nodiscard]] bool mark(PhysAddr base, uint64_t bytes, MemFlags flags);
  [[nodiscard]] bool unmark(PhysAddr base, uint64_t bytes, MemFlags flags);
  [[nodiscard]] bool set_node(PhysAddr base, uint64_t bytes, int node);
  /// Shrinks every range of memory to multiples of `align`, a power of two.
  void trim(uint64_t align);
  /// "mem=": keeps the lowest `bytes` of memory, and removes all above, reserved or not.
  void cap_total(uint64_t bytes);
  /// Removes all memory outside of the range, except NoMap regions. An empty range changes nothing.
  void cap_range(PhysAddr base, uint64_t bytes);

  // ---- reserved ----
  [[nodiscard]] bool reserve(PhysAddr base, uint64_t bytes, int node = kNoNode);
  [[nodiscard]] bool free(PhysAddr base, uint64_t bytes);
  /// Finds free memory, and leaves it free.
  Maybe<PhysAddr> find(const MemRequest&) const;
  /// Finds free memory and reserves it.  NoMap memory is never allocated, nor Hotplug memory while avoid_hotplug() is on;
  /// Mirror memory is preferred if there is any. The page at address 0 is never allocated: 0 means "none" to devices.
  Maybe<PhysAddr> alloc(const MemRequest&);

  // ---- policy ----
  /// Allocate from the lowest address up, or from the highest down (default).
  void set_bottom_up(bool on) { bottom_up_ = on; }
  bool bottom_up() const { return bottom_up_; }
  void set_avoid_hotplug(bool on) { avoid_hotplug_ = on; }
  bool avoid_hotplug() const { return avoid_hotplug_; }
  /// No block is allocated at or above it.
  void set_current_limit(PhysAddr limit) { current_limit_ = limit; }
  PhysAddr current_limit() const { return current_limit_; }

  // ---- queries ----
  Span<const MemRegion> memory() const { return memory_.regions(); }
  Span<const MemRegion> reserved() const { return reserved_.regions(); }
  uint64_t memory_bytes() const { return memory_.total_bytes(); }
  uint64_t reserved_bytes() const { return reserved_.total_bytes(); }
  PhysAddr start_of_dram() const;
  PhysAddr end_of_dram() const;
  bool is_memory(PhysAddr at) const { return memory_.covers({at.value, at.value + 1}); }
  bool is_reserved(PhysAddr at) const { return reserved_.covers({at.value, at.value + 1}); }
  /// Memory that has an address in the direct map.
  bool is_map_memory(PhysAddr at) const;
  bool is_region_memory(PhysAddr base, uint64_t bytes) const { return memory_.covers(range_of(base, bytes)); }
  /// Does any byte of the range belong to memory?
  bool overlaps_memory(PhysAddr base, uint64_t bytes) const { return memory_.intersects(range_of(base, bytes)); }
  bool overlaps_reserved(PhysAddr base, uint64_t bytes) const { return reserved_.intersects(range_of(base, bytes)); }
  /// The node of the memory at an address; kNoNode if there is none.
  int node_of(PhysAddr at) const;

  /// The kernel's "MEMBLOCK configuration:", as memblock=debug prints it.
  void dump(Text&) const;
  /// The memory lines of the kernel's /proc/iomem.
  void iomem(Text&) const;
  Fault check() const;

 private:
  friend class MemblockTestPeer;

  /// `with`: only regions that have these flags.
  Maybe<MemRange> find(const MemRequest&, MemRange within, int node, MemFlags with) const;
  Maybe<MemRange> find_on_nodes(const MemRequest&, MemRange within, MemFlags with) const;
  bool has_mirror() const;

  RegionList memory_;
  RegionList reserved_;
  PhysAddr current_limit_{~uint64_t{0}};
  bool bottom_up_ = false;
  bool avoid_hotplug_ = false;
};

}  // namespace kmem
