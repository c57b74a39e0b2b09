// alloc_pages() and __free_pages(), and blocks of pages by address.

#include <linux/gfp.h>
#include <linux/mm.h>

#include "on_behalf.h"
#include "page/fast_path.h"
#include "page/gfp_context.h"
#include "sleeping.h"
#include "system/system.h"
#include "system/trouble.h"
#include "watch/profile.h"
#include "watch/report.h"

namespace {

using kmem::Order;
using kmem::Page;
using kmem::PageKind;

struct page* public_name(Page* page) {
  return reinterpret_cast<struct page*>(page);
}
Page* descriptor(struct page* page) { return reinterpret_cast<Page*>(page); }

/// Any free of a page with this mark is slow, and seen.
void count_for_profile(Page* page, Order order) {
  if (!kmem_profile.is_on() || !kmem_profile.take_due(order.bytes())) return;
  page->head.fetch_or(Page::kSampled);
  kmem_profile.record(page, order.bytes());
}

KMEM_NOINLINE struct page* alloc_slowly(gfp_t flags, unsigned int order, int nid, const void* site) {
  if (nid == kmem::kNoNode)
    if (Page* page = kmem::fast::alloc_page<kmem::CpuStack::Own>(flags, order)) return public_name(page);
  if (!kmem::boot()) return nullptr;
  flags = kmem::effective_gfp(flags, site, "alloc_pages");
  kmem::follow_profile();
  Page* page = order > kmem::kMaxOrder ? nullptr : kmem::system().pages.alloc(flags, Order{static_cast<uint8_t>(order)}, nid);
  if (KMEM_LIKELY(page != nullptr)) count_for_profile(page, Order{static_cast<uint8_t>(order)});
  else kmem::report_failure("alloc_pages", size_t{kmem::kPageSize} << (order & 31), flags);
  return public_name(page);
}

KMEM_NOINLINE void free_slowly(struct page* page, unsigned int order) {
  if (kmem::fast::free_page<kmem::CpuStack::Own>(descriptor(page), order)) return;
  kmem::PageAllocator& pages = kmem::system().pages;
  Page* p = descriptor(page);
  const kmem::Pfn pfn = pages.pfn_of(p);
  const bool known = pages.is_descriptor(p);
  const uint64_t head = known ? p->head.load() : 0;
  if (known && Page::kind_of(head) == PageKind::Block && Page::refs_of(head) > 1 && Page::order_of(head).value == order)
    return put_page(page);
  if (known && pages.free(p, Order{static_cast<uint8_t>(order)})) return;
  const auto number = static_cast<unsigned long long>(pfn.value);
  if (!known)
    return kmem::bug_report(kmem::Trouble::Bug, "__free_pages: %p is not a page descriptor", static_cast<void*>(page));
  if (Page::kind_of(head) != PageKind::Block)
    return kmem::bug_report(kmem::Trouble::Bug, "__free_pages: pfn %#llx, order %u: it is not allocated; a double free?",
                            number, order);
  if (head & Page::kReserved)
    return kmem::bug_report(kmem::Trouble::Bug, "__free_pages: pfn %#llx is reserved (SetPageReserved); it stays", number);
  kmem::bug_report(kmem::Trouble::Bug, "__free_pages: pfn %#llx was allocated with order %u and freed with order %u; it stays",
                   number, unsigned{Page::order_of(head).value}, order);
}

/// Drops __GFP_HIGHMEM, which pages by address cannot have; the kernel warns and drops it too.
gfp_t flags_for_addresses(gfp_t flags) { return flags & ~__GFP_HIGHMEM; }

}  // namespace

static_assert(MAX_PAGE_ORDER == kmem::kMaxOrder);
static_assert(ZONE_DMA == static_cast<int>(kmem::ZoneKind::Dma) && ZONE_DMA32 == static_cast<int>(kmem::ZoneKind::Dma32) &&
              ZONE_NORMAL == static_cast<int>(kmem::ZoneKind::Normal) &&
              ZONE_HIGHMEM == static_cast<int>(kmem::ZoneKind::HighMem));
