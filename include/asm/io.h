#ifndef KMEM_ASM_IO_H
#define KMEM_ASM_IO_H
/* virt_to_phys() and phys_to_virt(), where kernel code looks for them. */
#include <asm/page.h>
#endif
