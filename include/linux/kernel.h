/* Common macros and functions of kernel code: sizes, rounding, container_of, printk, kasprintf.
 *
 * glibc's <sys/sysinfo.h> includes this name for the system's header.  A program that includes only <sys/sysinfo.h> must not
 * get min() and max(), so an inclusion from there includes only the system's header. */
#ifdef KMEM_LINUX_KERNEL_OPEN /* included by another kmem's header on its way to the system's */
#include_next <linux/kernel.h>
#else
#define KMEM_LINUX_KERNEL_OPEN
#include <kmem/system_linux_kernel.h>
#undef KMEM_LINUX_KERNEL_OPEN
#endif

#if defined(_SYS_SYSINFO_H) && !defined(KMEM_LINUX_KERNEL_H) && !defined(KMEM_SYSINFO_WAS_SERVED)
#define KMEM_SYSINFO_WAS_SERVED
#elif !defined(KMEM_LINUX_KERNEL_H)
#define KMEM_LINUX_KERNEL_H

#include <kmem/c_face.h>
#include <linux/align.h>
#include <linux/array_size.h>
#include <linux/bug.h>
#include <linux/container_of.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/types.h>
#include <stdarg.h>

#ifndef likely
#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)
#endif

KMEM_BEGIN_C

/** Reports "BUG: sleeping function called from invalid context" if the caller may not sleep, once for each call site. A signal
 *  handler that did not declare itself is detected at the first call from a site and at rarer ones after it, with the boot word
 *  might_sleep at every call. Any context; does not sleep itself. */
KMEM_API void kmem_might_sleep(const char* file, int line) KMEM_NOTHROW;
/** The opposite: reports "BUG: assuming atomic context" if the caller may sleep. */
KMEM_API void kmem_cant_sleep(const char* file, int line) KMEM_NOTHROW;
/** Between these the caller must not sleep, though its context would allow it. */
KMEM_API void non_block_start(void) KMEM_NOTHROW_NAME(non_block_start);
KMEM_API void non_block_end(void) KMEM_NOTHROW_NAME(non_block_end);

/** printf into a block from kmalloc() of exactly the needed length; NULL if there is no memory. Free with kfree(). Flags and
 *  contexts as for kmalloc(), conversions as for printk(). */
KMEM_API char* kasprintf(gfp_t flags, const char* format, ...) KMEM_NOTHROW_NAME(kasprintf) KMEM_PRINTF_LIKE(2, 3)
    __attribute__((__malloc__));
KMEM_API char* kvasprintf(gfp_t flags, const char* format, va_list arguments) KMEM_NOTHROW_NAME(kvasprintf)
    KMEM_PRINTF_LIKE(2, 0) __attribute__((__malloc__));

KMEM_END_C

#define might_sleep() kmem_might_sleep(__FILE__, __LINE__)
#define might_sleep_if(condition) \
  do {                            \
    if (condition) might_sleep(); \
  } while (0)
#define cant_sleep() kmem_cant_sleep(__FILE__, __LINE__)

#endif
