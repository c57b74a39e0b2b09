#ifndef KMEM_LINUX_IOPORT_H
#define KMEM_LINUX_IOPORT_H
/* Who has which physical addresses: a driver claims the registers of its device, so that no other does.  Task context. */
#include <kmem/c_face.h>
#include <linux/types.h>
#include <stddef.h>

#ifndef KMEM_RESOURCE_SIZE_T
#define KMEM_RESOURCE_SIZE_T
typedef phys_addr_t resource_size_t;
#endif

#define IORESOURCE_IO 0x00000100
#define IORESOURCE_MEM 0x00000200
#define IORESOURCE_BUSY 0x80000000

/** A stretch of physical addresses; `end` is the last one. */
struct resource {
  resource_size_t start;
  resource_size_t end;
  const char* name;
  unsigned long flags;
};

#define DEFINE_RES_MEM_NAMED(begin, bytes, label) \
  { .start = (begin), .end = (begin) + (bytes) - 1, .name = (label), .flags = IORESOURCE_MEM }
#define DEFINE_RES_MEM(begin, bytes) DEFINE_RES_MEM_NAMED(begin, bytes, NULL)

KMEM_BEGIN_C

static inline resource_size_t resource_size(const struct resource* res) { return res->end - res->start + 1; }
static inline unsigned long resource_type(const struct resource* res) { return res->flags & (IORESOURCE_IO | IORESOURCE_MEM); }

/** NULL where somebody has part of it, or there is no room for more names. */
KMEM_API struct resource* request_mem_region(resource_size_t start, resource_size_t bytes, const char* name) KMEM_NOTHROW;
/** Start and size as they were requested; others are reported. */
KMEM_API void release_mem_region(resource_size_t start, resource_size_t bytes) KMEM_NOTHROW;

KMEM_END_C

#endif
