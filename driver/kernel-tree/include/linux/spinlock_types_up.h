#ifndef KMEM_TREE_LINUX_SPINLOCK_TYPES_UP_H
#define KMEM_TREE_LINUX_SPINLOCK_TYPES_UP_H
#include <linux/spinlock.h>
#endif
