#ifndef KMEM_ASM_BITOPS_H
#define KMEM_ASM_BITOPS_H
#include <linux/bitops.h>
#endif
