// References to pages, and queries about them.

#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/mm.h>

#include "system/system.h"
#include "watch/report.h"

namespace {

using kmem::Order;
using kmem::Page;
using kmem::PageKind;
using kmem::Pfn;

kmem::PageAllocator& pages() { return kmem::system().pages; }
Page& descriptor(const struct page* page) { return *reinterpret_cast<Page*>(const_cast<struct page*>(page)); }
Pfn pfn_of(const struct page* page) { return pages().pfn_of(&descriptor(page)); }

/// The first page of a compound block, which has the reference count.
struct page* first_of(struct page* page) {
  if (KMEM_UNLIKELY(!pages().is_descriptor(page))) return page;
  const Page& p = descriptor(page);
  return KMEM_UNLIKELY(p.kind() == PageKind::Tail) ? page - Page::refs_of(p.head.peek()) : page;
}

/// Is it the first page of a block that is in use? Reports other pages.
bool is_held(const struct page* page, const char* who) {
  const Page& p = descriptor(page);
  if (pages().is_descriptor(page) && p.kind() == PageKind::Block && Page::refs_of(p.head.peek())) return true;
  kmem::bug_report(kmem::Trouble::Bug, "%s: page %p (pfn %#lx) is not the first of an allocated block", who,
                   static_cast<const void*>(page), page_to_pfn(page));
  return false;
}

}  // namespace

static_assert(sizeof(struct page) == sizeof(Page) && offsetof(struct page, lru) == offsetof(Page, words));

extern "C" {

void* page_address(const struct page* page) noexcept {
  return KMEM_LIKELY(pages().is_descriptor(page)) ? kmem::system().kmap.address(&descriptor(page)) : nullptr;
}

int page_to_nid(const struct page* page) noexcept {
  const kmem::Zone* zone = pages().is_descriptor(page) ? pages().zone_of(pfn_of(page)) : nullptr;
  return zone ? zone->node().value : NUMA_NO_NODE;
}

enum zone_type page_zonenum(const struct page* page) noexcept {
  const kmem::Zone* zone = pages().zone_of(pfn_of(page));
  return zone ? static_cast<enum zone_type>(zone->kind()) : MAX_NR_ZONES;
}

// Holders ----------------------------------------------------------------------------------------------------------

int page_count(const struct page* page) noexcept {
  if (!pages().is_descriptor(page)) return 0;
  const Page& p = descriptor(first_of(const_cast<struct page*>(page)));
  return p.kind() == PageKind::None ? 0 : static_cast<int>(Page::refs_of(p.head.load()));
}

void get_page(struct page* page) noexcept {
  page = first_of(page);
  if (is_held(page, "get_page")) descriptor(page).head.fetch_add(1);
}

void put_page(struct page* page) noexcept {
  page = first_of(page);
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
  if (head & Page::kCompound) {
    kmem::bug_report(kmem::Trouble::Bug, "split_page: pfn %#lx is a compound block (__GFP_COMP), which stays whole",
                     page_to_pfn(page));
    return;
  }
  // The tails belong to the block's owner, and no other task uses them before they are separate blocks.
  const uint64_t single = Page::pack(PageKind::Block, Page::zone_of(head), Order{0}, Page::refs_of(head));
  // A heap profile knows the whole block by its first page.
  for (size_t i = 0; i < size_t{1} << order; ++i) descriptor(page + i).head.store(single | (i ? 0 : head & Page::kSampled));
}

void free_hot_page(struct page* page) noexcept { __free_pages(page, 0); }

void free_cold_page(struct page* page) noexcept {
  const bool known = pages().is_descriptor(page);
  if (!known || !pages().free(&descriptor(page), Order{0}, kmem::Heat::Cold)) __free_pages(page, 0);  // reports the mistake
}

// Sums over zones ---------------------------------------------------------------------------------------------------

}  // extern "C"

namespace {

template <typename Of>
unsigned long sum_over_zones(Of of) {
  unsigned long sum = 0;
  for (unsigned i = 0; kmem::boot() && i < pages().nr_zones(); ++i) sum += of(pages().zone(i));
  return sum;
}
bool is_high(const kmem::Zone& zone) { return zone.kind() == kmem::ZoneKind::HighMem; }

kmem::Atomic<struct page*> zero_page;

}  // namespace

extern "C" {

unsigned long totalram_pages() noexcept {
  return sum_over_zones([](const kmem::Zone& zone) { return zone.nr_frames(); });
}
unsigned long nr_free_pages() noexcept {
  return sum_over_zones([](const kmem::Zone& zone) { return zone.nr_available(); });
}
unsigned long nr_free_buffer_pages() noexcept {
  return sum_over_zones([](const kmem::Zone& zone) { return is_high(zone) ? 0 : zone.nr_available(); });
}
long si_mem_available() noexcept {
  return static_cast<long>(sum_over_zones([](const kmem::Zone& zone) {
    const uint64_t free = zone.nr_available();
    return free > zone.marks().low ? free - zone.marks().low : 0;
  }));
}

// If two tasks allocate it at the same time, one frees its page again.
struct page* kmem_zero_page() noexcept {
  struct page* seen = zero_page.load();
  if (seen) return seen;
  struct page* mine = alloc_pages(GFP_ATOMIC | __GFP_ZERO, 0);
  if (!mine) return nullptr;
  if (!zero_page.compare_exchange(seen, mine)) {
    __free_pages(mine, 0);
    return seen;
  }
  SetPageReserved(mine);
  return mine;
}

}  // extern "C"
