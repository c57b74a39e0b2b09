#ifndef KMEM_TREE_LINUX_RWLOCK_TYPES_H
#define KMEM_TREE_LINUX_RWLOCK_TYPES_H
#include <linux/spinlock.h>
#endif
