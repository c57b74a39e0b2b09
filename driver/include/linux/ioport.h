/* Ownership of register ranges, from kmem's own header, and of I/O ports.
 * Meaning: the kernel's <linux/ioport.h>. */
#include_next <linux/ioport.h>

#ifndef KMEM_DRIVER_LINUX_IOPORT_H
#define KMEM_DRIVER_LINUX_IOPORT_H
#include <kmem/driver_face.h>

struct device;

KMEM_BEGIN_C
/** Claims ports for one driver; NULL: some of them are taken, or there is no memory.  May sleep: task context. */
KMEM_API struct resource* request_region(resource_size_t first, resource_size_t n, const char* name)
    KMEM_DRIVER_NAME(request_region);
/** Must be the same range as requested; otherwise it is reported. */
KMEM_API void release_region(resource_size_t first, resource_size_t n) KMEM_DRIVER_NAME(release_region);
/** Managed: released with the device's other resources. */
KMEM_API struct resource* devm_request_region(struct device* dev, resource_size_t first, resource_size_t n, const char* name)
    KMEM_DRIVER_NAME(devm_request_region);
KMEM_API struct resource* devm_request_mem_region(struct device* dev, resource_size_t first, resource_size_t n,
                                                  const char* name) KMEM_DRIVER_NAME(devm_request_mem_region);
KMEM_END_C
#define request_muxed_region(first, n, name) request_region(first, n, name)
#define request_mem_region_exclusive(first, n, name) request_mem_region(first, n, name)
#endif
