#ifndef KMEM_ASM_IO_H
#define KMEM_ASM_IO_H
/* Devices' registers: mapping them into the window, and the functions that read and write them. Also virt_to_phys() and
 * phys_to_virt(), which kernel code expects here.
 *
 * ioremap() allocates no memory.  It can map the memory of a PCI function or a UIO device of the host, if no driver of the host
 * uses it, and devices that the program has registered (<kmem/device.h>). Other requests fail, with a report that says why.
 * ioremap() and iounmap() may sleep: task context.  The address is only for readl() and similar functions, which may be called
 * in any context; for a simulated device they call its functions.  docs/ioremap.md.
 *
 * Meaning: the kernel's Documentation/driver-api/device-io.rst. */
#include <asm/barrier.h>
#include <asm/page.h>
#include <kmem/c_face.h>
#include <linux/types.h>

#ifndef __iomem
#define __iomem
#endif

KMEM_BEGIN_C

/** Maps `size` bytes of device memory, of any alignment. NULL on failure. */
KMEM_API void __iomem* ioremap(phys_addr_t physical, size_t size) KMEM_NOTHROW_NAME(ioremap);
/** Writes may be combined, if the host can: through a function's file resourceN_wc. */
KMEM_API void __iomem* ioremap_wc(phys_addr_t physical, size_t size) KMEM_NOTHROW_NAME(ioremap_wc);
/** The host decides how a mapping is cached: these are as ioremap(), which is at least as strongly ordered... */
KMEM_API void __iomem* ioremap_uc(phys_addr_t physical, size_t size) KMEM_NOTHROW_NAME(ioremap_uc);
KMEM_API void __iomem* ioremap_np(phys_addr_t physical, size_t size) KMEM_NOTHROW_NAME(ioremap_np);
/** ...and these allow caching, but get the same uncached mapping: correct, and slower. */
KMEM_API void __iomem* ioremap_wt(phys_addr_t physical, size_t size) KMEM_NOTHROW_NAME(ioremap_wt);
KMEM_API void __iomem* ioremap_cache(phys_addr_t physical, size_t size) KMEM_NOTHROW_NAME(ioremap_cache);
/** Removes the mapping; NULL is ignored. Other addresses are reported, and nothing changes. */
KMEM_API void iounmap(volatile void __iomem* address) KMEM_NOTHROW_NAME(iounmap);

/* One access of exactly that width, never torn, repeated, omitted or reordered with another one to a device; the device's bytes
 * are little-endian. A write comes after all earlier writes to memory, a read before all later accesses. */
KMEM_API unsigned char readb(const volatile void __iomem* address) KMEM_NOTHROW_NAME(readb);
KMEM_API unsigned short readw(const volatile void __iomem* address) KMEM_NOTHROW_NAME(readw);
KMEM_API unsigned int readl(const volatile void __iomem* address) KMEM_NOTHROW_NAME(readl);
KMEM_API unsigned long long readq(const volatile void __iomem* address) KMEM_NOTHROW_NAME(readq);
KMEM_API void writeb(unsigned char value, volatile void __iomem* address) KMEM_NOTHROW_NAME(writeb);
KMEM_API void writew(unsigned short value, volatile void __iomem* address) KMEM_NOTHROW_NAME(writew);
KMEM_API void writel(unsigned int value, volatile void __iomem* address) KMEM_NOTHROW_NAME(writel);
KMEM_API void writeq(unsigned long long value, volatile void __iomem* address) KMEM_NOTHROW_NAME(writeq);

/* Without ordering against memory in the kernel; here the same as the ordered ones. */
#define readb_relaxed(address) readb(address)
#define readw_relaxed(address) readw(address)
#define readl_relaxed(address) readl(address)
#define readq_relaxed(address) readq(address)
#define writeb_relaxed(value, address) writeb(value, address)
#define writew_relaxed(value, address) writew(value, address)
#define writel_relaxed(value, address) writel(value, address)
#define writeq_relaxed(value, address) writeq(value, address)

static inline unsigned char ioread8(const volatile void __iomem* address) { return readb(address); }
static inline unsigned short ioread16(const volatile void __iomem* address) { return readw(address); }
static inline unsigned int ioread32(const volatile void __iomem* address) { return readl(address); }
static inline unsigned long long ioread64(const volatile void __iomem* address) { return readq(address); }
static inline unsigned short ioread16be(const volatile void __iomem* address) { return __builtin_bswap16(readw(address)); }
static inline unsigned int ioread32be(const volatile void __iomem* address) { return __builtin_bswap32(readl(address)); }
static inline unsigned long long ioread64be(const volatile void __iomem* address) { return __builtin_bswap64(readq(address)); }
static inline void iowrite8(unsigned char value, volatile void __iomem* address) { writeb(value, address); }
static inline void iowrite16(unsigned short value, volatile void __iomem* address) { writew(value, address); }
static inline void iowrite32(unsigned int value, volatile void __iomem* address) { writel(value, address); }
static inline void iowrite64(unsigned long long value, volatile void __iomem* address) { writeq(value, address); }
static inline void iowrite16be(unsigned short value, volatile void __iomem* address) {
  writew(__builtin_bswap16(value), address);
}
static inline void iowrite32be(unsigned int value, volatile void __iomem* address) {
  writel(__builtin_bswap32(value), address);
}
static inline void iowrite64be(unsigned long long value, volatile void __iomem* address) {
  writeq(__builtin_bswap64(value), address);
}

/** The same register, `count` times, into an array or out of it. */
KMEM_API void readsb(const volatile void __iomem* address, void* to, unsigned int count) KMEM_NOTHROW_NAME(readsb);
KMEM_API void readsw(const volatile void __iomem* address, void* to, unsigned int count) KMEM_NOTHROW_NAME(readsw);
KMEM_API void readsl(const volatile void __iomem* address, void* to, unsigned int count) KMEM_NOTHROW_NAME(readsl);
KMEM_API void readsq(const volatile void __iomem* address, void* to, unsigned int count) KMEM_NOTHROW_NAME(readsq);
KMEM_API void writesb(volatile void __iomem* address, const void* from, unsigned int count) KMEM_NOTHROW_NAME(writesb);
KMEM_API void writesw(volatile void __iomem* address, const void* from, unsigned int count) KMEM_NOTHROW_NAME(writesw);
KMEM_API void writesl(volatile void __iomem* address, const void* from, unsigned int count) KMEM_NOTHROW_NAME(writesl);
KMEM_API void writesq(volatile void __iomem* address, const void* from, unsigned int count) KMEM_NOTHROW_NAME(writesq);
#define ioread8_rep(address, to, count) readsb(address, to, count)
#define ioread16_rep(address, to, count) readsw(address, to, count)
#define ioread32_rep(address, to, count) readsl(address, to, count)
#define iowrite8_rep(address, from, count) writesb(address, from, count)
#define iowrite16_rep(address, from, count) writesw(address, from, count)
#define iowrite32_rep(address, from, count) writesl(address, from, count)

/** Blocks of device memory; in aligned accesses of 8 bytes where they fit, else of 1. */
KMEM_API void memcpy_fromio(void* to, const volatile void __iomem* from, size_t bytes) KMEM_NOTHROW_NAME(memcpy_fromio);
KMEM_API void memcpy_toio(volatile void __iomem* to, const void* from, size_t bytes) KMEM_NOTHROW_NAME(memcpy_toio);
KMEM_API void memset_io(volatile void __iomem* to, int value, size_t bytes) KMEM_NOTHROW_NAME(memset_io);

KMEM_END_C

#endif
