/* What the suite knows of the inside of a cache: the kernel's mm/slab.h, on top of kmem's public functions.  A cache is a
 * cache of kmem's with the place of the free pointer, which kmem does not have: the first word stands for it. */
#include <kunit/test.h>
#include <linux/slab.h>

struct slub_cache {
  struct kmem_cache* real;
  unsigned int offset;
};
long slub_count_reports(long (*validate)(void* cache), void* cache);

static inline struct slub_cache* slub_create(const char* name, unsigned size, unsigned align, slab_flags_t flags,
                                             void (*ctor)(void*)) {
  struct slub_cache* cache = kzalloc(sizeof(*cache), GFP_KERNEL);
  cache->real = kmem_cache_create(name, size, align, flags, ctor);
  return cache;
}
static inline void* slub_alloc(struct slub_cache* cache, gfp_t flags) { return kmem_cache_alloc(cache->real, flags); }
static inline void slub_free(struct slub_cache* cache, void* object) { kmem_cache_free(cache->real, object); }
static inline void slub_destroy(struct slub_cache* cache) {
  kmem_cache_destroy(cache->real);
  kfree(cache);
}
static inline long slub_validate_real(void* cache) { return validate_slab_cache(cache); }
/* The kernel counts reports and repairs; so do these, by the lines of kmem's log. */
static inline void slub_validate(struct slub_cache* cache) {
  struct kunit_resource* counter = kunit_find_named_resource(kunit_get_current_test(), "slab_errors");
  *(int*)counter->data += slub_count_reports(slub_validate_real, cache->real);
  kunit_put_resource(counter);
}
#undef kmem_cache_create
#define kmem_cache slub_cache
#define kmem_cache_create(name, size, align, flags, ctor) slub_create((name), (size), (align), (flags), (ctor))
#define kmem_cache_alloc(cache, flags) slub_alloc((cache), (flags))
#define kmem_cache_free(cache, object) slub_free((cache), (object))
#define kmem_cache_destroy(cache) slub_destroy(cache)
#define validate_slab_cache(cache) slub_validate(cache)
#define kasan_disable_current() ((void)0)
#define kasan_enable_current() ((void)0)
#ifndef SLAB_NO_USER_FLAGS
#define SLAB_NO_USER_FLAGS 0
#endif
