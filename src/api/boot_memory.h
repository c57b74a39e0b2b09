#pragma once
// Boot memory, put together: what memblock knows, and how the page allocator comes by the rest.

#include "boot/command_line.h"
#include "boot/memblock.h"
#include "page/page_allocator.h"
#include "port/machine.h"

namespace kmem {

/// A reservation that has a name.
struct NamedMemory {
  char name[32] = {};
  PhysAddr start;
  uint64_t bytes = 0;
};

/// Before the page allocator has the machine's memory, memblock gives it out; afterwards the page allocator lends it, from
/// the end of a zone, and memblock goes on to know what is reserved.
///
///   begin()       memblock knows the machine's memory; reserve= words are served; the program's early hook runs
///   hand_over()   the page allocator has zones over all memory, and what is reserved, removed or not mapped of it stays
///                 claimed, with descriptors that say Boot
///
/// Memory that comes back before the hand-over is cleared: the page allocator takes what it never gave for zero.
///
/// Not thread-safe but for lock(): boot is one thread.
class BootMemory {
 public:
  void begin(Machine& machine, const BootOptions& options);
  /// False where the host has no memory for what is reserved.
  [[nodiscard]] bool hand_over(PageAllocator& pages);

  /// Is it the early time, and the caller boot itself: the hook?
  bool is_early() const;
  Memblock& memblock();
  char* address(PhysAddr at) const { return direct_map_ + at.value; }
  PhysAddr physical(const void* p) const {
    return {static_cast<uint64_t>(static_cast<const char*>(p) - direct_map_)};
  }

  /// In either time; contents unspecified unless cleared.  Nothing where there is none.
  Maybe<PhysAddr> alloc(const MemRequest& request, bool clear);
  /// Reports what was not taken.
  void free(PhysAddr at, uint64_t bytes);
  /// This memory and no other.  False: it is in use, or there is none.
  bool reserve(PhysAddr at, uint64_t bytes);

  const NamedMemory* find(const char* name) const;
  Span<const NamedMemory> named() const { return {named_, nr_named_}; }
  bool logs() const { return log_; }
  void reset();

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

  enum class Time : uint8_t { Before, Early, Late };
  Time time_ = Time::Before;
  bool log_ = false;
  char* direct_map_ = nullptr;
  PageAllocator* pages_ = nullptr;
  uint32_t host_page_ = kPageSize;
  NamedMemory named_[kMaxReserveWords];
  unsigned nr_named_ = 0;
};

BootMemory& boot_memory();

}  // namespace kmem
