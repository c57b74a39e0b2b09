#ifndef KMEM_TREE_ASM_SECTIONS_H
#define KMEM_TREE_ASM_SECTIONS_H
#include <linux/types.h>
/* The program's text and data; the symbols are from the linker. */
extern char etext[], edata[], end[];
#define __start_rodata etext
#define __end_rodata etext
#endif
