#ifndef KMEM_LINUX_MEMPOOL_H
#define KMEM_LINUX_MEMPOOL_H
/* Memory pools: allocators that hold some elements back, so that who may sleep never fails.
 *
 * A pool stands on two functions of yours, or on a cache, kmalloc or pages.  mempool_alloc() asks the function first;
 * when that has nothing it takes one of the elements held back; when those are gone too, and the flags allow to sleep,
 * it waits until somebody frees one.  Tasks are served in the order in which they came.  So a pool keeps its promise
 * only if whoever holds an element gives it back without waiting for another one of the same pool.
 *
 * mempool_alloc() with flags that don't sleep and mempool_free() may be called in any context, signal handlers among
 * them.  All others belong to task context.  Nothing in a pool is a lock, so a fork finds it sound: the child has the
 * reserve as it was, and nobody in the child waits.
 *
 * Meaning: the kernel's mm-api.rst ("Memory pools"); Linux Device Drivers, 3rd edition, chapter 8. */
#include <kmem/c_face.h>
#include <linux/slab.h>

KMEM_BEGIN_C

/** Gives a new element, or NULL; does not sleep unless the flags allow it.  `pool_data` is what the pool was made with.
 */
typedef void*(mempool_alloc_t)(gfp_t flags, void* pool_data);
/** Takes an element back.  Any context in which the pool's elements are freed. */
typedef void(mempool_free_t)(void* element, void* pool_data);

/** A pool.  The named fields may be read; the others are kmem's. */
typedef struct mempool_s {
  int min_nr;  /**< elements that the pool wants to hold back */
  int curr_nr; /**< elements that it holds back now, about: it changes while you look */
  unsigned long kmem_places[21];
  void* pool_data;
  mempool_alloc_t* alloc;
  mempool_free_t* free;
  unsigned long kmem_rest[38];
} mempool_t;

/** A pool that holds back min_nr elements (at least one), all of which are allocated now.  NULL where they are not to
 * be had.  May sleep. */
KMEM_API mempool_t* mempool_create(int min_nr, mempool_alloc_t* alloc_fn, mempool_free_t* free_fn,
                                   void* pool_data) KMEM_NOTHROW;
/** Of 2.6, when the flags of alloc_fn were an int; mempool_create() takes both forms. */
KMEM_API mempool_t* mempool_create_2_6(int min_nr, void* (*alloc_fn)(int flags, void* pool_data),
                                       mempool_free_t* free_fn, void* pool_data) KMEM_NOTHROW;
/** The same with flags of your own, its own memory from node `nid`. */
KMEM_API mempool_t* mempool_create_node(int min_nr, mempool_alloc_t* alloc_fn, mempool_free_t* free_fn, void* pool_data,
                                        gfp_t flags, int nid) KMEM_NOTHROW;
/** Frees what the pool holds back, and the pool.  Elements that are still out are reported, and how many; each can
 * still be given to mempool_free() and then goes to free_fn.  NULL is ignored. */
KMEM_API void mempool_destroy(mempool_t* pool) KMEM_NOTHROW;

/** A pool in memory of yours, for the time between init and exit.  0 or -ENOMEM. */
KMEM_API int mempool_init(mempool_t* pool, int min_nr, mempool_alloc_t* alloc_fn, mempool_free_t* free_fn,
                          void* pool_data) KMEM_NOTHROW;
KMEM_API int mempool_init_node(mempool_t* pool, int min_nr, mempool_alloc_t* alloc_fn, mempool_free_t* free_fn,
                               void* pool_data, gfp_t flags, int nid) KMEM_NOTHROW;
/** Ends it; of memory that is all zero, and a second time, it does nothing. */
KMEM_API void mempool_exit(mempool_t* pool) KMEM_NOTHROW;
/** Is it between mempool_init() and mempool_exit()?  The memory must be a pool's, or zero. */
KMEM_API bool mempool_initialized(mempool_t* pool) KMEM_NOTHROW;

/** One element.  With flags that may sleep (GFP_KERNEL, GFP_NOIO ...) never NULL; with others NULL when alloc_fn has
 *  none and none is held back, or tasks wait for those that are.  __GFP_ZERO is refused with a report: an element that
 * was held back is not zero. */
KMEM_API void* mempool_alloc(mempool_t* pool, gfp_t flags) KMEM_NOTHROW KMEM_MUST_CHECK;
/** The same, but waits no longer than `timeout_ns` nanoseconds: then NULL. */
KMEM_API void* mempool_alloc_timeout(mempool_t* pool, gfp_t flags, uint64_t timeout_ns) KMEM_NOTHROW KMEM_MUST_CHECK;
/** One of those held back, or NULL; never calls alloc_fn and never sleeps. */
KMEM_API void* mempool_alloc_preallocated(mempool_t* pool) KMEM_NOTHROW KMEM_MUST_CHECK;
/** Gives an element back: to those held back if one is missing there, else to free_fn.  NULL is ignored.  More elements
 *  than were given out, and a second free of one that is held back, are reported ("mempool overfilled") and not kept.
 */
