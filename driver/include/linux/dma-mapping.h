#ifndef KMEM_LINUX_DMA_MAPPING_H
#define KMEM_LINUX_DMA_MAPPING_H
/* Memory that a device reads and writes.
 *
 * A simulated device has addresses of its own for memory, one space a device, and reaches only what is mapped for it
 * (kmem_dma_read() of <kmem/simulated.h>).  What is mapped by dma_map_single() and its kin the device sees in a copy, as with
 * bounce buffers: the contents go over when it is mapped, synced and unmapped, so a missing sync is wrong data here too.
 * Memory of dma_alloc_coherent() is seen by both at once.  Addresses are below the device's mask.
 *
 * Mistakes are reported as the kernel's debugging of the DMA API does.  Mapping, unmapping, syncing: any context.  Coherent
 * memory: by the flags; freeing it: any context.  Masks: task context.
 * Meaning: the kernel's Documentation/core-api/dma-api.rst and dma-api-howto.rst. */
#include <linux/device.h>
#include <linux/dma-direction.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>

#define DMA_MAPPING_ERROR (~(dma_addr_t)0)
#define DMA_BIT_MASK(n) (((n) == 64) ? ~0ULL : ((1ULL << (n)) - 1))
#define DMA_ATTR_WEAK_ORDERING (1UL << 1)
#define DMA_ATTR_WRITE_COMBINE (1UL << 2)
#define DMA_ATTR_NO_KERNEL_MAPPING (1UL << 4)
#define DMA_ATTR_SKIP_CPU_SYNC (1UL << 5)
#define DMA_ATTR_FORCE_CONTIGUOUS (1UL << 6)
#define DMA_ATTR_ALLOC_SINGLE_PAGES (1UL << 7)
#define DMA_ATTR_NO_WARN (1UL << 8)

KMEM_BEGIN_C
/** How far the device's addresses reach.  0; -EIO: less than 24 bits, or the device has no place for a mask. */
KMEM_API int dma_set_mask(struct device* dev, u64 mask) KMEM_DRIVER_NAME(dma_set_mask);
KMEM_API int dma_set_coherent_mask(struct device* dev, u64 mask) KMEM_DRIVER_NAME(dma_set_coherent_mask);
static inline int dma_set_mask_and_coherent(struct device* dev, u64 mask) {
  const int error = dma_set_mask(dev, mask);
  return error ? error : dma_set_coherent_mask(dev, mask);
}
static inline int dma_coerce_mask_and_coherent(struct device* dev, u64 mask) {
  dev->dma_mask = &dev->coherent_dma_mask;
  return dma_set_mask_and_coherent(dev, mask);
}
static inline u64 dma_get_mask(struct device* dev) {
  return dev->dma_mask && *dev->dma_mask ? *dev->dma_mask : DMA_BIT_MASK(32);
}
static inline u64 dma_get_required_mask(struct device* dev) { return (void)dev, DMA_BIT_MASK(32); }
static inline bool dma_addressing_limited(struct device* dev) { return (void)dev, false; }
static inline size_t dma_max_mapping_size(struct device* dev) { return (void)dev, SIZE_MAX; }
static inline size_t dma_opt_mapping_size(struct device* dev) { return (void)dev, SIZE_MAX; }
static inline bool dma_need_sync(struct device* dev, dma_addr_t address) { return (void)dev, (void)address, true; }
static inline int dma_get_cache_alignment(void) { return 64; }
static inline unsigned int dma_get_max_seg_size(struct device* dev) {
  return dev->dma_parms && dev->dma_parms->max_segment_size ? dev->dma_parms->max_segment_size : 65536;
}
static inline int dma_set_max_seg_size(struct device* dev, unsigned int size) {
  if (!dev->dma_parms) return -EIO;
  dev->dma_parms->max_segment_size = size;
  return 0;
}
static inline int dma_set_seg_boundary(struct device* dev, unsigned long mask) {
  if (!dev->dma_parms) return -EIO;
  dev->dma_parms->segment_boundary_mask = mask;
  return 0;
}

