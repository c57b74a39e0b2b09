#ifndef KMEM_DEVICE_H
#define KMEM_DEVICE_H
/* Devices that a program registers itself, for ioremap().  All but kmem_iomem() may sleep: task context.  Errors are negative:
 * -EINVAL, -EBUSY for an overlap or a device that is mapped, -ENOSPC, -ENODEV, -EIO if the file cannot be used. */
#include <kmem/c_face.h>
#include <linux/types.h>
#include <stddef.h>

/** A simulated device's registers.  `bytes` is 1, 2, 4 or 8; called by readl(), writel() and similar functions, in their
 *  context. */
struct kmem_device_ops {
  unsigned long long (*read)(void* device, size_t offset, unsigned bytes);
  void (*write)(void* device, size_t offset, unsigned bytes, unsigned long long value);
};

KMEM_BEGIN_C

/** A part of an open file (a VFIO region, a memfd, anything that can be mapped) as device memory at a physical address. The
 *  file may be closed afterwards.  `offset` and `physical` must agree within a page. */
KMEM_API int kmem_register_device_region(const char* name, phys_addr_t physical, size_t bytes, int file,
                                         unsigned long long offset) KMEM_NOTHROW;
/** Functions as registers; `ops` must stay valid. NULL functions: reads return all ones, writes are ignored. */
KMEM_API int kmem_register_simulated_device(const char* name, phys_addr_t physical, size_t bytes,
                                            const struct kmem_device_ops* ops, void* device) KMEM_NOTHROW;
/** By its first address. */
KMEM_API int kmem_unregister_device(phys_addr_t physical) KMEM_NOTHROW;
/** The folder with the host's devices; "/sys" unless set here or by the boot word sysfs=. NULL: none. */
KMEM_API void kmem_set_sysfs(const char* folder) KMEM_NOTHROW;
/** Devices and claimed regions, as lines of the kernel's /proc/iomem; as snprintf(). */
KMEM_API size_t kmem_iomem(char* buffer, size_t size) KMEM_NOTHROW;

KMEM_END_C

#endif
