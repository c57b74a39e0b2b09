// memremap(): physical addresses as memory.

#include <linux/io.h>
#include <linux/mm.h>

#include "sleeping.h"
#include "system/system.h"

namespace {

/// How much of a range is kmem's frames with permanent addresses.
enum class Ram { None, Some, All };
Ram ram_in(resource_size_t physical, size_t bytes) {
  bool some = false, others = false;
  for (resource_size_t at = physical & PAGE_MASK; at < physical + bytes; at += PAGE_SIZE) {
    const bool is_ram = pfn_valid(static_cast<unsigned long>(at >> PAGE_SHIFT)) && page_address(phys_to_page(at));
    (is_ram ? some : others) = true;
  }
  return !some ? Ram::None : others ? Ram::Some : Ram::All;
}

}  // namespace

extern "C" {

void* memremap(resource_size_t physical, size_t bytes, unsigned long flags) noexcept {
  KMEM_MIGHT_SLEEP();
  if (!bytes || !kmem::boot()) return nullptr;
  const Ram ram = ram_in(physical, bytes);
  if (ram == Ram::All && (flags & MEMREMAP_WB)) return phys_to_virt(physical);
  if (ram != Ram::None) {
    static kmem::RateLimit limit;
    kmem::bug_report_limited(limit, kmem::Trouble::Warning, "memremap of %#llx, %zu bytes: RAM is mapped already, and cached",
                             physical, bytes);
    return nullptr;
  }
  if (flags & MEMREMAP_WB) return ioremap_cache(physical, bytes);
  if (flags & MEMREMAP_WT) return ioremap_wt(physical, bytes);
  return flags & MEMREMAP_WC ? ioremap_wc(physical, bytes) : nullptr;
}

void memunmap(void* address) noexcept {
  KMEM_MIGHT_SLEEP();
  if (is_vmalloc_addr(address)) iounmap(address);
}

}  // extern "C"
