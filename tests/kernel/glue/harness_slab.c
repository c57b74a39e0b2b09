/* The slab functions that the kernel's user-space harness (tools/testing/radix-tree) wants, over kmem: in place of its linux.c.
 * An allocation that may not sleep fails there unless the test said so before; so it does here, and what is had comes from
 * kmem. */
#include <linux/slab.h>

#define DIRECT_RECLAIM 0x400u /* the harness's ___GFP_DIRECT_RECLAIM and ___GFP_ZERO */
#define ZERO 0x100u

int nr_allocated, preempt_count, test_verbose;

struct harness_cache {
  struct kmem_cache* real;
  void (*ctor)(void*);
  unsigned int size, non_kernel;
  unsigned long allocated, ever_allocated;
};

#define NAMED(name) __asm__(#name)
struct harness_cache* create(const char*, unsigned int, unsigned int, unsigned int, void (*)(void*)) NAMED(kmem_cache_create);
void* alloc_lru(struct harness_cache*, void*, unsigned int) NAMED(kmem_cache_alloc_lru);
void free_one(struct harness_cache*, void*) NAMED(kmem_cache_free);
void free_bulk(struct harness_cache*, size_t, void**) NAMED(kmem_cache_free_bulk);
int alloc_bulk(struct harness_cache*, unsigned int, size_t, void**) NAMED(kmem_cache_alloc_bulk);
void shrink(struct harness_cache*) NAMED(kmem_cache_shrink);
void set_non_kernel(struct harness_cache*, unsigned int) NAMED(kmem_cache_set_non_kernel);
unsigned long get_alloc(struct harness_cache*) NAMED(kmem_cache_get_alloc);
unsigned long get_allocated(struct harness_cache*) NAMED(kmem_cache_nr_allocated);
unsigned long get_ever_allocated(struct harness_cache*) NAMED(kmem_cache_nr_tallocated);
void zero_ever_allocated(struct harness_cache*) NAMED(kmem_cache_zero_nr_tallocated);
void test_kmem_cache_bulk(void);

struct harness_cache* create(const char* name, unsigned int size, unsigned int align, unsigned int flags, void (*ctor)(void*)) {
  struct harness_cache* cache = kzalloc(sizeof(*cache), GFP_KERNEL);
  (void)flags;
  cache->real = kmem_cache_create(name, size, align, SLAB_PANIC | SLAB_NO_MERGE, ctor);
  cache->size = size;
  cache->ctor = ctor;
  return cache;
}
static void count(struct harness_cache* cache, long n) {
  __atomic_fetch_add(&cache->allocated, (unsigned long)n, __ATOMIC_RELAXED);
  __atomic_fetch_add(&nr_allocated, (int)n, __ATOMIC_RELAXED);
  if (n > 0) __atomic_fetch_add(&cache->ever_allocated, (unsigned long)n, __ATOMIC_RELAXED);
}
/* May so many be had? */
static int allowed(struct harness_cache* cache, unsigned int flags, unsigned int n) {
  if (flags & DIRECT_RECLAIM) return 1;
  if (cache->non_kernel < n) return 0;
  cache->non_kernel -= n;
  return 1;
}
void* alloc_lru(struct harness_cache* cache, void* lru, unsigned int flags) {
  (void)lru;
  if (!allowed(cache, flags, 1)) return NULL;
  count(cache, 1);
  return kmem_cache_alloc(cache->real, GFP_KERNEL | (flags & ZERO && !cache->ctor ? __GFP_ZERO : 0));
}
int alloc_bulk(struct harness_cache* cache, unsigned int flags, size_t n, void** objects) {
  if (!allowed(cache, flags, (unsigned int)n)) return 0;
  count(cache, (long)n);
  return kmem_cache_alloc_bulk(cache->real, GFP_KERNEL | (flags & ZERO && !cache->ctor ? __GFP_ZERO : 0), n, objects);
}
void free_one(struct harness_cache* cache, void* object) {
  count(cache, -1);
  kmem_cache_free(cache->real, object);
}
void free_bulk(struct harness_cache* cache, size_t n, void** objects) {
  count(cache, -(long)n);
  kmem_cache_free_bulk(cache->real, n, objects);
}
void shrink(struct harness_cache* cache) { kmem_cache_shrink(cache->real); }
void set_non_kernel(struct harness_cache* cache, unsigned int n) { cache->non_kernel = n; }
unsigned long get_alloc(struct harness_cache* cache) { return cache->size * cache->allocated; }
unsigned long get_allocated(struct harness_cache* cache) { return cache->allocated; }
unsigned long get_ever_allocated(struct harness_cache* cache) { return cache->ever_allocated; }
void zero_ever_allocated(struct harness_cache* cache) { cache->ever_allocated = 0; }
/* The harness's test of its own allocator. */
void test_kmem_cache_bulk(void) {}
