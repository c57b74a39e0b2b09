/* Registers, which are kmem's own, and I/O ports: 65536 of them, each a byte, behind which simulated devices lie
 * (<kmem/simulated.h>).  A port without a simulated device reads as all ones.
 *
 * Ports: any context.  ioport_map(): task context.  Meaning: the kernel's <asm/io.h>. */
#include_next <asm/io.h>

#ifndef KMEM_DRIVER_ASM_IO_H
#define KMEM_DRIVER_ASM_IO_H
#include <kmem/driver_face.h>

KMEM_BEGIN_C
KMEM_API unsigned char inb(unsigned long port) KMEM_DRIVER_NAME(inb);
KMEM_API unsigned short inw(unsigned long port) KMEM_DRIVER_NAME(inw);
KMEM_API unsigned int inl(unsigned long port) KMEM_DRIVER_NAME(inl);
KMEM_API void outb(unsigned char value, unsigned long port) KMEM_DRIVER_NAME(outb);
KMEM_API void outw(unsigned short value, unsigned long port) KMEM_DRIVER_NAME(outw);
KMEM_API void outl(unsigned int value, unsigned long port) KMEM_DRIVER_NAME(outl);
/** One port, `n` times. */
KMEM_API void insb(unsigned long port, void* to, unsigned long n) KMEM_DRIVER_NAME(insb);
KMEM_API void insw(unsigned long port, void* to, unsigned long n) KMEM_DRIVER_NAME(insw);
KMEM_API void insl(unsigned long port, void* to, unsigned long n) KMEM_DRIVER_NAME(insl);
KMEM_API void outsb(unsigned long port, const void* from, unsigned long n) KMEM_DRIVER_NAME(outsb);
KMEM_API void outsw(unsigned long port, const void* from, unsigned long n) KMEM_DRIVER_NAME(outsw);
KMEM_API void outsl(unsigned long port, const void* from, unsigned long n) KMEM_DRIVER_NAME(outsl);
/** Maps ports for ioread8() and related functions; NULL: no simulated device has them. */
KMEM_API void __iomem* ioport_map(unsigned long port, unsigned int n) KMEM_DRIVER_NAME(ioport_map);
KMEM_API void ioport_unmap(void __iomem* address) KMEM_DRIVER_NAME(ioport_unmap);
KMEM_END_C
#define inb_p(port) inb(port)
#define inw_p(port) inw(port)
#define inl_p(port) inl(port)
#define outb_p(value, port) outb(value, port)
#define outw_p(value, port) outw(value, port)
#define outl_p(value, port) outl(value, port)
#endif
