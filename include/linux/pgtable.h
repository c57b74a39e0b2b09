#ifndef KMEM_LINUX_PGTABLE_H
#define KMEM_LINUX_PGTABLE_H
/* The name since 5.8; <asm/pgtable.h> has the contents. */
#include <asm/pgtable.h>
#endif
