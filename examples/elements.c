/* A reserve for requests that must go on: over a cache, over kmalloc(), and over functions of one's own. */
#include <linux/mempool.h>
#include <linux/slab.h>

#include <stdio.h>

struct request {
  int number;
  char data[200];
};

static int nr_made;
static void* make_request(gfp_t flags, void* pool_data) {
  (void)pool_data;
  ++nr_made;
  return kmalloc(sizeof(struct request), flags);
}
static void free_request(void* element, void* pool_data) {
  (void)pool_data;
  kfree(element);
}

/** Takes one and gives it back.  With GFP_NOIO the element is never NULL: the caller waits for one to come back. */
static int use(mempool_t* pool) {
  if (!pool) return 1;
  void* element = mempool_alloc(pool, GFP_NOIO);
  mempool_free(element, pool);
  mempool_destroy(pool);
  return 0;
}

int main(void) {
  struct kmem_cache* cache = kmem_cache_create("request", sizeof(struct request), 0, 0, NULL);
  if (!cache || use(mempool_create_slab_pool(4, cache))) return 1;
  kmem_cache_destroy(cache);
  if (use(mempool_create_kmalloc_pool(4, sizeof(struct request)))) return 1;
  if (use(mempool_create(4, make_request, free_request, NULL))) return 1;
  printf("%d requests were made, four of them for the reserve\n", nr_made);
  return 0;
}
