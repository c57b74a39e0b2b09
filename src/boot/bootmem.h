#pragma once
// alloc_bootmem() and its relatives: memory that is taken before there is a page allocator, and kept.

#include "boot/memblock.h"

namespace kmem {

/// What a size and a place mean to each of the four forms of <linux/bootmem.h>:
///
///                        begins at     size             may lie in high memory
///   alloc                cache line    as asked         yes
///   alloc_low            cache line    as asked         no
///   alloc_pages          page          whole pages      yes
///   alloc_low_pages      page          whole pages      no
///
/// The first and third keep out of the DMA zone as long as there is other memory: boot memory is rarely freed, and devices need
/// that zone later. Contents are not cleared here, because Bootmem does not know the direct map.
class Bootmem {
 public:
  /// The end of the DMA zone, which alloc() uses last.
  static constexpr uint64_t kDmaEnd = uint64_t{16} << 20;
  /// Where low memory ends on a machine that has no high memory.
  static constexpr uint64_t kLowEnd = uint64_t{4} << 30;

  explicit Bootmem(Memblock& memblock, PhysAddr low_end = {kLowEnd}) : memblock_(memblock), low_end_(low_end) {}

  Maybe<PhysAddr> alloc(uint64_t bytes);
  Maybe<PhysAddr> alloc_low(uint64_t bytes);
  Maybe<PhysAddr> alloc_pages(uint64_t bytes);
  Maybe<PhysAddr> alloc_low_pages(uint64_t bytes);
  /// Frees any part of a block. A page with a byte that is still reserved is not handed to the page allocator.
  [[nodiscard]] bool free(PhysAddr at, uint64_t bytes) { return memblock_.free(at, bytes); }

 private:
  Memblock& memblock_;
  PhysAddr low_end_;
};

/// The block lies in [wish, below) if possible, else anywhere below `below`.
Maybe<PhysAddr> bootmem_alloc(Memblock&, uint64_t bytes, uint64_t align, PhysAddr wish, PhysAddr below);

}  // namespace kmem
