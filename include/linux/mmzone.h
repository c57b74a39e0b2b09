#ifndef KMEM_LINUX_MMZONE_H
#define KMEM_LINUX_MMZONE_H
/* Zones: the classes of physical addresses that an allocation can request. */
#include <linux/mm_types.h>

/** The largest order: 2^10 pages, 4 MiB.  Inclusive, as in kernels from 6.4 on. */
#define MAX_PAGE_ORDER 10
#define MAX_ORDER MAX_PAGE_ORDER
#define NR_PAGE_ORDERS (MAX_PAGE_ORDER + 1)
#define MAX_ORDER_NR_PAGES (1 << MAX_PAGE_ORDER)
/** The order of a huge page: the allocator tries to keep such blocks whole. */
#define pageblock_order 9
/** Orders above this one are costly: rarely requested, and allocations may take longer. */
#define PAGE_ALLOC_COSTLY_ORDER 3

/** By physical address, lowest first: below 16 MiB, below 4 GiB, the rest, and memory without a permanent address. */
enum zone_type { ZONE_DMA, ZONE_DMA32, ZONE_NORMAL, ZONE_HIGHMEM, MAX_NR_ZONES };

/** One zone of one node, and one node.  The reports zoneinfo and buddyinfo show their contents. */
struct zone;
struct pglist_data;
typedef struct pglist_data pg_data_t;

#ifndef NUMA_NO_NODE
/** Any node, the nearest to the caller's CPU first. */
#define NUMA_NO_NODE (-1)
#endif

#endif
