/* The small words of kernel code: sizes, rounding, container_of, printk, kasprintf.
 *
 * glibc's <sys/sysinfo.h> includes this name for the system's header.  A program that includes only that one must not
 * find min() and max() defined, so the first time that header is the one that asks, it gets what it came for and no
 * more. */
#include <kmem/system_linux_kernel.h>

#if defined(_SYS_SYSINFO_H) && !defined(KMEM_LINUX_KERNEL_H) && !defined(KMEM_SYSINFO_WAS_SERVED)
#define KMEM_SYSINFO_WAS_SERVED
#elif !defined(KMEM_LINUX_KERNEL_H)
#define KMEM_LINUX_KERNEL_H

#include <kmem/c_face.h>
#include <linux/bug.h>
#include <linux/printk.h>
#include <linux/types.h>
#include <stdarg.h>

#ifndef likely
#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)
#endif

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif

/* To powers of two. */
#ifndef ALIGN
#define ALIGN(value, to) (((value) + ((__typeof__(value))(to)-1)) & ~((__typeof__(value))(to)-1))
#endif
#define ALIGN_DOWN(value, to) ((value) & ~((__typeof__(value))(to)-1))
#define IS_ALIGNED(value, to) (((value) & ((__typeof__(value))(to)-1)) == 0)
#define PTR_ALIGN(pointer, to) ((__typeof__(pointer))ALIGN((unsigned long)(pointer), (to)))
#define round_up(value, to) ALIGN(value, to)
#define round_down(value, to) ALIGN_DOWN(value, to)
/* To anything. */
#ifndef DIV_ROUND_UP
#define DIV_ROUND_UP(n, d) (((n) + (d)-1) / (d))
#endif
#ifndef roundup
#define roundup(value, to) ((((value) + ((to)-1)) / (to)) * (to))
#endif
#define rounddown(value, to) ((value) - (value) % (to))

#define min_t(type, a, b) ((type)(a) < (type)(b) ? (type)(a) : (type)(b))
#define max_t(type, a, b) ((type)(a) > (type)(b) ? (type)(a) : (type)(b))
/* C++ has std::min and std::max, which macros of these names would break. */
#ifndef __cplusplus
#ifndef min
#define min(a, b)                                      \
  __extension__({                                      \
    const __typeof__(a) kmem_min_a = (a);              \
    const __typeof__(b) kmem_min_b = (b);              \
    kmem_min_a < kmem_min_b ? kmem_min_a : kmem_min_b; \
  })
#endif
#ifndef max
#define max(a, b)                                      \
  __extension__({                                      \
    const __typeof__(a) kmem_max_a = (a);              \
    const __typeof__(b) kmem_max_b = (b);              \
    kmem_max_a > kmem_max_b ? kmem_max_a : kmem_max_b; \
  })
#endif
#endif

/** The struct of which `pointer` is the named member. */
#ifndef container_of
#define container_of(pointer, type, member) ((type*)(void*)((char*)(pointer)-offsetof(type, member)))
#endif

KMEM_BEGIN_C

/** Says "BUG: sleeping function called from invalid context" where the caller may not sleep, once for each place that
 *  calls.  A signal handler that did not declare itself is found out at the 1st, 2nd, 4th, 8th ... call from a place, and
 *  at every one with the boot word might_sleep.  Any context; does not sleep itself. */
KMEM_API void kmem_might_sleep(const char* file, int line) KMEM_NOTHROW;
/** The opposite: says "BUG: assuming atomic context" where the caller may sleep. */
KMEM_API void kmem_cant_sleep(const char* file, int line) KMEM_NOTHROW;
/** Between these the caller must not sleep, though its context would allow it. */
KMEM_API void non_block_start(void) KMEM_NOTHROW;
KMEM_API void non_block_end(void) KMEM_NOTHROW;

/** printf into a block from kmalloc() that is just long enough; NULL where there is no memory.
 *  Free with kfree().  Flags and contexts as of kmalloc(), conversions as of printk(). */
KMEM_API char* kasprintf(gfp_t flags, const char* format, ...) KMEM_NOTHROW KMEM_PRINTF_LIKE(2, 3)
    __attribute__((__malloc__));
KMEM_API char* kvasprintf(gfp_t flags, const char* format, va_list arguments) KMEM_NOTHROW KMEM_PRINTF_LIKE(2, 0)
    __attribute__((__malloc__));

KMEM_END_C

#define might_sleep() kmem_might_sleep(__FILE__, __LINE__)
#define might_sleep_if(condition) \
  do {                            \
    if (condition) might_sleep(); \
  } while (0)
#define cant_sleep() kmem_cant_sleep(__FILE__, __LINE__)

#endif
