// A bulk free whose first object is free already, of a size that is no power of two: the others are freed all the same.
// In line, as a compiler has it: the sequence's refusal once came out as a count of what was freed.
#include <linux/slab.h>
#include <stdio.h>

enum { kNr = 4 };

int main(void) {
  struct kmem_cache* cache = kmem_cache_create("odd", 200, 0, 0, NULL);
  void *object[kNr], *again[kNr];
  for (int i = 0; i < kNr; ++i) object[i] = kmem_cache_alloc(cache, GFP_KERNEL);
  kmem_cache_free(cache, object[0]);
  kmem_cache_free_bulk(cache, 3, object);
  kmem_cache_free(cache, object[3]);
  int same = 0;
  for (int i = 0; i < kNr; ++i) again[i] = kmem_cache_alloc(cache, GFP_KERNEL);
  for (int i = 0; i < kNr * kNr; ++i) same += again[i / kNr] == object[i % kNr];
  printf("%d of %d objects came back\n", same, kNr);
  return same != kNr;
}
