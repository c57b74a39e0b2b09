#ifndef KMEM_LINUX_LINKAGE_H
#define KMEM_LINUX_LINKAGE_H
#include <linux/compiler_attributes.h>
#define __page_aligned_data __attribute__((__aligned__(4096)))
#define __page_aligned_bss __attribute__((__aligned__(4096)))
#endif
