// Natural alignment, whatever watches over the memory: a block of kmalloc's lies at a multiple of the largest power of two
// that divides its size, an object at a multiple of what its cache was made with, an area at what was asked for.
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int faults;

static void look(const void* p, size_t align, size_t size, const char* what) {
  if (p && !((uintptr_t)p & (align - 1))) return;
  if (++faults < 40) printf("%s of %zu bytes: %p, wanted a multiple of %zu\n", what, size, p, align);
}

static size_t natural(size_t size) { return size & -size; }

enum { MOST = 24 };

/* So many that several slabs are needed, and no more than a few MiB. */
static int several(size_t size) {
  size_t n = (2 << 20) / size;
  return n < 2 ? 2 : n > MOST ? MOST : (int)n;
}

static void blocks(size_t size) {
  void *p[MOST], *grown[MOST];
  int n = several(size);

  for (int i = 0; i < n; i++) {
    p[i] = i % 3 == 1 ? kzalloc(size, GFP_ATOMIC) : i % 3 ? kmalloc_node(size, GFP_KERNEL, 0) : kmalloc(size, GFP_KERNEL);
    look(p[i], natural(size), size, "kmalloc");
    if (p[i]) memset(p[i], 0x5a, size);
  }
  for (int i = 0; i < n; i++) {
    /* to the next power of two, to one and a half times, and to half */
    size_t to = i % 3 == 0 ? size * 2 : i % 3 == 1 ? size + size / 2 : size / 2;

    if (to > KMALLOC_MAX_SIZE || !to) to = size;
    grown[i] = krealloc(p[i], to, GFP_KERNEL);
    look(grown[i], natural(to), to, "krealloc");
    if (grown[i] && to && *(unsigned char*)grown[i] != 0x5a && ++faults)
      printf("krealloc of %zu to %zu: not a copy\n", size, to);
  }
  for (int i = 0; i < n; i++) kfree(grown[i]);
  for (int i = 0; i < n; i++)
    look(p[i] = kvmalloc(size, GFP_KERNEL), size < PAGE_SIZE ? natural(size) : PAGE_SIZE, size, "kvmalloc");
  for (int i = 0; i < n; i++) kvfree(p[i]);
}

static void pools(size_t size) {
  mempool_t* pool = mempool_create_kmalloc_pool(2, size);
  void* p[4];

  if (!pool && ++faults) {
    printf("no pool of %zu bytes\n", size);
    return;
  }
  for (int i = 0; i < 4; i++) look(p[i] = mempool_alloc(pool, GFP_KERNEL), natural(size), size, "mempool_alloc");
  for (int i = 0; i < 4; i++) mempool_free(p[i], pool);
  mempool_destroy(pool);
}

static void caches(size_t size, size_t align, slab_flags_t flags) {
  struct kmem_cache* cache = (kmem_cache_create)("aligned", size, align, flags, NULL);
  mempool_t* pool;
  void* p[MOST];
  int n = several(size > align ? size : align);

  if (!cache && ++faults) {
    printf("no cache of %zu bytes at %zu\n", size, align);
    return;
  }
  if (n != kmem_cache_alloc_bulk(cache, GFP_KERNEL, n, p) && ++faults) {
    printf("no %d objects of %zu bytes at %zu\n", n, size, align);
    return;
  }
  for (int i = 0; i < n; i++) {
    look(p[i], align, size, "kmem_cache_alloc");
    memset(p[i], 0x5a, size);
  }
  kmem_cache_free_bulk(cache, n, p);
  pool = mempool_create_slab_pool(2, cache);
  for (int i = 0; i < 3; i++) look(p[i] = mempool_alloc(pool, GFP_KERNEL), align, size, "mempool_alloc");
  for (int i = 0; i < 3; i++) mempool_free(p[i], pool);
  mempool_destroy(pool);
  if (kmem_cache_destroy(cache) && ++faults) printf("the cache of %zu bytes at %zu stays\n", size, align);
}

static void areas(size_t size, size_t align) {
  void* p[3];

  for (int i = 0; i < 3; i++)
    look(p[i] = __vmalloc_node(size, align, GFP_KERNEL, NUMA_NO_NODE, NULL), align, size, "__vmalloc_node");
  for (int i = 0; i < 3; i++) vfree(p[i]);
}

int main(void) {
  for (size_t size = 8; size <= KMALLOC_MAX_SIZE; size *= 2) {
    blocks(size);
    if (size <= KMALLOC_MAX_SIZE / 4 * 3 && size >= 16) {
      blocks(size / 2 * 3 > KMALLOC_MAX_SIZE ? size : size / 2 * 3);
      blocks(size / 8 * 5 + (size < 64 ? 8 : 0));
    }
    pools(size);
    for (size_t align = 8; align <= KMALLOC_MAX_SIZE && size <= 256 << 10; align *= 8)
      caches(size - (align < size ? 3 : 0), align, align % 128 ? 0 : SLAB_HWCACHE_ALIGN);
  }
  for (size_t size = 512 << 10; size <= KMALLOC_MAX_SIZE; size *= 2) caches(size - 3, 64, 0);
  caches(48, 64, SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER);
  caches(5000, 8192, SLAB_RED_ZONE);
  caches(100, 4096, SLAB_TYPESAFE_BY_RCU);
  for (size_t align = 1; align <= 256 << 20; align *= 2) {
    areas(5000, align);
    areas(3 << 20, align);
  }
  printf("%d faults\n", faults);
  return faults != 0;
}
