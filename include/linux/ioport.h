#ifndef KMEM_LINUX_IOPORT_H
#define KMEM_LINUX_IOPORT_H
/* Who has which physical addresses: a driver claims the registers of its device, so that no other does.  Task context. */
#include <kmem/c_face.h>
#include <linux/types.h>

#ifndef KMEM_RESOURCE_SIZE_T
#define KMEM_RESOURCE_SIZE_T
typedef phys_addr_t resource_size_t;
#endif

/** Opaque: non-null means that the region is yours. */
struct resource;

KMEM_BEGIN_C

/** NULL where somebody has part of it, or there is no room for more names. */
KMEM_API struct resource* request_mem_region(resource_size_t start, resource_size_t bytes, const char* name) KMEM_NOTHROW;
/** Start and size as they were requested; others are reported. */
KMEM_API void release_mem_region(resource_size_t start, resource_size_t bytes) KMEM_NOTHROW;

KMEM_END_C

#endif
