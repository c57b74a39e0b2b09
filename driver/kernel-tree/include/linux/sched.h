/* Removes macros for functions that the kernel's <linux/jiffies.h> defines. */
#include_next <linux/sched.h>
#include <uapi/linux/sched.h>
#undef msecs_to_jiffies
#include <asm/timex.h>
#ifndef THREAD_SIZE /* the size of a stack, which tests use as a size and an alignment */
#define THREAD_SIZE 16384UL
#define THREAD_ALIGN THREAD_SIZE
#endif