static_assert(__GFP_DMA == kmem::gfp::kDma && __GFP_HIGHMEM == kmem::gfp::kHighMem && __GFP_DMA32 == kmem::gfp::kDma32 &&
              __GFP_HIGH == kmem::gfp::kHigh && __GFP_DIRECT_RECLAIM == kmem::gfp::kDirectReclaim &&
              __GFP_NOWARN == kmem::gfp::kNoWarn && __GFP_NOFAIL == kmem::gfp::kNoFail &&
              __GFP_NORETRY == kmem::gfp::kNoRetry && __GFP_ZERO == kmem::gfp::kZero &&
              __GFP_THISNODE == kmem::gfp::kThisNode && __GFP_MEMALLOC == kmem::gfp::kMemAlloc &&
              __GFP_NOMEMALLOC == kmem::gfp::kNoMemAlloc && __GFP_COLD == kmem::gfp::kCold &&
              GFP_KERNEL == kmem::gfp::kKernel && GFP_ATOMIC == kmem::gfp::kAtomic);

extern "C" {

struct page* alloc_pages(gfp_t flags, unsigned int order) noexcept {
  Page* page = kmem::fast::alloc_page(flags, order);
  return KMEM_LIKELY(page != nullptr) ? public_name(page)
                                      : alloc_slowly(flags, order, kmem::kNoNode, __builtin_return_address(0));
}

/// For functions that allocate for their caller, to which a mistake in the flags is attributed.
KMEM_HIDDEN struct page* kmem_alloc_pages_from(int nid, gfp_t flags, unsigned int order, const void* site) {
  Page* page = nid == kmem::kNoNode ? kmem::fast::alloc_page(flags, order) : nullptr;
  return page ? public_name(page) : alloc_slowly(flags, order, nid, site);
}

struct page* alloc_pages_node(int nid, gfp_t flags, unsigned int order) noexcept {
  return alloc_slowly(flags, order, nid, __builtin_return_address(0));
}

void __free_pages(struct page* page, unsigned int order) noexcept {
  if (KMEM_LIKELY(kmem::fast::free_page(descriptor(page), order))) return;
  if (page) free_slowly(page, order);
}

// By address --------------------------------------------------------------------------------------------------------

unsigned long __get_free_pages(gfp_t flags, unsigned int order) noexcept {
  struct page* page = kmem_alloc_pages_from(NUMA_NO_NODE, flags_for_addresses(flags), order, __builtin_return_address(0));
  return page ? reinterpret_cast<unsigned long>(page_address(page)) : 0;
}

void free_pages(unsigned long address, unsigned int order) noexcept {
  if (!address) return;
  struct page* page = virt_to_page(address);
  if (page && !offset_in_page(address)) return __free_pages(page, order);
  kmem::bug_report(kmem::Trouble::Bug, "free_pages: address %#lx, order %u, was not allocated", address, order);
}

void* alloc_pages_exact(size_t bytes, gfp_t flags) noexcept {
  return alloc_pages_exact_node(NUMA_NO_NODE, bytes, KMEM_GFP_HERE(flags));
}

void* alloc_pages_exact_node(int nid, size_t bytes, gfp_t flags) noexcept {
  if (bytes == 0 || bytes > (PAGE_SIZE << MAX_PAGE_ORDER)) return nullptr;
  const unsigned order = static_cast<unsigned>(get_order(bytes));
  struct page* page = kmem_alloc_pages_from(nid, flags_for_addresses(flags) & ~__GFP_COMP, order, __builtin_return_address(0));
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
    if (!array[n]) array[n] = kmem_alloc_pages_from(NUMA_NO_NODE, flags, 0, __builtin_return_address(0));
    if (!array[n]) break;
  }
  return n;
}

unsigned long alloc_pages_bulk_node(gfp_t flags, int nid, unsigned long nr_pages, struct page** array) noexcept {
  unsigned long n = 0;
  for (; n < nr_pages; ++n) {
    if (!array[n]) array[n] = kmem_alloc_pages_from(nid, flags, 0, __builtin_return_address(0));
    if (!array[n]) break;
  }
  return n;
}

unsigned long alloc_pages_bulk_list(gfp_t flags, int nr_pages, struct list_head* list) noexcept {
  unsigned long n = 0;
  for (; nr_pages > 0 && n < static_cast<unsigned long>(nr_pages); ++n) {
    struct page* page = kmem_alloc_pages_from(NUMA_NO_NODE, flags, 0, __builtin_return_address(0));
    if (!page) break;
    page->lru = {list->next, list};
    list->next->prev = &page->lru;
    list->next = &page->lru;
  }
  return n;
}

}  // extern "C"
