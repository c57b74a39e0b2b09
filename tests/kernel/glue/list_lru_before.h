/* The tree's list_lru.h, for kernel code, in the place of kmem's. */
#ifdef KMEM_KERNEL_TREE
#define KMEM_LINUX_LIST_LRU_H
#include <include/linux/list_lru.h>
#endif
