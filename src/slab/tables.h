#pragma once
// The small tables that the fast paths read, at constant displacements from kmem_base.
//
// Each lies in the upper half of its page.  The per-CPU words of the classes lie in the lower half of theirs, and a processor
// that first compares only the low 12 bits of addresses would mistake a load from a table for one of the word that was just
// stored, and wait for it (4K aliasing): that doubled the time of free().

#include "base/attributes.h"
#include "base/bits.h"
#include "port/layout.h"

namespace kmem {

/// The table from sizes up to kLargest to classes: one byte for each step of kStep bytes.
template <ptrdiff_t kTable, size_t kStep, size_t kLargest>
struct SizeClasses {
  static constexpr size_t kMost = kLargest;
  /// The class that serves a size from 1 to kMost.
  KMEM_INLINE static unsigned of(const char* base, size_t size) { return entries(base)[(size - 1) / kStep]; }
  /// From now on a class serves the sizes above `from` up to `to`, both multiples of the step.
  static void set(char* base, size_t from, size_t to, unsigned object_class) {
    for (size_t i = from / kStep; i < to / kStep; ++i) entries(base)[i] = static_cast<uint8_t>(object_class);
  }

 private:
  KMEM_INLINE static const uint8_t* entries(const char* base) { return reinterpret_cast<const uint8_t*>(base + kTable); }
  static uint8_t* entries(char* base) { return reinterpret_cast<uint8_t*>(base + kTable); }
};
/// malloc()'s and kmalloc()'s.
using MallocClasses = SizeClasses<kTables + 2048, 16, 32768>;
using KmallocClasses = SizeClasses<kTables + 4096 + 2048, 8, 8192>;

/// {high, inverse} of each class: see CpuStack::try_push_object().
inline constexpr ptrdiff_t kDivisors = kTables + 8192 + 2048;

/// Bytes of an object of each class, 32 bits each; 0 if no cache has the class.
inline constexpr ptrdiff_t kClassSizes = kTables + 12288 + 2048;

/// Classes are bytes.  0: no slab.  kSharedClass: a slab of one of the caches that have no class of their own; its descriptor
/// says which.
inline constexpr unsigned kNoClass = 0;
inline constexpr unsigned kSharedClass = 255;
inline constexpr unsigned kNrOwnClasses = 254;

/// Distinguishes the objects of a slab from all other addresses in it.
///
/// The last object of a slab ends where the slab ends, so for every object, address | high is in 32 bits the negative of a
/// multiple of the size, and no address in the slab belongs to a nonexistent object.
struct Divisor {
  uint32_t high = ~0u;  // the bits above an offset into a slab
  uint32_t inverse = ~0u;

  constexpr bool fits(uint32_t address) const { return (address | high) * inverse < inverse; }
  /// The address bits that are the same for a whole slab.
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
