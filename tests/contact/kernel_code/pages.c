/* Compound pages, marks of pages, folios, sums. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "check.h"

static void compound(void) {
  struct page* head = alloc_pages(GFP_KERNEL | __GFP_COMP, 3);
  CHECK(PageHead(head) && PageCompound(head) && !PageTail(head) && !PageSlab(head));
  CHECK(compound_order(head) == 3 && compound_nr(head) == 8 && page_size(head) == 8 * PAGE_SIZE);
  for (int i = 1; i < 8; ++i) {
    CHECK(compound_head(head + i) == head && PageTail(head + i) && PageCompound(head + i) && !PageHead(head + i));
    CHECK(compound_order(head + i) == 0 && page_count(head + i) == 1);
    CHECK(virt_to_head_page((char*)page_address(head) + i * PAGE_SIZE + 5) == head);
  }
  /* A tail's holders are the head's. */
  get_page(head + 5);
  CHECK(page_count(head) == 2 && page_ref_count(head + 7) == 2);
  __free_pages(head, 3);
  CHECK(page_count(head) == 1);
  SAYS("compound", split_page(head, 3));
  CHECK(compound_order(head) == 3);
  put_page(head + 2);
  CHECK(!PageCompound(head) && compound_head(head + 5) == head + 5);

  /* A block without the flag is single pages as far as this goes; order 0 is never compound. */
  head = alloc_pages(GFP_KERNEL, 2);
  CHECK(!PageCompound(head) && !PageCompound(head + 1) && compound_order(head) == 0 && page_size(head) == PAGE_SIZE);
  __free_pages(head, 2);
  head = alloc_pages(GFP_KERNEL | __GFP_COMP, 0);
  CHECK(!PageCompound(head) && compound_head(head) == head);
  __free_pages(head, 0);
}

static void slabs(void) {
  struct kmem_cache* cache = kmem_cache_create("slab-pages", 3000, 0, SLAB_NO_MERGE, NULL);
  char* object = (char*)kmem_cache_alloc(cache, GFP_KERNEL);
  struct page *page = virt_to_page(object + 2999), *head = virt_to_head_page(object + 2999);
  CHECK(PageSlab(page) && PageSlab(head) && !PageTail(head) && compound_nr(head) > 1);
  CHECK(head <= page && page < head + compound_nr(head));
  CHECK((char*)page_address(head) <= object && object + 3000 <= (char*)page_address(head) + page_size(head));
  kmem_cache_free(cache, object);
  kmem_cache_destroy(cache);
  CHECK(!PageSlab(head));

  /* So many caches that some have no class of their own. */
  for (int i = 0; i < 300; ++i) {
    cache = kmem_cache_create("shared-class", 1000 + 8 * (unsigned)i, 0, SLAB_NO_MERGE, NULL);
    object = (char*)kmem_cache_alloc(cache, GFP_KERNEL);
    CHECK(PageSlab(virt_to_page(object)) && virt_to_head_page(object) == compound_head(virt_to_page(object + 999)));
    if (i % 100) kmem_cache_free(cache, object), kmem_cache_destroy(cache);
  }

  char* large = (char*)kmalloc(5 * PAGE_SIZE, GFP_KERNEL);
  head = virt_to_page(large);
  CHECK(!PageSlab(head) && PageHead(head) && page_size(head) >= 5 * PAGE_SIZE);
  CHECK(virt_to_head_page(large + 4 * PAGE_SIZE + 1) == head && PageTail(virt_to_page(large + PAGE_SIZE)));
  kfree(large);
  CHECK(virt_to_head_page(&failures) == NULL);
}

