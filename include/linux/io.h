#ifndef KMEM_LINUX_IO_H
#define KMEM_LINUX_IO_H
/* <asm/io.h>, and memremap(). */
#include <asm/io.h>
#include <linux/types.h>

/** The allowed caching modes; at least one. The first possible one is used. */
enum {
  MEMREMAP_WB = 1 << 0,  /* cached: RAM, or ioremap_cache() */
  MEMREMAP_WT = 1 << 1,  /* write-through: not for RAM, which is cached */
  MEMREMAP_WC = 1 << 2,  /* writes are combined: not for RAM */
  MEMREMAP_ENC = 1 << 3, /* encrypted or decrypted: no effect, because there is no such memory here */
  MEMREMAP_DEC = 1 << 4
};

KMEM_BEGIN_C

/** Maps `bytes` of physical space without side effects. For kmem's RAM returns its permanent address, only with MEMREMAP_WB;
 *  maps a device as ioremap(). NULL on failure.  May sleep: task context. */
KMEM_API void* memremap(resource_size_t physical, size_t bytes, unsigned long flags) KMEM_NOTHROW_NAME(memremap);
/** Removes such a mapping; NULL and addresses of RAM are ignored.  May sleep: task context. */
KMEM_API void memunmap(void* address) KMEM_NOTHROW_NAME(memunmap);

KMEM_END_C

#endif
