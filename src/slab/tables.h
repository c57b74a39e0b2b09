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
/// {mask, inverse} of each class: see CpuStack::try_push_object().
inline constexpr ptrdiff_t kDivisors = kTables + 8192 + 2048;

/// Bytes of an object of each class, 32 bits each; 0 where the class is nobody's.
inline constexpr ptrdiff_t kClassSizes = kTables + 12288 + 2048;

/// Classes are bytes.  0: no slab.  kSharedClass: a slab of one of the caches that came too late for a class of their
/// own; its descriptor says which.
inline constexpr unsigned kNoClass = 0;
inline constexpr unsigned kSharedClass = 255;
inline constexpr unsigned kNrOwnClasses = 254;

struct Divisor {
  uint32_t mask = 0;
  uint32_t inverse = 1;  // with mask 0: everything is a multiple
};

constexpr Divisor make_divisor(uint32_t slab_bytes, uint32_t size) {
  return {slab_bytes - 1, static_cast<uint32_t>(((uint64_t{1} << 32) + size - 1) / size)};
}

}  // namespace kmem
