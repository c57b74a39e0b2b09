/* Packets of a few hundred bytes, cut from pages one after the other; a page goes back with its last piece. */
#include <linux/page_frag_cache.h>

#include <stdio.h>
#include <string.h>

int main(void) {
  struct page_frag_cache fragments;
  char* packets[20];
  page_frag_cache_init(&fragments);
  for (int i = 0; i < 20; ++i) {
    packets[i] = page_frag_alloc(&fragments, 300, GFP_ATOMIC);
    if (packets[i]) snprintf(packets[i], 300, "packet %d", i);
  }
  printf("%s lies %td bytes beside the first\n", packets[1],
         packets[1] > packets[0] ? packets[1] - packets[0] : packets[0] - packets[1]);
  for (int i = 0; i < 20; ++i) page_frag_free(packets[i]);
  page_frag_cache_drain(&fragments);
  return 0;
}
