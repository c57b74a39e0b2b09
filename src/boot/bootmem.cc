#include "boot/bootmem.h"

#include "base/bits.h"

namespace kmem {

namespace {

constexpr PhysAddr kAnywhere{~uint64_t{0}};

/// Rounds up to whole pages; 0, a size that is never served, if that overflows.
constexpr uint64_t whole_pages(uint64_t bytes) { return round_up(bytes, kPageSize); }

}  // namespace

Maybe<PhysAddr> bootmem_alloc(Memblock& memblock, uint64_t bytes, uint64_t align, PhysAddr wish, PhysAddr below) {
  MemRequest request{.bytes = bytes, .align = align, .from = wish, .below = below};
  if (const auto found = memblock.alloc(request)) return found;
  request.from = {0};
  return memblock.alloc(request);
}

Maybe<PhysAddr> Bootmem::alloc(uint64_t bytes) { return bootmem_alloc(memblock_, bytes, kCacheLine, {kDmaEnd}, kAnywhere); }

Maybe<PhysAddr> Bootmem::alloc_low(uint64_t bytes) { return bootmem_alloc(memblock_, bytes, kCacheLine, {0}, low_end_); }

Maybe<PhysAddr> Bootmem::alloc_pages(uint64_t bytes) {
  return bootmem_alloc(memblock_, whole_pages(bytes), kPageSize, {kDmaEnd}, kAnywhere);
}

Maybe<PhysAddr> Bootmem::alloc_low_pages(uint64_t bytes) {
  return bootmem_alloc(memblock_, whole_pages(bytes), kPageSize, {0}, low_end_);
}

}  // namespace kmem
