// Conversions between a frame, its descriptor and its addresses.

#include <asm/page.h>
#include <linux/mm_types.h>

#include "system/system.h"

namespace {

using kmem::Page;
using kmem::Pfn;

kmem::PageAllocator& pages() { return kmem::system().pages; }
struct page* public_name(Page* page) {
  return reinterpret_cast<struct page*>(page);
}
Pfn pfn_of(const struct page* page) { return pages().pfn_of(reinterpret_cast<const Page*>(page)); }

}  // namespace

static_assert(PAGE_SIZE == kmem::kPageSize);

extern "C" {

unsigned long page_to_pfn(const struct page* page) noexcept { return pfn_of(page).value; }
struct page* pfn_to_page(unsigned long pfn) noexcept {
  return public_name(pages().page_at({pfn}));
}
int pfn_valid(unsigned long pfn) noexcept { return pages().is_online({pfn}); }

phys_addr_t virt_to_phys(const volatile void* address) noexcept {
  return static_cast<phys_addr_t>(static_cast<const volatile char*>(address) - pages().address({0}));
}
void* phys_to_virt(phys_addr_t physical) noexcept { return pages().address({0}) + physical; }

int kmem_virt_addr_valid(const volatile void* address) noexcept {
  return pages().is_online(pages().pfn_of_address(const_cast<const void*>(address)));
}

struct page* kmem_virt_to_page(const volatile void* address) noexcept {
  const Pfn pfn = pages().pfn_of_address(const_cast<const void*>(address));
  return pages().is_online(pfn) ? public_name(pages().page_at(pfn)) : nullptr;
}

}  // extern "C"
