// alloc_pages() and __free_pages().

#include <linux/gfp.h>
#include <linux/mm.h>

#include "api/system.h"
#include "api/trouble.h"
#include "page/fast_path.h"
#include "page/gfp_context.h"
#include "watch/report.h"

namespace {

using kmem::Order;
using kmem::Page;
using kmem::PageKind;

struct page* public_name(Page* page) { return reinterpret_cast<struct page*>(page); }
Page* descriptor(struct page* page) { return reinterpret_cast<Page*>(page); }

KMEM_NOINLINE struct page* alloc_slowly(gfp_t flags, unsigned int order, int nid, const void* site) {
  if (!kmem::boot()) return nullptr;
  flags = kmem::effective_gfp(flags, site, "alloc_pages");
  Page* page = order > kmem::kMaxOrder ? nullptr : kmem::system().pages.alloc(flags, Order{static_cast<uint8_t>(order)}, nid);
  if (KMEM_UNLIKELY(!page)) kmem::report_failure("alloc_pages", size_t{kmem::kPageSize} << (order & 31), flags);
  return public_name(page);
}

KMEM_NOINLINE void free_slowly(struct page* page, unsigned int order) {
  kmem::PageAllocator& pages = kmem::system().pages;
  Page* p = descriptor(page);
  const kmem::Pfn pfn = pages.pfn_of(p);
  const bool known = pages.is_online(pfn);
  const uint64_t head = known ? p->head.load() : 0;
  if (known && Page::kind_of(head) == PageKind::Block && Page::refs_of(head) > 1 && Page::order_of(head).value == order)
    return put_page(page);
  if (known && pages.free(p, Order{static_cast<uint8_t>(order)})) return;
  const auto number = static_cast<unsigned long long>(pfn.value);
  if (!known) return kmem::bug_report(kmem::Trouble::Bug, "__free_pages: %p is no page descriptor", static_cast<void*>(page));
  if (Page::kind_of(head) != PageKind::Block)
    return kmem::bug_report(kmem::Trouble::Bug, "__free_pages: pfn %#llx, order %u: it is not allocated; a double free?", number,
                            order);
  kmem::bug_report(kmem::Trouble::Bug, "__free_pages: pfn %#llx was allocated with order %u and freed with order %u; it stays",
                   number, unsigned{Page::order_of(head).value}, order);
}

}  // namespace

extern "C" {

struct page* alloc_pages(gfp_t flags, unsigned int order) noexcept {
  Page* page = kmem::fast::alloc_page(flags, order);
  return KMEM_LIKELY(page != nullptr) ? public_name(page) : alloc_slowly(flags, order, kmem::kNoNode, __builtin_return_address(0));
}

struct page* alloc_pages_node(int nid, gfp_t flags, unsigned int order) noexcept {
  return alloc_slowly(flags, order, nid, __builtin_return_address(0));
}

void __free_pages(struct page* page, unsigned int order) noexcept {
  if (KMEM_LIKELY(kmem::fast::free_page(descriptor(page), order))) return;
  if (page) free_slowly(page, order);
}

}  // extern "C"