KMEM_API void mempool_free(void* element, mempool_t* pool) KMEM_NOTHROW;

/** Another number of elements to hold back, in use.  0; -ENOMEM where there is no memory for the table of them, -EBUSY
 *  while another task resizes, -EINVAL for less than one: nothing has changed then.  Elements that cannot be had now
 * are kept when they are freed.  Of 2.6 the form with flags as a third argument: those are for the elements. */
KMEM_API int mempool_resize(mempool_t* pool, int new_min_nr) KMEM_NOTHROW;
KMEM_API int mempool_resize_2_6(mempool_t* pool, int new_min_nr, gfp_t flags) KMEM_NOTHROW;
/** Does it hold back as many as it wants? */
static inline bool mempool_is_saturated(mempool_t* pool) {
  return __atomic_load_n(&pool->curr_nr, __ATOMIC_RELAXED) >= __atomic_load_n(&pool->min_nr, __ATOMIC_RELAXED);
}

/** Elements from a cache: pool_data is the cache. */
KMEM_API void* mempool_alloc_slab(gfp_t flags, void* pool_data) KMEM_NOTHROW;
KMEM_API void mempool_free_slab(void* element, void* pool_data) KMEM_NOTHROW;
/** From kmalloc: pool_data is the size, as a pointer. */
KMEM_API void* mempool_kmalloc(gfp_t flags, void* pool_data) KMEM_NOTHROW;
KMEM_API void mempool_kfree(void* element, void* pool_data) KMEM_NOTHROW;
/** From kvmalloc: pool_data is the size; for elements that may be too large for frames in a row. */
KMEM_API void* mempool_kvmalloc(gfp_t flags, void* pool_data) KMEM_NOTHROW;
KMEM_API void mempool_kvfree(void* element, void* pool_data) KMEM_NOTHROW;
/** Blocks of pages: pool_data is the order; the elements are struct page. */
KMEM_API void* mempool_alloc_pages(gfp_t flags, void* pool_data) KMEM_NOTHROW;
KMEM_API void mempool_free_pages(void* element, void* pool_data) KMEM_NOTHROW;

static inline mempool_t* mempool_create_slab_pool(int min_nr, struct kmem_cache* cache) {
  return mempool_create(min_nr, mempool_alloc_slab, mempool_free_slab, cache);
}
static inline int mempool_init_slab_pool(mempool_t* pool, int min_nr, struct kmem_cache* cache) {
  return mempool_init(pool, min_nr, mempool_alloc_slab, mempool_free_slab, cache);
}
static inline mempool_t* mempool_create_kmalloc_pool(int min_nr, size_t size) {
  return mempool_create(min_nr, mempool_kmalloc, mempool_kfree, (void*)size);
}
static inline int mempool_init_kmalloc_pool(mempool_t* pool, int min_nr, size_t size) {
  return mempool_init(pool, min_nr, mempool_kmalloc, mempool_kfree, (void*)size);
}
static inline mempool_t* mempool_create_kvmalloc_pool(int min_nr, size_t size) {
  return mempool_create(min_nr, mempool_kvmalloc, mempool_kvfree, (void*)size);
}
static inline int mempool_init_kvmalloc_pool(mempool_t* pool, int min_nr, size_t size) {
  return mempool_init(pool, min_nr, mempool_kvmalloc, mempool_kvfree, (void*)size);
}
static inline mempool_t* mempool_create_page_pool(int min_nr, int order) {
  return mempool_create(min_nr, mempool_alloc_pages, mempool_free_pages, (void*)(unsigned long)order);
}
static inline int mempool_init_page_pool(mempool_t* pool, int min_nr, int order) {
  return mempool_init(pool, min_nr, mempool_alloc_pages, mempool_free_pages, (void*)(unsigned long)order);
}

KMEM_END_C

/* Two arguments or three. */
#ifdef __cplusplus
inline int mempool_resize(mempool_t* pool, int new_min_nr, gfp_t flags) noexcept {
  return mempool_resize_2_6(pool, new_min_nr, flags);
}
inline mempool_t* mempool_create(int min_nr, void* (*alloc_fn)(int, void*), mempool_free_t* free_fn,
                                 void* pool_data) noexcept {
  return mempool_create_2_6(min_nr, alloc_fn, free_fn, pool_data);
}
#else
#define KMEM_FOURTH_(a, b, c, name, ...) name
#define mempool_create(min_nr, alloc_fn, ...) \
  _Generic((alloc_fn), void* (*)(int, void*)  \
           : mempool_create_2_6, default      \
           : (mempool_create))((min_nr), (alloc_fn), __VA_ARGS__)
#define mempool_resize(...) KMEM_FOURTH_(__VA_ARGS__, mempool_resize_2_6, mempool_resize, 0, 0)(__VA_ARGS__)
#endif

#endif
