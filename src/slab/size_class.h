#pragma once
// Which sizes get caches of their own.  Which cache serves a size is looked up in the tables of slab/tables.h.

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
static_assert(malloc_class_size(kNrMallocClasses - 1) == MallocClasses::kMost);

/// malloc() asks the port for address space from this size on; below it the page allocator serves.
inline constexpr size_t kMappedFrom = size_t{4} << 20;

/// kmalloc(): the kernel's "kmalloc-8" to "kmalloc-8k", powers of two and 96 and 192.
inline constexpr uint32_t kKmallocSizes[] = {8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192};
inline constexpr unsigned kNrKmallocClasses = sizeof kKmallocSizes / sizeof *kKmallocSizes;

/// kmalloc() fails for larger sizes.
inline constexpr size_t kKmallocLimit = size_t{4} << 20;

/// The largest power of two that divides the size: the alignment that its objects have.
constexpr uint32_t natural_alignment(uint32_t size) { return size & -size; }

}  // namespace kmem
