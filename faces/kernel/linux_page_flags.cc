// A page's block, and its flags.

#include <linux/mm.h>
#include <linux/page-flags.h>

#include "slab/tables.h"
#include "system/system.h"

namespace {

using kmem::Page;
using kmem::PageKind;
using kmem::Pfn;

kmem::PageAllocator& pages() { return kmem::system().pages; }
Page* descriptor(const struct page* page) { return reinterpret_cast<Page*>(const_cast<struct page*>(page)); }

/// A block of frames of which each later one leads to the first.
struct Whole {
  Page* head;
  uint64_t nr;
};

uint8_t class_of(Pfn pfn) { return kmem::system().world.frame_class[pfn.value]; }

Whole slab_of(Page* page, Pfn pfn, uint8_t c) {
  kmem::Heap& heap = kmem::system().heap;
  if (c == kmem::kSharedClass && page->kind() == PageKind::SlabTail) page -= page->aux;
  const kmem::Cache& cache = heap.cache(c == kmem::kSharedClass ? kmem::Slab::of(page).cache_id() : c);
  const uint64_t nr = cache.slabs().shape().order.pages();
  return {c == kmem::kSharedClass ? page : pages().page_at({kmem::round_down(pfn.value, nr)}), nr};
}

/// Searches downwards, because only the first frame of a kmalloc block holds the number of frames.
Whole run_around(Page* page, Pfn pfn) {
  constexpr uint64_t kLongest = uint64_t{1} << kmem::kMaxOrder;
  for (uint64_t back = 0; back < kLongest && back <= pfn.value; ++back) {
    const Pfn at{pfn.value - back};
    if (!pages().is_online(at) || class_of(at) != kmem::kNoClass) break;
    const Page* first = page - back;
    if (first->kind() == PageKind::Run) return first->aux > back ? Whole{page - back, first->aux} : Whole{page, 1};
    if (back && first->kind() == PageKind::Block) break;
  }
  return {page, 1};
}

Whole whole_of(Page* page) {
  const Pfn pfn = pages().pfn_of(page);
  if (!pages().is_online(pfn)) return {page, 1};
  if (const uint8_t c = class_of(pfn)) return slab_of(page, pfn, c);
  if (page->kind() == PageKind::Tail) page -= Page::refs_of(page->head.load());
  const uint64_t head = page->head.load();
  if (Page::kind_of(head) == PageKind::Block) return {page, head & Page::kCompound ? Page::order_of(head).pages() : 1};
  return run_around(page, pfn);
}

bool has(const struct page* page, uint64_t mark) { return descriptor(compound_head(page))->head.load() & mark; }
void mark(struct page* page, uint64_t bit, bool on) {
  kmem::Atomic<uint64_t>& head = descriptor(compound_head(page))->head;
  if (Page::kind_of(head.load()) != PageKind::Block) return;  // a slab's page or a free page has no owner that could mark it
  on ? head.fetch_or(bit) : head.fetch_and(~bit);
}

}  // namespace

extern "C" {

struct page* kmem_compound_head(const struct page* page) noexcept {
  return reinterpret_cast<struct page*>(whole_of(descriptor(page)).head);
}

unsigned long compound_nr(const struct page* page) noexcept {
  const Whole whole = whole_of(descriptor(page));
  return whole.head == descriptor(page) ? whole.nr : 1;
}

int PageSlab(const struct page* page) noexcept {
  const Pfn pfn = pages().pfn_of(descriptor(page));
  return pages().is_online(pfn) && class_of(pfn) != kmem::kNoClass;
}

int PageBuddy(const struct page* page) noexcept {
  const Pfn pfn = pages().pfn_of(descriptor(page));
  const kmem::Zone* zone = pages().zone_of(pfn);
  return zone && zone->is_online(pfn) && zone->frames().is_free(pfn);
}

int PageHead(const struct page* page) noexcept { return compound_nr(page) > 1; }
int PageTail(const struct page* page) noexcept { return whole_of(descriptor(page)).head != descriptor(page); }

int PageReserved(const struct page* page) noexcept { return has(page, Page::kReserved); }
void SetPageReserved(struct page* page) noexcept { mark(page, Page::kReserved, true); }
void ClearPageReserved(struct page* page) noexcept { mark(page, Page::kReserved, false); }
int PagePrivate(const struct page* page) noexcept { return has(page, Page::kPrivate); }
void SetPagePrivate(struct page* page) noexcept { mark(page, Page::kPrivate, true); }
void ClearPagePrivate(struct page* page) noexcept { mark(page, Page::kPrivate, false); }

}  // extern "C"
