#ifndef KMEM_LINUX_GFP_TYPES_H
#define KMEM_LINUX_GFP_TYPES_H
/* The GFP flags: which zones may serve an allocation, how hard to try, and which actions are allowed.
 *
 * Meaning: the kernel's Documentation/core-api/memory-allocation.rst; for the 2.6 names, Linux Device Drivers,
 * 3rd edition, chapter 8.  The numbers are kmem's own and part of its ABI. Use only the names.
 *
 *   bits 0 to 4    which memory         bits 10 to 13  what to do when there is none
 *   bits 5 to 9    what may be done     bits 14 to 22  what it should be like, and for whom
 */
#include <linux/types.h>

/* Which memory.  Without any of these: the Normal zone, then DMA32, then DMA. */

/** Only from the DMA zone: physical addresses below 16 MiB. */
#define __GFP_DMA ((gfp_t)0x000001u)
/** High memory first, then as without a zone flag. Only for pages; the page may have no permanent address. */
#define __GFP_HIGHMEM ((gfp_t)0x000002u)
/** Physical addresses below 4 GiB: the DMA32 zone, then DMA. */
#define __GFP_DMA32 ((gfp_t)0x000004u)
/** The owner can move the contents.  Accepted; pages of user space are not moved here. */
#define __GFP_MOVABLE ((gfp_t)0x000008u)
/** A shrinker can free the memory. */
#define __GFP_RECLAIMABLE ((gfp_t)0x000010u)
#define GFP_ZONEMASK (__GFP_DMA | __GFP_HIGHMEM | __GFP_DMA32 | __GFP_MOVABLE)

/* What may be done to find it. */

/** May take the last pages, those kept in reserve for callers that cannot wait. */
#define __GFP_HIGH ((gfp_t)0x000020u)
/** Reclaim may start I/O. */
#define __GFP_IO ((gfp_t)0x000040u)
/** Reclaim may call into a file system. */
#define __GFP_FS ((gfp_t)0x000080u)
/** The caller itself may reclaim, and so may sleep. */
#define __GFP_DIRECT_RECLAIM ((gfp_t)0x000100u)
/** May wake the thread that reclaims in the background. */
#define __GFP_KSWAPD_RECLAIM ((gfp_t)0x000200u)
#define __GFP_RECLAIM (__GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM)
/** 2.6: may sleep.  One bit, so that old code's test `flags & __GFP_WAIT` works. */
#define __GFP_WAIT __GFP_DIRECT_RECLAIM

/* What to do when there is none. */

/** No report of a failure. */
#define __GFP_NOWARN ((gfp_t)0x000400u)
/** Tries several times, and can still fail. */
#define __GFP_RETRY_MAYFAIL ((gfp_t)0x000800u)
/** 2.6 name of __GFP_RETRY_MAYFAIL. */
#define __GFP_REPEAT __GFP_RETRY_MAYFAIL
/** Never NULL: waits for ever. Only with flags that allow sleeping. */
#define __GFP_NOFAIL ((gfp_t)0x001000u)
/** One try, then NULL at once. */
#define __GFP_NORETRY ((gfp_t)0x002000u)

/* What it should be like. */

/** All bytes zero. */
#define __GFP_ZERO ((gfp_t)0x004000u)
/** A compound page: each of its frames leads to the first one. */
#define __GFP_COMP ((gfp_t)0x008000u)
/** Only from the given node, else NULL. */
#define __GFP_THISNODE ((gfp_t)0x010000u)
/** Charged to the caller's memory group. */
#define __GFP_ACCOUNT ((gfp_t)0x020000u)
/** May use all reserves: the caller will free more memory than it takes, soon. */
#define __GFP_MEMALLOC ((gfp_t)0x040000u)
/** May not use the reserves; stronger than __GFP_MEMALLOC. */
#define __GFP_NOMEMALLOC ((gfp_t)0x080000u)
/** Only from nodes that the caller's policy allows. */
#define __GFP_HARDWALL ((gfp_t)0x100000u)
/** The caller will write to the page; a hint about spreading. */
#define __GFP_WRITE ((gfp_t)0x200000u)
/** 2.6: the page that is least likely to be in a CPU's cache, for data that a device writes. */
#define __GFP_COLD ((gfp_t)0x400000u)

#define __GFP_BITS_SHIFT 23
#define __GFP_BITS_MASK ((gfp_t)((1u << __GFP_BITS_SHIFT) - 1))

/* The words that callers use. */

/** A caller that can sleep: task context, no spinlock held. */
#define GFP_KERNEL (__GFP_RECLAIM | __GFP_IO | __GFP_FS)
#define GFP_KERNEL_ACCOUNT (GFP_KERNEL | __GFP_ACCOUNT)
/** Never sleeps and may use a part of the reserve: interrupt handlers (in a process, signal handlers), spinlocks. */
#define GFP_ATOMIC (__GFP_HIGH | __GFP_KSWAPD_RECLAIM)
/** Never sleeps, and does not use the reserve.  As in today's kernel, its failures are expected and not reported. */
#define GFP_NOWAIT (__GFP_KSWAPD_RECLAIM | __GFP_NOWARN)
/** May sleep; reclaim starts no I/O. For code on which I/O depends. */
#define GFP_NOIO __GFP_RECLAIM
/** May sleep; reclaim does not call into a file system.  For file systems. */
#define GFP_NOFS (__GFP_RECLAIM | __GFP_IO)
/** Pages for user space; may sleep. */
#define GFP_USER (__GFP_RECLAIM | __GFP_IO | __GFP_FS | __GFP_HARDWALL)
/** As GFP_USER, from high memory if there is any. */
#define GFP_HIGHUSER (GFP_USER | __GFP_HIGHMEM)
#define GFP_HIGHUSER_MOVABLE (GFP_HIGHUSER | __GFP_MOVABLE)
/** Zone words, to be combined with one of the above. */
#define GFP_DMA __GFP_DMA
#define GFP_DMA32 __GFP_DMA32

/** A huge page for user space: compound, without reclaim; the second with direct reclaim. */
#define GFP_TRANSHUGE_LIGHT ((GFP_HIGHUSER_MOVABLE | __GFP_COMP | __GFP_NOMEMALLOC | __GFP_NOWARN) & ~__GFP_RECLAIM)
#define GFP_TRANSHUGE (GFP_TRANSHUGE_LIGHT | __GFP_DIRECT_RECLAIM)
/** Until 4.13: short-lived. */
#define GFP_TEMPORARY (GFP_KERNEL | __GFP_RECLAIMABLE)
/** Until 4.4: I/O and file system calls, but without permission to reclaim. */
#define GFP_IOFS (__GFP_IO | __GFP_FS)

/* No effect, as in a kernel without lockdep, kmemcheck, memory tags and object extensions. */
#define __GFP_NOLOCKDEP ((gfp_t)0)
#define __GFP_NOTRACK ((gfp_t)0)
#define __GFP_SKIP_KASAN ((gfp_t)0)
#define __GFP_SKIP_ZERO ((gfp_t)0)
#define __GFP_ZEROTAGS ((gfp_t)0)
#define __GFP_NO_OBJ_EXT ((gfp_t)0)

#endif
