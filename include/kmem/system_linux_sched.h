/* The system's own <linux/sched.h>, the flags of clone(); see system_linux_types.h. */
#pragma GCC system_header
#if __STDC_HOSTED__
#if __has_include_next(<kmem/system_linux_sched.h>)
#include_next <kmem/system_linux_sched.h>
#elif __has_include_next(<linux/sched.h>)
#define KMEM_SYSTEM_LINUX_SCHED
#include_next <linux/sched.h>
#endif
#if !defined(KMEM_SYSTEM_LINUX_SCHED) && __has_include_next(<linux/sched.h>)
#define KMEM_SYSTEM_LINUX_SCHED
#include_next <linux/sched.h>
#endif
#endif
