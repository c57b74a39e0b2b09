// Pages by address, shared pages, and the ways between a frame, its descriptor and its addresses.

#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/mm.h>

#include "api/system.h"
#include "watch/report.h"

namespace {

using kmem::Order;
using kmem::Page;
using kmem::PageKind;
using kmem::Pfn;

kmem::PageAllocator& pages() { return kmem::system().pages; }
Page& descriptor(const struct page* page) { return *reinterpret_cast<Page*>(const_cast<struct page*>(page)); }
struct page* public_name(Page* page) {
  return reinterpret_cast<struct page*>(page);
}
Pfn pfn_of(const struct page* page) { return pages().pfn_of(&descriptor(page)); }

/// The first page of a block that somebody holds; reports what is not.
bool is_held(const struct page* page, const char* who) {
  const Page& p = descriptor(page);
  if (pages().is_online(pfn_of(page)) && p.kind() == PageKind::Block && Page::refs_of(p.head.peek())) return true;
  kmem::bug_report(kmem::Trouble::Bug, "%s: page %p (pfn %#lx) is not the first of an allocated block", who,
                   static_cast<const void*>(page), page_to_pfn(page));
  return false;
}

/// What kernel code does, warns about, and goes on without: flags that single pages by address cannot have.
gfp_t flags_for_addresses(gfp_t flags) { return flags & ~__GFP_HIGHMEM; }

}  // namespace

static_assert(sizeof(struct page) == sizeof(Page) && offsetof(struct page, lru) == offsetof(Page, words));
static_assert(PAGE_SIZE == kmem::kPageSize && MAX_PAGE_ORDER == kmem::kMaxOrder);
static_assert(ZONE_DMA == static_cast<int>(kmem::ZoneKind::Dma) &&
              ZONE_DMA32 == static_cast<int>(kmem::ZoneKind::Dma32) &&
              ZONE_NORMAL == static_cast<int>(kmem::ZoneKind::Normal) &&
              ZONE_HIGHMEM == static_cast<int>(kmem::ZoneKind::HighMem));
static_assert(__GFP_DMA == kmem::gfp::kDma && __GFP_HIGHMEM == kmem::gfp::kHighMem &&
              __GFP_DMA32 == kmem::gfp::kDma32 && __GFP_HIGH == kmem::gfp::kHigh &&
              __GFP_DIRECT_RECLAIM == kmem::gfp::kDirectReclaim && __GFP_NOWARN == kmem::gfp::kNoWarn &&
              __GFP_NOFAIL == kmem::gfp::kNoFail && __GFP_NORETRY == kmem::gfp::kNoRetry &&
              __GFP_ZERO == kmem::gfp::kZero && __GFP_THISNODE == kmem::gfp::kThisNode &&
              __GFP_MEMALLOC == kmem::gfp::kMemAlloc && __GFP_NOMEMALLOC == kmem::gfp::kNoMemAlloc &&
              __GFP_COLD == kmem::gfp::kCold && GFP_KERNEL == kmem::gfp::kKernel && GFP_ATOMIC == kmem::gfp::kAtomic);

extern "C" {

// Frames, descriptors, addresses -----------------------------------------------------------------------------------

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

void* page_address(const struct page* page) noexcept { return kmem::system().kmap.address(&descriptor(page)); }

int page_to_nid(const struct page* page) noexcept {
  const kmem::Zone* zone = pages().zone_of(pfn_of(page));
  return zone ? zone->node().value : NUMA_NO_NODE;
}

enum zone_type page_zonenum(const struct page* page) noexcept {
  const kmem::Zone* zone = pages().zone_of(pfn_of(page));
  return zone ? static_cast<enum zone_type>(zone->kind()) : MAX_NR_ZONES;
}

// Blocks by address ------------------------------------------------------------------------------------------------

unsigned long __get_free_pages(gfp_t flags, unsigned int order) noexcept {
  struct page* page = alloc_pages(flags_for_addresses(flags), order);
  return page ? reinterpret_cast<unsigned long>(pages().address(pfn_of(page))) : 0;
}

void free_pages(unsigned long address, unsigned int order) noexcept {
  if (!address) return;
  struct page* page = virt_to_page(address);
  if (page && !offset_in_page(address)) return __free_pages(page, order);
  kmem::bug_report(kmem::Trouble::Bug, "free_pages: address %#lx, order %u, was never given out", address, order);
}

void* alloc_pages_exact(size_t bytes, gfp_t flags) noexcept {
  return alloc_pages_exact_node(NUMA_NO_NODE, bytes, flags);
}

void* alloc_pages_exact_node(int nid, size_t bytes, gfp_t flags) noexcept {
  if (bytes == 0 || bytes > (PAGE_SIZE << MAX_PAGE_ORDER)) return nullptr;
  const unsigned order = static_cast<unsigned>(get_order(bytes));
  struct page* page = alloc_pages_node(nid, flags_for_addresses(flags) & ~__GFP_COMP, order);
  if (!page) return nullptr;
  split_page(page, order);
  for (size_t i = PAGE_ALIGN(bytes) >> PAGE_SHIFT; i < size_t{1} << order; ++i) __free_pages(page + i, 0);
  return page_address(page);
}

void free_pages_exact(void* address, size_t bytes) noexcept {
  const unsigned long begin = reinterpret_cast<unsigned long>(address);
  for (size_t done = 0; done < bytes; done += PAGE_SIZE) free_pages(begin + done, 0);
}

unsigned long alloc_pages_bulk(gfp_t flags, unsigned long nr_pages, struct page** array) noexcept {
  unsigned long n = 0;
  for (; n < nr_pages; ++n) {
    if (!array[n]) array[n] = alloc_pages(flags, 0);
    if (!array[n]) break;
  }
  return n;
}

// Holders ----------------------------------------------------------------------------------------------------------

int page_count(const struct page* page) noexcept {
  const Page& p = descriptor(page);
  return p.kind() == PageKind::None ? 0 : static_cast<int>(Page::refs_of(p.head.load()));
}

void get_page(struct page* page) noexcept {
  if (is_held(page, "get_page")) descriptor(page).head.fetch_add(1);
}

void put_page(struct page* page) noexcept {
  if (!is_held(page, "put_page")) return;
  Page& p = descriptor(page);
  uint64_t head = p.head.load();
  while (Page::refs_of(head) > 1)
    if (p.head.compare_exchange(head, head - 1)) return;
  __free_pages(page, Page::order_of(head).value);
}

void split_page(struct page* page, unsigned int order) noexcept {
  if (!is_held(page, "split_page")) return;
  const uint64_t head = descriptor(page).head.load();
  if (Page::order_of(head).value != order) {
    kmem::bug_report(kmem::Trouble::Bug, "split_page: pfn %#lx has order %u, not %u", page_to_pfn(page),
                     unsigned{Page::order_of(head).value}, order);
    return;
  }
  // The tails belong to the block's owner, and nobody else looks at them before they are blocks of their own.
  const uint64_t single = Page::pack(PageKind::Block, Page::zone_of(head), Order{0}, Page::refs_of(head));
  for (size_t i = 0; i < size_t{1} << order; ++i) descriptor(page + i).head.store(single);
}

void free_hot_page(struct page* page) noexcept { __free_pages(page, 0); }

void free_cold_page(struct page* page) noexcept {
  if (!pages().free(&descriptor(page), Order{0}, true)) __free_pages(page, 0);  // which says what is wrong
}

}  // extern "C"
