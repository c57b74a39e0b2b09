#ifndef KMEM_LINUX_MEMPOOL_H
#define KMEM_LINUX_MEMPOOL_H
/* Memory pools: allocators that keep some elements in reserve, so that a task that may sleep always gets one.
 *
 * A pool uses two functions of the caller, or a cache, kmalloc or pages.  mempool_alloc() calls the function first.  If
 * that fails, it takes an element from the reserve.  If the reserve is empty too, and the flags allow sleeping, it waits
 * until an element is freed.  Tasks are served in the order in which they came.  A pool keeps its promise only if every
 * task that holds an element frees it without waiting for another one of the same pool.
 *
 * mempool_alloc() with flags that don't sleep and mempool_free() may be called in any context, including signal handlers.
 * Creating, initialising and resizing a pool may sleep: task context.  mempool_destroy() and mempool_exit() sleep only if the
 * pool's free function does.  A pool has no lock, so it is consistent after a fork: the child has the same reserve, and no task
 * in the child waits.
 *
 * Meaning: the kernel's mm-api.rst ("Memory pools"); Linux Device Drivers, 3rd edition, chapter 8. */
#include <kmem/c_face.h>
#include <linux/slab.h>

KMEM_BEGIN_C

/** Returns a new element, or NULL; sleeps only if the flags allow it.  `pool_data` is the argument of mempool_create().
 */
typedef void*(mempool_alloc_t)(gfp_t flags, void* pool_data);
/** Frees an element.  Runs in any context in which the pool's elements are freed. */
typedef void(mempool_free_t)(void* element, void* pool_data);

/** A pool.  The named fields may be read; the others are kmem's. */
typedef struct mempool_s {
  int min_nr;  /**< the size of the reserve */
  int curr_nr; /**< elements in the reserve now; approximate while other threads use the pool */
  unsigned long kmem_places[sizeof(long) == 8 ? 21 : 22];
  void* pool_data;
  mempool_alloc_t* alloc;
  mempool_free_t* free;
  uint64_t kmem_rest[38];
} mempool_t;

/** Makes a pool with a reserve of min_nr elements (at least one), all of which are allocated now.  NULL if they cannot
 * be allocated.  May sleep. */
KMEM_API mempool_t* mempool_create(int min_nr, mempool_alloc_t* alloc_fn, mempool_free_t* free_fn, void* pool_data)
    KMEM_NOTHROW_NAME(mempool_create);
/** The 2.6 form, in which the flags of alloc_fn are an int; mempool_create() takes both forms. */
KMEM_API mempool_t* mempool_create_2_6(int min_nr, void* (*alloc_fn)(int flags, void* pool_data), mempool_free_t* free_fn,
                                       void* pool_data) KMEM_NOTHROW_NAME(mempool_create_2_6);
/** The same with the caller's flags; the pool's own memory comes from node `nid`. */
KMEM_API mempool_t* mempool_create_node(int min_nr, mempool_alloc_t* alloc_fn, mempool_free_t* free_fn, void* pool_data,
                                        gfp_t flags, int nid) KMEM_NOTHROW_NAME(mempool_create_node);
/** Frees the elements in reserve, and the pool.  Reports the number of elements that are still allocated; each can still be
 * passed to mempool_free(), which calls free_fn.  NULL is ignored. */
KMEM_API void mempool_destroy(mempool_t* pool) KMEM_NOTHROW_NAME(mempool_destroy);

/** A pool in the caller's memory, between init and exit.  0 or -ENOMEM. */
KMEM_API int mempool_init(mempool_t* pool, int min_nr, mempool_alloc_t* alloc_fn, mempool_free_t* free_fn, void* pool_data)
    KMEM_NOTHROW_NAME(mempool_init);
KMEM_API int mempool_init_node(mempool_t* pool, int min_nr, mempool_alloc_t* alloc_fn, mempool_free_t* free_fn, void* pool_data,
                               gfp_t flags, int nid) KMEM_NOTHROW_NAME(mempool_init_node);
