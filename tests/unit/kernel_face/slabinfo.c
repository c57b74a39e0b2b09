/* Prints slabinfo while 100 objects of a cache are out: for slabtop_check. */
#include <kmem/stats.h>
#include <linux/slab.h>
#include <stdio.h>
#include <stdlib.h>

int main(void) {
  kmem_cache_t* cache = kmem_cache_create("seen_by_slabtop", 1000, 0, SLAB_NO_MERGE, NULL);
  void* objects[100];
  if (!kmem_cache_alloc_bulk(cache, GFP_KERNEL, 100, objects)) return 1;
  const size_t bytes = kmem_slabinfo(NULL, 0) + 4096;
  char* text = (char*)malloc(bytes);
  kmem_slabinfo(text, bytes);
  fputs(text, stdout);
  free(text);
  kmem_cache_free_bulk(cache, 100, objects);
  return kmem_cache_destroy(cache);
}
