#pragma once
// Which sizes get caches of their own.

#include "base/bits.h"
#include "slab/tables.h"

namespace kmem {

/// malloc(): every 16 bytes to 128, from there eight steps for each doubling, so that at most 1/9 of a block is lost.
inline constexpr unsigned kNrMallocClasses = 8 + 8 * 8;
constexpr uint32_t malloc_class_size(unsigned i) {
  if (i < 8) return 16 * (i + 1);
  const unsigned doubling = (i - 8) / 8, step = (i - 8) % 8 + 1;
  return (128u << doubling) + step * (16u << doubling);
}
static_assert(malloc_class_size(7) == 128 && malloc_class_size(8) == 144 && malloc_class_size(15) == 256);
static_assert(malloc_class_size(kNrMallocClasses - 1) == kMallocMax);

/// kmalloc(): the kernel's "kmalloc-8" to "kmalloc-8k", powers of two and 96 and 192.
inline constexpr uint32_t kKmallocSizes[] = {8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192};
inline constexpr unsigned kNrKmallocClasses = sizeof kKmallocSizes / sizeof *kKmallocSizes;

/// The largest power of two that divides the size, a page at most: the alignment that its objects have.
constexpr uint32_t natural_alignment(uint32_t size) {
  const uint32_t power = size & -size;
  return power > kPageSize ? static_cast<uint32_t>(kPageSize) : power;
}

}  // namespace kmem
