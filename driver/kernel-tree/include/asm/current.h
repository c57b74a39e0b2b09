#ifndef KMEM_TREE_ASM_CURRENT_H
#define KMEM_TREE_ASM_CURRENT_H
#include <linux/sched.h>
#endif
