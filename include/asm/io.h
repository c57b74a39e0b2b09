#ifndef KMEM_ASM_IO_H
#define KMEM_ASM_IO_H
/* Devices' registers: physical space mapped into the window, and the functions that read and write it.  Besides,
 * virt_to_phys() and phys_to_virt(), where kernel code looks for them.
 *
 * ioremap() allocates no memory.  What it can map: the memory of a PCI function or a UIO device, as the host shows it, if no
 * driver of the host has the function; and what the program has registered (<kmem/device.h>).  All else is refused, with a
 * report that says why.  Mapping and unmapping may sleep: task context.  An address is for readl() and its kin only; they
 * are for every context, and where a device is simulated they call its functions.  docs/ioremap.md.
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

/** Maps `size` bytes of device memory, of any alignment.  NULL where that cannot be. */
KMEM_API void __iomem* ioremap(phys_addr_t physical, size_t size) KMEM_NOTHROW;
/** Writes may be combined, where the host can: through a function's file resourceN_wc. */
KMEM_API void __iomem* ioremap_wc(phys_addr_t physical, size_t size) KMEM_NOTHROW;
/** The host decides how a mapping is cached: these are as ioremap(), which is never weaker than what they ask for... */
KMEM_API void __iomem* ioremap_uc(phys_addr_t physical, size_t size) KMEM_NOTHROW;
KMEM_API void __iomem* ioremap_np(phys_addr_t physical, size_t size) KMEM_NOTHROW;
/** ...and these ask for what may be cached, and get what is correct and slower. */
KMEM_API void __iomem* ioremap_wt(phys_addr_t physical, size_t size) KMEM_NOTHROW;
KMEM_API void __iomem* ioremap_cache(phys_addr_t physical, size_t size) KMEM_NOTHROW;
/** Takes the mapping back; NULL is nothing.  Other addresses are reported, and nothing changes. */
KMEM_API void iounmap(volatile void __iomem* address) KMEM_NOTHROW;

/* One access of exactly that width, never torn, repeated, left out or moved over another one to a device; the device's bytes
 * are little-endian.  Before a write all earlier writes to memory are done, after a read later ones begin. */
KMEM_API u8 readb(const volatile void __iomem* address) KMEM_NOTHROW;
KMEM_API u16 readw(const volatile void __iomem* address) KMEM_NOTHROW;
KMEM_API u32 readl(const volatile void __iomem* address) KMEM_NOTHROW;
KMEM_API u64 readq(const volatile void __iomem* address) KMEM_NOTHROW;
KMEM_API void writeb(u8 value, volatile void __iomem* address) KMEM_NOTHROW;
KMEM_API void writew(u16 value, volatile void __iomem* address) KMEM_NOTHROW;
KMEM_API void writel(u32 value, volatile void __iomem* address) KMEM_NOTHROW;
KMEM_API void writeq(u64 value, volatile void __iomem* address) KMEM_NOTHROW;

/* Without order against memory; here none is weaker. */
#define readb_relaxed(address) readb(address)
#define readw_relaxed(address) readw(address)
#define readl_relaxed(address) readl(address)
#define readq_relaxed(address) readq(address)
#define writeb_relaxed(value, address) writeb(value, address)
#define writew_relaxed(value, address) writew(value, address)
#define writel_relaxed(value, address) writel(value, address)
#define writeq_relaxed(value, address) writeq(value, address)

static inline u8 ioread8(const volatile void __iomem* address) { return readb(address); }
static inline u16 ioread16(const volatile void __iomem* address) { return readw(address); }
static inline u32 ioread32(const volatile void __iomem* address) { return readl(address); }
static inline u64 ioread64(const volatile void __iomem* address) { return readq(address); }
static inline u16 ioread16be(const volatile void __iomem* address) { return __builtin_bswap16(readw(address)); }
static inline u32 ioread32be(const volatile void __iomem* address) { return __builtin_bswap32(readl(address)); }
static inline u64 ioread64be(const volatile void __iomem* address) { return __builtin_bswap64(readq(address)); }
static inline void iowrite8(u8 value, volatile void __iomem* address) { writeb(value, address); }
static inline void iowrite16(u16 value, volatile void __iomem* address) { writew(value, address); }
static inline void iowrite32(u32 value, volatile void __iomem* address) { writel(value, address); }
static inline void iowrite64(u64 value, volatile void __iomem* address) { writeq(value, address); }
static inline void iowrite16be(u16 value, volatile void __iomem* address) { writew(__builtin_bswap16(value), address); }
static inline void iowrite32be(u32 value, volatile void __iomem* address) { writel(__builtin_bswap32(value), address); }
static inline void iowrite64be(u64 value, volatile void __iomem* address) { writeq(__builtin_bswap64(value), address); }

/** The same register, `count` times, into an array or out of it. */
KMEM_API void readsb(const volatile void __iomem* address, void* to, unsigned int count) KMEM_NOTHROW;
KMEM_API void readsw(const volatile void __iomem* address, void* to, unsigned int count) KMEM_NOTHROW;
KMEM_API void readsl(const volatile void __iomem* address, void* to, unsigned int count) KMEM_NOTHROW;
KMEM_API void readsq(const volatile void __iomem* address, void* to, unsigned int count) KMEM_NOTHROW;
KMEM_API void writesb(volatile void __iomem* address, const void* from, unsigned int count) KMEM_NOTHROW;
KMEM_API void writesw(volatile void __iomem* address, const void* from, unsigned int count) KMEM_NOTHROW;
KMEM_API void writesl(volatile void __iomem* address, const void* from, unsigned int count) KMEM_NOTHROW;
KMEM_API void writesq(volatile void __iomem* address, const void* from, unsigned int count) KMEM_NOTHROW;
#define ioread8_rep(address, to, count) readsb(address, to, count)
#define ioread16_rep(address, to, count) readsw(address, to, count)
#define ioread32_rep(address, to, count) readsl(address, to, count)
#define iowrite8_rep(address, from, count) writesb(address, from, count)
#define iowrite16_rep(address, from, count) writesw(address, from, count)
#define iowrite32_rep(address, from, count) writesl(address, from, count)

/** Blocks of device memory; in aligned accesses of 8 bytes where they fit, else of 1. */
KMEM_API void memcpy_fromio(void* to, const volatile void __iomem* from, size_t bytes) KMEM_NOTHROW;
KMEM_API void memcpy_toio(volatile void __iomem* to, const void* from, size_t bytes) KMEM_NOTHROW;
KMEM_API void memset_io(volatile void __iomem* to, int value, size_t bytes) KMEM_NOTHROW;

KMEM_END_C

#endif
