#ifndef KMEM_TREE_LINUX_NODE_H
#define KMEM_TREE_LINUX_NODE_H
#include <linux/types.h>
#endif
