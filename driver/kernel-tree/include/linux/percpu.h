/* Adds the types that the kernel's <linux/percpu.h> includes. */
#include_next <linux/percpu.h>
#ifndef KMEM_TREE_LINUX_PERCPU_H
#define KMEM_TREE_LINUX_PERCPU_H
#include <linux/smp.h>
#endif
