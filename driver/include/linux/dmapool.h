#ifndef KMEM_LINUX_DMAPOOL_H
#define KMEM_LINUX_DMAPOOL_H
/* Small blocks of coherent memory, of one size.  Creating and destroying: task context; blocks: by the flags, freeing in any
 * context.  Meaning: the kernel's Documentation/core-api/dma-api.rst. */
#include <linux/dma-mapping.h>

struct dma_pool;

KMEM_BEGIN_C
/** Blocks are multiples of `align` (a power of 2, 0: 1), and cross no multiple of `boundary` (a power of 2; 0: none).  NULL. */
KMEM_API struct dma_pool* dma_pool_create(const char* name, struct device* dev, size_t size, size_t align, size_t boundary)
    KMEM_DRIVER_NAME(dma_pool_create);
/** Blocks that are still out are reported, and stay. */
KMEM_API void dma_pool_destroy(struct dma_pool* pool) KMEM_DRIVER_NAME(dma_pool_destroy);
KMEM_API void* dma_pool_alloc(struct dma_pool* pool, gfp_t flags, dma_addr_t* address) KMEM_DRIVER_NAME(dma_pool_alloc);
static inline void* dma_pool_zalloc(struct dma_pool* pool, gfp_t flags, dma_addr_t* address) {
  return dma_pool_alloc(pool, flags | __GFP_ZERO, address);
}
/** A block that is none of the pool's, with another address, or free already, is reported and not freed. */
KMEM_API void dma_pool_free(struct dma_pool* pool, void* memory, dma_addr_t address) KMEM_DRIVER_NAME(dma_pool_free);
/** Noted with the device. */
KMEM_API struct dma_pool* dmam_pool_create(const char* name, struct device* dev, size_t size, size_t align, size_t boundary)
    KMEM_DRIVER_NAME(dmam_pool_create);
KMEM_API void dmam_pool_destroy(struct dma_pool* pool) KMEM_DRIVER_NAME(dmam_pool_destroy);
KMEM_END_C
#endif
