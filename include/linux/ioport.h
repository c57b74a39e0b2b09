#ifndef KMEM_LINUX_IOPORT_H
#define KMEM_LINUX_IOPORT_H
/* Owners of physical addresses: a driver claims the registers of its device, so that no other driver can.  request_mem_region()
 * may sleep: task context.  release_mem_region(): any context. */
#include <kmem/c_face.h>
#include <linux/types.h>
#include <stddef.h>

#define IORESOURCE_IO 0x00000100
#define IORESOURCE_MEM 0x00000200
#define IORESOURCE_REG 0x00000300
#define IORESOURCE_IRQ 0x00000400
#define IORESOURCE_DMA 0x00000800
#define IORESOURCE_BUS 0x00001000
#define IORESOURCE_TYPE_BITS 0x00001f00
#define IORESOURCE_PREFETCH 0x00002000
#define IORESOURCE_READONLY 0x00004000
#define IORESOURCE_SHADOWABLE 0x00010000
#define IORESOURCE_SIZEALIGN 0x00040000
#define IORESOURCE_STARTALIGN 0x00080000
#define IORESOURCE_MEM_64 0x00100000
#define IORESOURCE_EXCLUSIVE 0x08000000
#define IORESOURCE_DISABLED 0x10000000
#define IORESOURCE_UNSET 0x20000000
#define IORESOURCE_AUTO 0x40000000
#define IORESOURCE_BUSY 0x80000000

/** A range of physical addresses; `end` is the last one. */
struct resource {
  resource_size_t start;
  resource_size_t end;
  const char* name;
  unsigned long flags;
};

#define DEFINE_RES_NAMED(begin, bytes, label, kind) \
  { .start = (begin), .end = (begin) + (bytes)-1, .name = (label), .flags = (kind) }
#define DEFINE_RES_MEM_NAMED(begin, bytes, label) DEFINE_RES_NAMED(begin, bytes, label, IORESOURCE_MEM)
#define DEFINE_RES_MEM(begin, bytes) DEFINE_RES_MEM_NAMED(begin, bytes, NULL)
#define DEFINE_RES_IO_NAMED(begin, bytes, label) DEFINE_RES_NAMED(begin, bytes, label, IORESOURCE_IO)
#define DEFINE_RES_IO(begin, bytes) DEFINE_RES_IO_NAMED(begin, bytes, NULL)
#define DEFINE_RES_IRQ_NAMED(number, label) DEFINE_RES_NAMED(number, 1, label, IORESOURCE_IRQ)
#define DEFINE_RES_IRQ(number) DEFINE_RES_IRQ_NAMED(number, NULL)

KMEM_BEGIN_C

static inline resource_size_t resource_size(const struct resource* res) { return res->end - res->start + 1; }
static inline unsigned long resource_type(const struct resource* res) { return res->flags & IORESOURCE_TYPE_BITS; }

/** NULL if a driver has claimed part of it, or if the table is full. */
KMEM_API struct resource* request_mem_region(resource_size_t start, resource_size_t bytes, const char* name)
    KMEM_NOTHROW_NAME(request_mem_region);
/** Start and size as they were requested; others are reported. */
KMEM_API void release_mem_region(resource_size_t start, resource_size_t bytes) KMEM_NOTHROW_NAME(release_mem_region);

KMEM_END_C

#endif
