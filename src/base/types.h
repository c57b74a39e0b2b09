#pragma once
// A type of its own for each kind of number, so that they cannot be mixed up.

#include <stddef.h>
#include <stdint.h>

namespace kmem {

inline constexpr unsigned kPageShift = 12;
inline constexpr size_t kPageSize = size_t{1} << kPageShift;
/// Frames of one block: the 2 MiB that a huge page covers.
inline constexpr unsigned kBlockOrder = 9;
inline constexpr size_t kBlockFrames = size_t{1} << kBlockOrder;
inline constexpr size_t kBlockBytes = kBlockFrames << kPageShift;
inline constexpr unsigned kMaxOrder = 10;
inline constexpr size_t kCacheLine = 64;

/// A page frame number: a physical address divided by the page size.
struct Pfn {
  uint64_t value = 0;
  friend constexpr bool operator==(Pfn, Pfn) = default;
  friend constexpr auto operator<(Pfn a, Pfn b) { return a.value < b.value; }
  friend constexpr Pfn operator+(Pfn a, uint64_t n) { return {a.value + n}; }
  friend constexpr uint64_t operator-(Pfn a, Pfn b) { return a.value - b.value; }
};

/// The base-2 logarithm of a number of frames.
struct Order {
  uint8_t value = 0;
  constexpr uint64_t pages() const { return uint64_t{1} << value; }
  constexpr uint64_t bytes() const { return pages() << kPageShift; }
  friend constexpr bool operator==(Order, Order) = default;
};

/// An address as a device would be given it.
struct PhysAddr {
  uint64_t value = 0;
  friend constexpr bool operator==(PhysAddr, PhysAddr) = default;
};

/// A CPU number; from Machine::nr_cpus on they are shadow CPUs.
struct CpuId {
  uint32_t value = 0;
};

struct NodeId {
  uint8_t value = 0;
  friend constexpr bool operator==(NodeId, NodeId) = default;
};

inline constexpr unsigned kMaxNodes = 8;

/// Any node will do.
inline constexpr int kNoNode = -1;

}  // namespace kmem