/** Whole pages of zeros that both sides see; `address` is the device's.  NULL. */
KMEM_API void* dma_alloc_attrs(struct device* dev, size_t size, dma_addr_t* address, gfp_t flags, unsigned long attrs)
    KMEM_DRIVER_NAME(dma_alloc_attrs);
KMEM_API void dma_free_attrs(struct device* dev, size_t size, void* memory, dma_addr_t address, unsigned long attrs)
    KMEM_DRIVER_NAME(dma_free_attrs);
static inline void* dma_alloc_coherent(struct device* dev, size_t size, dma_addr_t* address, gfp_t flags) {
  return dma_alloc_attrs(dev, size, address, flags, 0);
}
static inline void dma_free_coherent(struct device* dev, size_t size, void* memory, dma_addr_t address) {
  dma_free_attrs(dev, size, memory, address, 0);
}
#define dma_zalloc_coherent(dev, size, address, flags) dma_alloc_coherent(dev, size, address, flags)
#define dma_alloc_wc(dev, size, address, flags) dma_alloc_attrs(dev, size, address, flags, DMA_ATTR_WRITE_COMBINE)
#define dma_free_wc(dev, size, memory, address) dma_free_attrs(dev, size, memory, address, DMA_ATTR_WRITE_COMBINE)
/** Noted with the device. */
KMEM_API void* dmam_alloc_attrs(struct device* dev, size_t size, dma_addr_t* address, gfp_t flags, unsigned long attrs)
    KMEM_DRIVER_NAME(dmam_alloc_attrs);
static inline void* dmam_alloc_coherent(struct device* dev, size_t size, dma_addr_t* address, gfp_t flags) {
  return dmam_alloc_attrs(dev, size, address, flags, 0);
}
KMEM_API void dmam_free_coherent(struct device* dev, size_t size, void* memory, dma_addr_t address)
    KMEM_DRIVER_NAME(dmam_free_coherent);
/** Shows coherent memory to a program. */
KMEM_API int dma_mmap_attrs(struct device* dev, struct vm_area_struct* vma, void* memory, dma_addr_t address, size_t size,
                            unsigned long attrs) KMEM_DRIVER_NAME(dma_mmap_attrs);
#define dma_mmap_coherent(dev, vma, memory, address, size) dma_mmap_attrs(dev, vma, memory, address, size, 0)
#define dma_mmap_wc(dev, vma, memory, address, size) dma_mmap_attrs(dev, vma, memory, address, size, DMA_ATTR_WRITE_COMBINE)

/** The device's address, to be asked about with dma_mapping_error(). */
KMEM_API dma_addr_t dma_map_single_attrs(struct device* dev, void* memory, size_t size, enum dma_data_direction direction,
                                         unsigned long attrs) KMEM_DRIVER_NAME(dma_map_single_attrs);
KMEM_API dma_addr_t dma_map_page_attrs(struct device* dev, struct page* page, size_t offset, size_t size,
                                       enum dma_data_direction direction, unsigned long attrs)
    KMEM_DRIVER_NAME(dma_map_page_attrs);
KMEM_API void dma_unmap_single_attrs(struct device* dev, dma_addr_t address, size_t size, enum dma_data_direction direction,
                                     unsigned long attrs) KMEM_DRIVER_NAME(dma_unmap_single_attrs);
KMEM_API void dma_unmap_page_attrs(struct device* dev, dma_addr_t address, size_t size, enum dma_data_direction direction,
                                   unsigned long attrs) KMEM_DRIVER_NAME(dma_unmap_page_attrs);
#define dma_map_single(dev, memory, size, direction) dma_map_single_attrs(dev, memory, size, direction, 0)
#define dma_unmap_single(dev, address, size, direction) dma_unmap_single_attrs(dev, address, size, direction, 0)
#define dma_map_page(dev, page, offset, size, direction) dma_map_page_attrs(dev, page, offset, size, direction, 0)
#define dma_unmap_page(dev, address, size, direction) dma_unmap_page_attrs(dev, address, size, direction, 0)
/** 0, or -ENOMEM: the address is none. */
KMEM_MUST_CHECK KMEM_API int dma_mapping_error(struct device* dev, dma_addr_t address) KMEM_DRIVER_NAME(dma_mapping_error);

