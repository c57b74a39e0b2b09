#ifndef KMEM_TREE_LINUX_SPINLOCK_TYPES_RAW_H
#define KMEM_TREE_LINUX_SPINLOCK_TYPES_RAW_H
#include <linux/spinlock.h>
#endif
