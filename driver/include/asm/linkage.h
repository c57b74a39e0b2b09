#ifndef KMEM_ASM_LINKAGE_H
#define KMEM_ASM_LINKAGE_H
#include <linux/linkage.h>
#endif
