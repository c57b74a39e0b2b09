#ifndef KMEM_TREE_LINUX_CAPABILITY_H
#define KMEM_TREE_LINUX_CAPABILITY_H
/* The numbers; capable() and related functions are in <linux/cred.h>. */
#include <uapi/linux/capability.h>
#endif
