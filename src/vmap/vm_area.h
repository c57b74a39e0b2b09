#pragma once
// One stretch of the window's addresses.

#include "base/atomic.h"
#include "base/types.h"

namespace kmem {

enum class AreaState : uint32_t {
  Unused,  // no area: the descriptor waits to be used
  Free,    // addresses that nobody has
  Busy,    // being made or unmade by one task; nobody else looks at it
  Live,    // a caller's
  Lazy,    // freed, but still mapped with its frames, until somebody wants its like or the frames are wanted elsewhere
};

enum class AreaKind : uint8_t { Vmalloc, Vmap, Ioremap, Map };  // Map: reserved for who maps by himself

/// Bits of VmArea::flags, with the kernel's numbers where it has one.
namespace area {
inline constexpr uint32_t kUserMap = 0x8;       // VM_USERMAP: zeroed, may be shown to user space
inline constexpr uint32_t kMapPutPages = 0x200;  // VM_MAP_PUT_PAGES: vfree() puts the pages that were vmap()ped
inline constexpr uint32_t kSpecial = 1u << 24;   // frames of one node or below a limit: not for everybody's use again
inline constexpr uint32_t kExposed = 1u << 25;   // somebody has asked for a page: it may be held longer than the area
inline constexpr uint32_t kSoftGuard = 1u << 26;  // the guard page can be touched, and is looked at when the area is freed
inline constexpr uint32_t kReadOnly = 1u << 27;
inline constexpr uint32_t kRam = 1u << 28;        // of vm_map_ram()
}  // namespace area

/// 256 bytes, the last of which are touched only where find_vm_area() asks; never unmapped once used, so a stale index is harmless to read.
struct alignas(128) VmArea {
  Atomic<uint32_t> state;  // an AreaState; Live -> Busy by compare-and-exchange decides who frees
  Atomic<uint32_t> link;   // on an IndexStack
  // Pages are counted from the window's start; the guard is part of the span.
  uint32_t first = 0, span = 0;
  uint32_t below = 0, above = 0;        // neighbours by address, 0 for none
  uint32_t bin_next = 0, bin_prev = 0;  // while Free
  uint32_t nr_pages = 0;                // usable
  Atomic<uint32_t> flags;
  uint64_t bytes = 0;  // asked for
  const void* caller = nullptr;
  uint64_t phys = 0;  // Ioremap
  void* owner = nullptr;  // for who reserved the area: what it needs to unmap it
  void* pages = nullptr;  // of kMapPutPages: the caller's array
  AreaKind kind = AreaKind::Vmalloc;
  alignas(64) uint64_t face[8] = {};  // the api's: struct vm_struct

  AreaState is() const { return static_cast<AreaState>(state.load()); }
  void become(AreaState s) { state.store(static_cast<uint32_t>(s)); }
  bool turn(AreaState from, AreaState to) {
    uint32_t expected = static_cast<uint32_t>(from);
    return state.compare_exchange(expected, static_cast<uint32_t>(to));
  }
  bool has(uint32_t flag) const { return flags.peek() & flag; }
};
static_assert(sizeof(VmArea) == 256);

}  // namespace kmem