/** How many pieces the device sees, `n`; 0: an error.  It is unmapped with the same n. */
KMEM_API unsigned int dma_map_sg_attrs(struct device* dev, struct scatterlist* list, int n, enum dma_data_direction direction,
                                       unsigned long attrs) KMEM_DRIVER_NAME(dma_map_sg_attrs);
KMEM_API void dma_unmap_sg_attrs(struct device* dev, struct scatterlist* list, int n, enum dma_data_direction direction,
                                 unsigned long attrs) KMEM_DRIVER_NAME(dma_unmap_sg_attrs);
#define dma_map_sg(dev, list, n, direction) dma_map_sg_attrs(dev, list, n, direction, 0)
#define dma_unmap_sg(dev, list, n, direction) dma_unmap_sg_attrs(dev, list, n, direction, 0)
static inline int dma_map_sgtable(struct device* dev, struct sg_table* table, enum dma_data_direction direction,
                                  unsigned long attrs) {
  const unsigned int n = dma_map_sg_attrs(dev, table->sgl, (int)table->orig_nents, direction, attrs);
  if (!n) return -EIO;
  table->nents = n;
  return 0;
}
static inline void dma_unmap_sgtable(struct device* dev, struct sg_table* table, enum dma_data_direction direction,
                                     unsigned long attrs) {
  dma_unmap_sg_attrs(dev, table->sgl, (int)table->orig_nents, direction, attrs);
}

/** The driver takes the memory over: what the device has written is in it. */
KMEM_API void dma_sync_single_for_cpu(struct device* dev, dma_addr_t address, size_t size, enum dma_data_direction direction)
    KMEM_DRIVER_NAME(dma_sync_single_for_cpu);
/** The device takes it over: what the driver has written is there. */
KMEM_API void dma_sync_single_for_device(struct device* dev, dma_addr_t address, size_t size, enum dma_data_direction direction)
    KMEM_DRIVER_NAME(dma_sync_single_for_device);
static inline void dma_sync_single_range_for_cpu(struct device* dev, dma_addr_t address, unsigned long offset, size_t size,
                                                 enum dma_data_direction direction) {
  dma_sync_single_for_cpu(dev, address + offset, size, direction);
}
static inline void dma_sync_single_range_for_device(struct device* dev, dma_addr_t address, unsigned long offset, size_t size,
                                                    enum dma_data_direction direction) {
  dma_sync_single_for_device(dev, address + offset, size, direction);
}
KMEM_API void dma_sync_sg_for_cpu(struct device* dev, struct scatterlist* list, int n, enum dma_data_direction direction)
    KMEM_DRIVER_NAME(dma_sync_sg_for_cpu);
KMEM_API void dma_sync_sg_for_device(struct device* dev, struct scatterlist* list, int n, enum dma_data_direction direction)
    KMEM_DRIVER_NAME(dma_sync_sg_for_device);
static inline void dma_sync_sgtable_for_cpu(struct device* dev, struct sg_table* table, enum dma_data_direction direction) {
  dma_sync_sg_for_cpu(dev, table->sgl, (int)table->orig_nents, direction);
}
static inline void dma_sync_sgtable_for_device(struct device* dev, struct sg_table* table, enum dma_data_direction direction) {
  dma_sync_sg_for_device(dev, table->sgl, (int)table->orig_nents, direction);
}
KMEM_END_C

#define DEFINE_DMA_UNMAP_ADDR(name) dma_addr_t name
#define DEFINE_DMA_UNMAP_LEN(name) __u32 name
#define dma_unmap_addr(from, name) ((from)->name)
#define dma_unmap_addr_set(to, name, value) (((to)->name) = (value))
#define dma_unmap_len(from, name) ((from)->name)
#define dma_unmap_len_set(to, name, value) (((to)->name) = (value))
#endif
