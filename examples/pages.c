/* A ring buffer for a device: whole pages, contiguous also for the device, at an address that it can reach. */
#include <linux/gfp.h>
#include <linux/mm.h>

#include <stdio.h>
#include <string.h>

int main(void) {
  const unsigned long ring_bytes = 50000;
  const unsigned int order = (unsigned int)get_order(ring_bytes);
  const unsigned long ring = __get_free_pages(GFP_KERNEL | GFP_DMA | __GFP_ZERO, order);
  if (!ring) return 1;
  printf("%lu bytes need order %u: %lu pages\n", ring_bytes, order, 1UL << order);
  printf("the device is told to use %#llx to %#llx, below 16 MiB\n", (unsigned long long)__pa(ring),
         (unsigned long long)__pa(ring) + (PAGE_SIZE << order) - 1);

  /* A block of 2^order pages can be shared page by page after it is split. */
  struct page* page = virt_to_page(ring);
  split_page(page, order);
  get_page(page + 3); /* somebody else still reads the fourth page */
  for (unsigned long i = 0; i < 1UL << order; ++i) put_page(page + i);
  printf("all but one page are free; its %d holder is the reader\n", page_count(page + 3));
  put_page(page + 3);

  /* Exactly as many pages as are needed: what 2^order has too many goes back at once. */
  void* exact = alloc_pages_exact(ring_bytes, GFP_KERNEL);
  if (!exact) return 1;
  memset(exact, 0, ring_bytes);
  free_pages_exact(exact, ring_bytes);
  return 0;
}
