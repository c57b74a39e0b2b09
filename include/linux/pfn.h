#ifndef KMEM_LINUX_PFN_H
#define KMEM_LINUX_PFN_H
/* Conversions between bytes and frame numbers. */
#include <asm/page.h>

#define PFN_ALIGN(address) (((unsigned long)(address) + (PAGE_SIZE - 1)) & PAGE_MASK)
#define PFN_UP(bytes) (((bytes) + PAGE_SIZE - 1) >> PAGE_SHIFT)
#define PFN_DOWN(bytes) ((bytes) >> PAGE_SHIFT)
#define PFN_PHYS(pfn) ((phys_addr_t)(pfn) << PAGE_SHIFT)
#define PHYS_PFN(physical) ((unsigned long)((physical) >> PAGE_SHIFT))

#endif
