#ifndef KMEM_TREE_LINUX_NUMA_H
#define KMEM_TREE_LINUX_NUMA_H
#include <linux/mmzone.h>
#define NODES_SHIFT 6
#define MAX_NUMNODES (1 << NODES_SHIFT)
#define numa_map_to_online_node(node) (node)
#define __initdata_or_meminfo
#endif
