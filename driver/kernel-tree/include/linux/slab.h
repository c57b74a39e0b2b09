/* Adds the headers that the kernel's <linux/slab.h> includes. */
#include_next <linux/slab.h>
#ifndef KMEM_TREE_LINUX_SLAB_H
#define KMEM_TREE_LINUX_SLAB_H
#include <linux/kernel.h>
#endif
