/* The system's own <linux/kernel.h>; see system_linux_types.h. */
#pragma GCC system_header
#if __STDC_HOSTED__
#if __has_include_next(<kmem/system_linux_kernel.h>)
#include_next <kmem/system_linux_kernel.h>
#elif __has_include_next(<linux/kernel.h>)
#define KMEM_SYSTEM_LINUX_KERNEL
#include_next <linux/kernel.h>
#endif
#if !defined(KMEM_SYSTEM_LINUX_KERNEL) && __has_include_next(<linux/kernel.h>)
#define KMEM_SYSTEM_LINUX_KERNEL
#include_next <linux/kernel.h>
#endif
#endif
