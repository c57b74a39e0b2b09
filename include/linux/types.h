/* Types that kernel code expects, added to the system's own <linux/types.h>.
 *
 * glibc and the user-space kernel headers (<linux/if.h>, <linux/futex.h> ...) include this name too, so the system's header is
 * included first. A program that uses u8 ... u64 for something else and includes such a header defines KMEM_NO_KERNEL_TYPES;
 * kmem's headers work without them. */
#ifdef KMEM_LINUX_TYPES_OPEN /* included by another kmem's header on its way to the system's */
#include_next <linux/types.h>
#else
#define KMEM_LINUX_TYPES_OPEN
#include <kmem/system_linux_types.h>
#undef KMEM_LINUX_TYPES_OPEN
#endif

#ifndef KMEM_LINUX_TYPES_H
#define KMEM_LINUX_TYPES_H

#include <kmem/integers.h>
#if __STDC_HOSTED__
#include <sys/types.h> /* ssize_t, loff_t, pid_t ... as user space has them */
#endif

/** Flags of an allocation: what the caller allows and wants.  The bits are in <linux/gfp_types.h>. */
typedef unsigned int gfp_t;
/** Flags of a cache: SLAB_* in <linux/slab.h>. */
typedef unsigned int slab_flags_t;

/** A bus address for devices, in bytes.  In a process it is an I/O virtual address: frame number times page size, and an IOMMU
 *  can map the arena with these addresses. */
__extension__ typedef unsigned long long phys_addr_t; /* u64: %llx */
__extension__ typedef unsigned long long dma_addr_t;
typedef phys_addr_t resource_size_t;

#ifndef KMEM_NO_KERNEL_TYPES
typedef unsigned char u8;
typedef signed char s8;
typedef unsigned short u16;
typedef signed short s16;
typedef unsigned int u32;
typedef signed int s32;
__extension__ typedef unsigned long long u64;
__extension__ typedef signed long long s64;
typedef unsigned long pgoff_t;
typedef u64 sector_t;

/** The links of a circular, doubly linked list: <linux/list.h>. */
struct list_head {
  struct list_head *next, *prev;
};
#endif

#endif
