#ifndef KMEM_INTEGERS_H
#define KMEM_INTEGERS_H
/* uint8_t ... uintptr_t, size_t, ptrdiff_t and bool, from the compiler's headers; or, with KMEM_KERNEL_TREE, from the kernel's
 * <linux/types.h>, which conflicts with <stdint.h> and <stdbool.h>. docs/kernel-tree.md. */
#ifdef KMEM_KERNEL_TREE
#include <linux/types.h>
typedef long intptr_t;
#else
#include <stddef.h>
#include <stdint.h>
#ifndef __cplusplus
#include <stdbool.h>
#endif
#endif

#endif
