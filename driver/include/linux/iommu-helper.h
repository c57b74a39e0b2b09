#ifndef KMEM_LINUX_IOMMU_HELPER_H
#define KMEM_LINUX_IOMMU_HELPER_H
/* Runs of entries in a table of addresses that a device sees, which is a bitmap.  The caller has the lock; any context. */
#include <kmem/driver_face.h>
#include <linux/bug.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/types.h>

KMEM_BEGIN_C
/** How many entries, from `offset` on, the device's mask reaches. */
static inline unsigned long iommu_device_max_index(unsigned long size, unsigned long offset, u64 mask) {
  return size + offset > mask ? (unsigned long)(mask - offset + 1) : size;
}
/** Would the run cross a multiple of `boundary`, which is a power of two? */
static inline int iommu_is_span_boundary(unsigned int index, unsigned int nr, unsigned long shift, unsigned long boundary) {
  BUG_ON(!is_power_of_2(boundary));
  return ((shift + index) & (boundary - 1)) + nr > boundary;
}
/** Finds `nr` clear bits that cross no multiple of `boundary`, sets them, and returns the first; ~0: there are none.  The last
 *  bit
 *  of the map is never given out. */
KMEM_API unsigned long iommu_area_alloc(unsigned long* map, unsigned long size, unsigned long start, unsigned int nr,
                                        unsigned long shift, unsigned long boundary, unsigned long align_mask)
    KMEM_DRIVER_NAME(iommu_area_alloc);
/** Pages of that size that the bytes lie in. */
static inline unsigned long iommu_num_pages(unsigned long address, unsigned long bytes, unsigned long page_size) {
  return DIV_ROUND_UP((address & (page_size - 1)) + bytes, page_size);
}
KMEM_END_C
#endif
