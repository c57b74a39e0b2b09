#pragma once
// Boot memory: memblock, and the hand-over of the rest to the page allocator.

#include "boot/command_line.h"
#include "boot/memblock.h"
#include "page/page_allocator.h"
#include "port/machine.h"
#include "slab/block.h"

namespace kmem {

/// A reservation that has a name.
struct NamedMemory {
  char name[32] = {};
  PhysAddr start;
  uint64_t bytes = 0;
};

/// Before the hand-over, memblock allocates the machine's memory; afterwards the page allocator lends it, from the end of a
/// zone, and memblock continues to record reservations.
///
///   begin()       memblock knows the machine's memory; reserve= words are served; the program's early hook runs
///   hand_over()   the page allocator has zones over all memory; reserved, removed and NoMap frames stay claimed, with
///                 descriptors that say Boot
///
/// Memory that is freed before the hand-over is cleared, because the page allocator assumes that frames it never allocated are
/// zero.
///
/// Not thread-safe: boot is one thread.
class BootMemory {
 public:
  constexpr BootMemory() : memblock_(Span<MemRegion>(memory_table_), Span<MemRegion>(reserved_table_)) {}
  BootMemory(const BootMemory&) = delete;  // memblock_ holds the tables' addresses
  BootMemory& operator=(const BootMemory&) = delete;

  void begin(Machine& machine, const BootOptions& options);
  /// False if the host has no memory for the reservations.
  [[nodiscard]] bool hand_over(PageAllocator& pages);

  /// Is the caller the program's early hook, during boot?
  bool is_early() const;
  Memblock& memblock() { return memblock_; }
  char* address(PhysAddr at) const { return direct_map_ + at.value; }
  PhysAddr physical(const void* p) const { return {static_cast<uint64_t>(static_cast<const char*>(p) - direct_map_)}; }

  /// Before and after the hand-over. Empty if there is no memory.
  Maybe<PhysAddr> alloc(const MemRequest& request, Contents contents);
  /// Reports memory that was not allocated.
  void free(PhysAddr at, uint64_t bytes);
  /// Reserves exactly this memory. False: it is in use, or there is none.
  bool reserve(PhysAddr at, uint64_t bytes);

  const NamedMemory* find(const char* name) const;
  Span<const NamedMemory> named() const { return {named_, nr_named_}; }
  bool logs() const { return log_; }

 private:
  bool add_named(const ReserveWord& word);
  bool make_usable(PhysAddr at, uint64_t bytes) const;
  void clear(PhysAddr at, uint64_t bytes) const;
  void cut_ends(Machine& machine);
  bool claim(uint64_t from, uint64_t to);
  bool claim_holes(Zone& zone);
  bool claim_reserved();
  Maybe<PhysAddr> borrow(const MemRequest& request);
  Maybe<PhysAddr> borrow_from(Zone& zone, const MemRequest& request);
  void give_back(Pfn first, Pfn end);

  static constexpr unsigned kRegions = 128;
  enum class Time : uint8_t { Before, Early, Late };
  Time time_ = Time::Before;
  bool log_ = false;
  char* direct_map_ = nullptr;
  PageAllocator* pages_ = nullptr;
  uint32_t host_page_ = kPageSize;
  NamedMemory named_[kMaxReserveWords];
  unsigned nr_named_ = 0;
  MemRegion memory_table_[kRegions] = {}, reserved_table_[kRegions] = {};
  Memblock memblock_;
};

}  // namespace kmem
