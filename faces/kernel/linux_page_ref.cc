// Reference counts of pages.

#include <linux/mm.h>
#include <linux/page_ref.h>

#include "page/page.h"

extern "C" {

int page_ref_count(const struct page* page) noexcept { return page_count(page); }

void page_ref_add(struct page* page, int n) noexcept {
  for (int i = 0; i < n; ++i) get_page(page);
}

bool get_page_unless_zero(struct page* page) noexcept {
  using kmem::Page;
  kmem::Atomic<uint64_t>& word = reinterpret_cast<Page*>(compound_head(page))->head;
  for (uint64_t head = word.load(); Page::kind_of(head) == kmem::PageKind::Block && Page::refs_of(head);)
    if (word.compare_exchange(head, head + 1)) return true;
  return false;
}

}  // extern "C"