static void marks(void) {
  struct page* page = alloc_page(GFP_KERNEL);
  CHECK(!PageReserved(page) && !PagePrivate(page) && !PageBuddy(page));
  SetPagePrivate(page);
  set_page_private(page, 7);
  CHECK(PagePrivate(page) && page_private(page) == 7);
  ClearPagePrivate(page);
  SetPageReserved(page);
  CHECK(PageReserved(page) && !PagePrivate(page));
  SAYS("is reserved", __free_page(page));
  SAYS("is reserved", put_page(page));
  CHECK(page_count(page) == 1);
  ClearPageReserved(page);
  CHECK(!PageReserved(page));
  SetPagePrivate(page);
  SAYS(NULL, __free_page(page));
  CHECK(!get_page_unless_zero(page));
  page = alloc_page(GFP_KERNEL);
  CHECK(!PagePrivate(page) && !PageReserved(page));
  CHECK(get_page_unless_zero(page) && page_ref_count(page) == 2);
  page_ref_add(page, 2);
  page_ref_inc(page);
  CHECK(page_count(page) == 5);
  for (int i = 0; i < 5; ++i) put_page(page);

  const unsigned char* zeros = (const unsigned char*)page_address(ZERO_PAGE(0));
  CHECK(ZERO_PAGE(4096) == ZERO_PAGE(0) && zeros[0] == 0 && memcmp(zeros, zeros + 1, PAGE_SIZE - 1) == 0);
  SAYS("is reserved", __free_page(ZERO_PAGE(0)));
}

static void folios(void) {
  struct folio* folio = folio_alloc(GFP_KERNEL, 2);
  struct page* page = folio_page(folio, 0);
  CHECK(folio_order(folio) == 2 && folio_nr_pages(folio) == 4 && folio_size(folio) == 4 * PAGE_SIZE);
  CHECK(page_folio(page + 3) == folio && virt_to_folio((char*)folio_address(folio) + 9000) == folio);
  CHECK(folio_ref_count(folio) == 1 && folio_nid(folio) == page_to_nid(page) && folio_pfn(folio) == page_to_pfn(page));
  folio_get(folio);
  CHECK(page_count(page) == 2);
  folio_put(folio);
  folio_put(folio);
  CHECK(page_count(page) == 0);
  void* object = kmalloc(8, GFP_KERNEL);
  CHECK(folio_test_slab(virt_to_folio(object)));
  kfree(object);
}

static void sums(void) {
  struct sysinfo info;
  si_meminfo(&info);
  CHECK(info.totalram == totalram_pages() && info.mem_unit == PAGE_SIZE && info.totalhigh == 0);
  CHECK(MAX_ORDER_NR_PAGES == 1024 && nr_free_buffer_pages() <= totalram_pages());
  const unsigned long before = nr_free_pages();
  const long available = si_mem_available();
  struct page* blocks[64];
  for (int i = 0; i < 64; ++i) blocks[i] = alloc_pages(GFP_KERNEL, 8);
  CHECK(nr_free_pages() + 64 * 256 <= before + 512 && nr_free_pages() + 64 * 256 + 512 >= before);
  CHECK(si_mem_available() + 64 * 256 <= available + 512);
  for (int i = 0; i < 64; ++i) __free_pages(blocks[i], 8);

  char* p = (char*)kmalloc(PAGE_SIZE, GFP_KERNEL);
  CHECK(page_to_virt(virt_to_page(p)) == p && page_to_phys(virt_to_page(p)) == virt_to_phys(p));
  kfree(p);
}

static void bulk(void) {
  struct page* pages[20] = {NULL};
  pages[3] = alloc_page(GFP_KERNEL);
  CHECK(alloc_pages_bulk_node(GFP_KERNEL, 0, 20, pages) == 20);
  for (int i = 0; i < 20; ++i) {
    CHECK(page_to_nid(pages[i]) == 0);
    __free_page(pages[i]);
  }
  struct list_head list = {&list, &list};
  CHECK(alloc_pages_bulk_list(GFP_KERNEL, 9, &list) == 9);
  int n = 0;
  while (list.next != &list) {
    struct page* page = (struct page*)(void*)((char*)list.next - offsetof(struct page, lru));
    list.next = list.next->next;
    __free_page(page), ++n;
  }
  CHECK(n == 9);
}

int main(void) {
  compound();
  slabs();
  marks();
  folios();
  sums();
  bulk();
  return failures != 0;
}
