/* What kmem says of itself: caches in the format of /proc/slabinfo, free blocks in that of /proc/buddyinfo. */
#include <kmem/stats.h>
#include <linux/slab.h>

#include <stdio.h>
#include <string.h>

static int show(const char* title, size_t (*text)(char*, size_t)) {
  const size_t room = text(NULL, 0) + 4096;
  char* buffer = kmalloc(room, GFP_KERNEL);
  if (!buffer) return 1;
  const size_t length = text(buffer, room);
  printf("--- %s\n%s", title, buffer);
  kfree(buffer);
  return length == 0 || length >= room;
}

struct book {
  char title[100];
  int year;
};

int main(void) {
  struct kmem_cache* books = KMEM_CACHE(book, 0);
  void* shelf[200];
  if (!books || kmem_cache_alloc_bulk(books, GFP_KERNEL, 200, shelf) != 200) return 1;

  int failed = show("slabinfo", kmem_slabinfo);
  failed |= show("buddyinfo", kmem_buddyinfo);
  failed |= show("meminfo", kmem_meminfo);

  kmem_cache_free_bulk(books, 200, shelf);
  return kmem_cache_destroy(books) || failed;
}
