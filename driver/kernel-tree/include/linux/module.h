/* Adds the headers that the kernel's <linux/module.h> includes, and on which its modules rely. */
#include_next <linux/module.h>
#ifndef KMEM_TREE_LINUX_MODULE_H
#define KMEM_TREE_LINUX_MODULE_H
#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/cache.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/idr.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/stat.h>
#include <linux/stringify.h>
#endif