/** Ends the pool; does nothing for memory that is all zero, or a second time. */
KMEM_API void mempool_exit(mempool_t* pool) KMEM_NOTHROW_NAME(mempool_exit);
/** Is it between mempool_init() and mempool_exit()?  The memory must be a pool's, or zero. */
KMEM_API bool mempool_initialized(mempool_t* pool) KMEM_NOTHROW_NAME(mempool_initialized);

/** One element.  With flags that may sleep (GFP_KERNEL, GFP_NOIO ...) never NULL.  With other flags NULL if alloc_fn
 *  fails and the reserve is empty, or tasks wait for it.  __GFP_ZERO is refused with a report: an element of the reserve
 * is not zero. */
KMEM_API void* mempool_alloc(mempool_t* pool, gfp_t flags) KMEM_NOTHROW_NAME(mempool_alloc) KMEM_MUST_CHECK;
/** The same, but waits at most `timeout_ns` nanoseconds; then returns NULL. */
KMEM_API void* mempool_alloc_timeout(mempool_t* pool, gfp_t flags, uint64_t timeout_ns)
    KMEM_NOTHROW_NAME(mempool_alloc_timeout) KMEM_MUST_CHECK;
/** An element of the reserve, or NULL; never calls alloc_fn and never sleeps. */
KMEM_API void* mempool_alloc_preallocated(mempool_t* pool) KMEM_NOTHROW_NAME(mempool_alloc_preallocated) KMEM_MUST_CHECK;
/** Frees an element: into the reserve if that is not full, else to free_fn.  NULL is ignored.  Freeing more elements than
 *  are allocated, or an element of the reserve again, is reported ("mempool overfilled"), and the element is not kept.
 */
KMEM_API void mempool_free(void* element, mempool_t* pool) KMEM_NOTHROW_NAME(mempool_free);

/** Changes the size of the reserve while the pool is in use.  0; -ENOMEM without memory for its table, -EBUSY while
 *  another task resizes, -EINVAL for less than one: nothing has changed then.  If elements cannot be allocated now, freed
 * ones fill the reserve later.  The form of 2.6 has a third argument: the flags for the elements. */
KMEM_API int mempool_resize(mempool_t* pool, int new_min_nr) KMEM_NOTHROW_NAME(mempool_resize);
KMEM_API int mempool_resize_2_6(mempool_t* pool, int new_min_nr, gfp_t flags) KMEM_NOTHROW_NAME(mempool_resize_2_6);
/** Is the reserve full? */
static inline bool mempool_is_saturated(mempool_t* pool) {
  return __atomic_load_n(&pool->curr_nr, __ATOMIC_RELAXED) >= __atomic_load_n(&pool->min_nr, __ATOMIC_RELAXED);
}

/** Elements from a cache: pool_data is the cache. */
KMEM_API void* mempool_alloc_slab(gfp_t flags, void* pool_data) KMEM_NOTHROW_NAME(mempool_alloc_slab);
KMEM_API void mempool_free_slab(void* element, void* pool_data) KMEM_NOTHROW_NAME(mempool_free_slab);
/** From kmalloc: pool_data is the size, as a pointer. */
KMEM_API void* mempool_kmalloc(gfp_t flags, void* pool_data) KMEM_NOTHROW_NAME(mempool_kmalloc);
KMEM_API void mempool_kfree(void* element, void* pool_data) KMEM_NOTHROW_NAME(mempool_kfree);
/** From kvmalloc: pool_data is the size; for elements that may be too large for contiguous frames. */
KMEM_API void* mempool_kvmalloc(gfp_t flags, void* pool_data) KMEM_NOTHROW_NAME(mempool_kvmalloc);
KMEM_API void mempool_kvfree(void* element, void* pool_data) KMEM_NOTHROW_NAME(mempool_kvfree);
/** Blocks of pages: pool_data is the order; the elements are struct page. */
KMEM_API void* mempool_alloc_pages(gfp_t flags, void* pool_data) KMEM_NOTHROW_NAME(mempool_alloc_pages);
KMEM_API void mempool_free_pages(void* element, void* pool_data) KMEM_NOTHROW_NAME(mempool_free_pages);

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
inline mempool_t* mempool_create(int min_nr, void* (*alloc_fn)(int, void*), mempool_free_t* free_fn, void* pool_data) noexcept {
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
