#pragma once
// An area: a range of the window's addresses.

#include "base/atomic.h"
#include "base/types.h"

namespace kmem {

enum class AreaState : uint32_t {
  Unused,  // no area: the descriptor waits to be used
  Free,    // free addresses
  Busy,    // one task is setting it up or taking it down; no other task uses it
  Live,    // a caller owns it
  Lazy,    // freed, but still mapped with its frames, until a request of its size or a shortage of frames
};

enum class AreaKind : uint8_t { Vmalloc, Vmap, Ioremap, Map };  // Map: the caller does the mapping

/// Bits of VmArea::flags, with the kernel's numbers where it has one.
namespace area {
inline constexpr uint32_t kUserMap = 0x8;         // VM_USERMAP: zeroed, may be mapped to user space
inline constexpr uint32_t kMapPutPages = 0x200;   // VM_MAP_PUT_PAGES: vfree() drops the references to the mapped pages
inline constexpr uint32_t kSpecial = 1u << 24;    // frames of one node or below a limit: not reused for other requests
inline constexpr uint32_t kExposed = 1u << 25;    // a caller may hold a reference to one of its pages beyond the area's end
inline constexpr uint32_t kSoftGuard = 1u << 26;  // the guard page is accessible, and is checked when the area is freed
inline constexpr uint32_t kReadOnly = 1u << 27;
inline constexpr uint32_t kRam = 1u << 28;  // made by vm_map_ram()
}  // namespace area

/// 256 bytes, the last of which only find_vm_area() touches; never unmapped once used, so a stale index is harmless to read.
struct alignas(128) VmArea {
  Atomic<uint32_t> state;  // an AreaState; the thread that exchanges Live for Busy frees the area
  Atomic<uint32_t> link;   // on an IndexStack
  // Pages are counted from the window's start; the guard is part of the span.
  uint32_t first = 0, span = 0;
  uint32_t below = 0, above = 0;        // neighbours by address, 0 for none
  uint32_t bin_next = 0, bin_prev = 0;  // while Free
  uint32_t nr_pages = 0;                // usable
  Atomic<uint32_t> flags;
  uint64_t bytes = 0;  // requested
  const void* caller = nullptr;
  uint64_t phys = 0;      // Ioremap
  void* owner = nullptr;  // data of the caller that reserved the area, for unmapping
  void* pages = nullptr;  // kMapPutPages: the caller's array
  AreaKind kind = AreaKind::Vmalloc;
  alignas(64) uint64_t face[8] = {};  // faces/kernel's: struct vm_struct

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
