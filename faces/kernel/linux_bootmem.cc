// alloc_bootmem().

#include "base/bits.h"
#include "boot/bootmem.h"
#include "early_memory.h"

// Last, because its macros have names that the core uses.
#include <linux/bootmem.h>

namespace {

/// The parameters of the four functions below.
struct Form {
  bool low = false, pages = false;
};

/// The DMA zone is used last, unless low memory is requested.
void* bootmem(unsigned long bytes, Form form) {
  kmem::MemRequest request{.bytes = bytes, .align = form.pages ? kmem::kPageSize : kmem::kCacheLine};
  if (form.pages && bytes <= ~kmem::kPageSize) request.bytes = kmem::round_up(bytes, kmem::kPageSize);
  if (form.low) request.below = {kmem::Bootmem::kLowEnd};
  else request.from = {kmem::Bootmem::kDmaEnd};
  void* p = early::allocate(request, kmem::Contents::Zero);
  request.from = {0};
  if (!p && !form.low) p = early::allocate(request, kmem::Contents::Zero);
  if (p) return p;
  early::panic_without(bytes);
}

}  // namespace

extern "C" {

void* alloc_bootmem(unsigned long bytes) noexcept { return bootmem(bytes, {}); }
void* alloc_bootmem_low(unsigned long bytes) noexcept { return bootmem(bytes, {.low = true}); }
void* alloc_bootmem_pages(unsigned long bytes) noexcept { return bootmem(bytes, {.pages = true}); }
void* alloc_bootmem_low_pages(unsigned long bytes) noexcept { return bootmem(bytes, {.low = true, .pages = true}); }

void free_bootmem(unsigned long physical, unsigned long bytes) noexcept {
  if (early::is_there()) kmem::boot_memory().free({physical}, bytes);
}

}  // extern "C"
