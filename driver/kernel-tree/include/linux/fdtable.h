#ifndef KMEM_TREE_LINUX_FDTABLE_H
#define KMEM_TREE_LINUX_FDTABLE_H
/* Empty: tables of open files are the host's. */
#include <linux/fs.h>
#endif
