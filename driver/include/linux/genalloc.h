#ifndef KMEM_LINUX_GENALLOC_H
#define KMEM_LINUX_GENALLOC_H
/* Pools of addresses that are not the allocator's: of a device's memory, of a special stretch of RAM.  Only the addresses are
 * handed out; the memory behind them is not touched, but by gen_pool_dma_zalloc().
 *
 * Allocating and freeing: any context.  The rest: task context.  What differs: the first that fits is taken, whatever
 * gen_pool_set_algo() says.  Meaning: the kernel's Documentation/core-api/genalloc.rst. */
#include <linux/device.h>
#include <linux/types.h>

struct gen_pool;
typedef unsigned long (*genpool_algo_t)(unsigned long* map, unsigned long size, unsigned long start, unsigned int n, void* data,
                                        struct gen_pool* pool, unsigned long start_addr);

KMEM_BEGIN_C
/** Pieces are multiples of 2^order bytes.  NULL. */
KMEM_API struct gen_pool* gen_pool_create(int order, int node) KMEM_DRIVER_NAME(gen_pool_create);
/** Pieces that are still out are reported, and the pool stays. */
KMEM_API void gen_pool_destroy(struct gen_pool* pool) KMEM_DRIVER_NAME(gen_pool_destroy);
/** A stretch of `size` bytes at these addresses.  0; -ENOMEM. */
KMEM_API int gen_pool_add_virt(struct gen_pool* pool, unsigned long address, phys_addr_t physical, size_t size, int node)
    KMEM_DRIVER_NAME(gen_pool_add_virt);
static inline int gen_pool_add(struct gen_pool* pool, unsigned long address, size_t size, int node) {
  return gen_pool_add_virt(pool, address, (phys_addr_t)-1, size, node);
}
/** 0: there is none. */
KMEM_API unsigned long gen_pool_alloc(struct gen_pool* pool, size_t size) KMEM_DRIVER_NAME(gen_pool_alloc);
/** The physical address as well; NULL. */
KMEM_API void* gen_pool_dma_alloc(struct gen_pool* pool, size_t size, dma_addr_t* address) KMEM_DRIVER_NAME(gen_pool_dma_alloc);
KMEM_API void* gen_pool_dma_zalloc(struct gen_pool* pool, size_t size, dma_addr_t* address)
    KMEM_DRIVER_NAME(gen_pool_dma_zalloc);
/** What is not out, or not in the pool, is reported and not done. */
KMEM_API void gen_pool_free(struct gen_pool* pool, unsigned long address, size_t size) KMEM_DRIVER_NAME(gen_pool_free);
/** All ones where it is in no stretch. */
KMEM_API phys_addr_t gen_pool_virt_to_phys(struct gen_pool* pool, unsigned long address)
    KMEM_DRIVER_NAME(gen_pool_virt_to_phys);
KMEM_API size_t gen_pool_avail(struct gen_pool* pool) KMEM_DRIVER_NAME(gen_pool_avail);
KMEM_API size_t gen_pool_size(struct gen_pool* pool) KMEM_DRIVER_NAME(gen_pool_size);
KMEM_API bool gen_pool_has_addr(struct gen_pool* pool, unsigned long address, size_t size) KMEM_DRIVER_NAME(gen_pool_has_addr);
/** Noted with the device. */
KMEM_API struct gen_pool* devm_gen_pool_create(struct device* dev, int order, int node, const char* name)
    KMEM_DRIVER_NAME(devm_gen_pool_create);
static inline void gen_pool_set_algo(struct gen_pool* pool, genpool_algo_t algorithm, void* data) {
  (void)pool, (void)algorithm, (void)data;
}
KMEM_END_C
#endif
