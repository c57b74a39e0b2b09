// The reserve is for who may go below the min mark: what such a caller frees, whatever it was, is no ordinary caller's.
// Boot with little memory (mem=).
#include <linux/gfp.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 18, TRIES = 1 << 18, POOL = 4 };
#define ORDINARY (GFP_NOWAIT | __GFP_NOWARN)
#define PATIENT (GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN)
#define URGENT (GFP_ATOMIC | __GFP_NOWARN)

static struct page* taken[MOST];
static size_t nr_taken;
static struct kmem_cache* cache;
static mempool_t* pool;
static int faults;

/* How each kind of memory is taken and given back. */
static void* take_page(gfp_t flags) { return alloc_page(flags); }
static void give_page(void* p) { __free_page(p); }
static void give_cold(void* p) { free_cold_page(p); }
static void* take_run(gfp_t flags) { return kmalloc(12000, flags); }
static void* take_object(gfp_t flags) { return kmem_cache_alloc(cache, flags); }
static void give_object(void* p) { kmem_cache_free(cache, p); }
static void* take_block(gfp_t flags) { return kmalloc(4096, flags); }
static void* take_small(gfp_t flags) { return kmalloc(200, flags); }
static void* take_large(gfp_t flags) { return kmalloc(8192, flags); }
static void give_block(void* p) { kfree(p); }
static void* take_area(gfp_t flags) { return __vmalloc(5000, flags); }
static void give_area(void* p) { vfree(p); }
static void* take_element(gfp_t flags) { return mempool_alloc(pool, flags & ~__GFP_DIRECT_RECLAIM); }
static void give_element(void* p) { mempool_free(p, pool); }

static const struct kind {
  const char* name;
  void* (*take)(gfp_t flags);
  void (*give)(void* p);
} kinds[] = {
    {"pages", take_page, give_page},
    {"cold pages", take_page, give_cold},
    {"runs", take_run, give_block},
    {"objects", take_object, give_object},
    {"blocks of 4096", take_block, give_block},
    {"blocks of 200", take_small, give_block},
    {"blocks of 8192", take_large, give_block},
    {"areas", take_area, give_area},
    {"elements of a pool over pages", take_element, give_element},
};

static void take_all(gfp_t flags) {
  while (nr_taken < MOST && (taken[nr_taken] = alloc_page(flags))) nr_taken++;
}

/* How many pages the urgent can have now. */
static size_t count_reserve(void) {
  size_t from = nr_taken, n;

  take_all(URGENT);
  n = nr_taken - from;
  while (nr_taken > from) __free_page(taken[--nr_taken]);
  return n;
}

static void drain(const struct kind* kind) {
  static void* kept[TRIES];
  /* A pool's elements are its own, whoever fills it up again: as many as it holds back may come from the reserve. */
  size_t nr = 0, before, after, most = kind->take == take_element ? POOL : TRIES;

  take_all(PATIENT);
  while ((kept[nr] = kind->take(ORDINARY))) /* what lay in slabs and lists */
    nr++;
  before = count_reserve();
  for (int i = 0; i < 2000; i++) {
    void* urgent = kind->take(URGENT);

    if (urgent) kind->give(urgent);
    if (nr >= most) kind->give(kept[--nr]);
    if ((kept[nr] = kind->take(i % 2 ? ORDINARY : PATIENT))) nr++;
  }
  after = count_reserve();
  if ((before < 100 || after + (most == POOL ? POOL : 0) < before) && ++faults)
    printf("%s: %zu pages were the reserve's, and %zu are left\n", kind->name, before, after);
  while (nr) kind->give(kept[--nr]);
  while (nr_taken) __free_page(taken[--nr_taken]);
}

int main(void) {
  cache = (kmem_cache_create)("objects", 1000, 8, SLAB_NO_MERGE, NULL);
  pool = mempool_create_page_pool(POOL, 0);
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) drain(&kinds[k]);
  mempool_destroy(pool);
  if (kmem_cache_destroy(cache) && ++faults) printf("the cache stays\n");
  printf("%d faults\n", faults);
  return faults != 0;
}
