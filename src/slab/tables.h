#pragma once
// The small tables that the fast paths read, at constant displacements from kmem_base.
//
// Each lies in the upper half of its page.  The per-CPU words of the classes lie in the lower half of theirs, and a
// processor that compares only the low 12 bits of addresses at first would take a load from a table for one of the word
// that was stored just before, and wait for it: that doubled the time of free().

#include "base/bits.h"
#include "port/layout.h"

namespace kmem {

/// Sizes that caches serve for malloc(), and their class: one byte for every 16 bytes of size.
inline constexpr size_t kMallocMax = 32768;
inline constexpr ptrdiff_t kMallocClasses = kTables + 2048;
/// The same for kmalloc(), for every 8 bytes.
inline constexpr size_t kKmallocMax = 8192;
inline constexpr ptrdiff_t kKmallocClasses = kTables + 4096 + 2048;
/// {high, inverse} of each class: see CpuStack::try_push_object().
inline constexpr ptrdiff_t kDivisors = kTables + 8192 + 2048;

/// Bytes of an object of each class, 32 bits each; 0 where the class is nobody's.
inline constexpr ptrdiff_t kClassSizes = kTables + 12288 + 2048;

/// Classes are bytes.  0: no slab.  kSharedClass: a slab of one of the caches that came too late for a class of their
/// own; its descriptor says which.
inline constexpr unsigned kNoClass = 0;
inline constexpr unsigned kSharedClass = 255;
inline constexpr unsigned kNrOwnClasses = 254;

/// Tells the objects of a slab from all other addresses in it.
///
/// The last object of a slab ends where the slab ends, so that address | high is, in 32 bits, minus a multiple of the
/// size for every object, and no address inside the slab lies at the place of an object that does not exist.
struct Divisor {
  uint32_t high = ~0u;  // the bits above an offset into a slab
  uint32_t inverse = ~0u;

  constexpr bool fits(uint32_t address) const { return (address | high) * inverse < inverse; }
  /// The bits in which the addresses of one slab agree.
  constexpr uint64_t slab_bits() const { return ~uint64_t{~high}; }
};

/// The inverse is floor(2^32 / size): j * size before the end leaves j * (2^32 % size) in the low bits, a byte less leaves
/// an inverse more.  Where a slab has room for objects beyond the first `nr` that have no bit in its descriptors, the
/// inverse is a little less, so that what is left over reaches it with number nr + 1.
constexpr Divisor make_divisor(uint32_t slab_bytes, uint32_t size, uint32_t nr) {
  constexpr uint64_t kAll = uint64_t{1} << 32;
  const uint64_t exact = kAll / size, beyond = uint64_t{nr} + 1;
  const uint64_t bounded = beyond * kAll / (1 + beyond * size);
  return {~(slab_bytes - 1), static_cast<uint32_t>(beyond * size <= slab_bytes ? bounded : exact)};
}

}  // namespace kmem
