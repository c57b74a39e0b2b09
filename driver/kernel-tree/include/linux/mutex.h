/* Adds spin locks, which the kernel's <linux/mutex.h> includes. */
#include_next <linux/mutex.h>
#ifndef KMEM_TREE_LINUX_MUTEX_H
#define KMEM_TREE_LINUX_MUTEX_H
#include <linux/spinlock.h>
#endif
