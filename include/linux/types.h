/* Types that kernel code expects, added to the system's own <linux/types.h>.
 *
 * glibc and the user-space kernel headers (<linux/if.h>, <linux/futex.h> ...) include this name too, so the system's
 * header comes first, whole.  A program that gives u8 ... u64 another meaning and includes such a header defines
 * KMEM_NO_KERNEL_TYPES; the kernel-named headers of kmem work without them. */
#include <kmem/system_linux_types.h>

#ifndef KMEM_LINUX_TYPES_H
#define KMEM_LINUX_TYPES_H

#include <stddef.h>
#include <stdint.h>
#ifndef __cplusplus
#include <stdbool.h>
#endif
#if __STDC_HOSTED__
#include <sys/types.h> /* ssize_t, loff_t, pid_t ... as user space has them */
#endif

/** Flags of an allocation: what the caller allows and wants.  The bits are in <linux/gfp_types.h>. */
typedef unsigned int gfp_t;
/** Flags of a cache: SLAB_* in <linux/slab.h>. */
typedef unsigned int slab_flags_t;

/** An address as a device is given it, in bytes.  In a process it is an I/O virtual address: frame number times
 *  page size, and an IOMMU can be given the arena as it stands. */
typedef uint64_t phys_addr_t;
typedef uint64_t dma_addr_t;
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

/** The links of a circular, doubly linked list; <linux/list.h> itself is not part of kmem. */
struct list_head {
  struct list_head *next, *prev;
};
#endif

#endif
