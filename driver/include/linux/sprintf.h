#ifndef KMEM_LINUX_SPRINTF_H
#define KMEM_LINUX_SPRINTF_H
/* printf into memory, with the kernel's conversions (<linux/printk.h>).  Any context.
 *
 * snprintf() and related functions are macros here, because libc has the same names. */
#include <limits.h>
#include <linux/printk.h>
#include <stdarg.h>
#include <stddef.h>
#if !defined(__KERNEL__) || defined(__cplusplus)
#include <stdio.h> /* before the macros */
#endif

KMEM_BEGIN_C
#if defined(__KERNEL__) && !defined(__cplusplus)
/* libc's.  Not by its header: a driver may have functions of its own called remove(), rename() and so on. */
extern int sscanf(const char* text, const char* format, ...) __attribute__((__format__(__scanf__, 2, 3)));
extern int vsscanf(const char* text, const char* format, va_list arguments) __attribute__((__format__(__scanf__, 2, 0)));
#endif
KMEM_API int kmem_driver_snprintf(char* buffer, size_t size, const char* format, ...) KMEM_NOTHROW KMEM_PRINTF_LIKE(3, 4);
KMEM_API int kmem_driver_sprintf(char* buffer, const char* format, ...) KMEM_NOTHROW KMEM_PRINTF_LIKE(2, 3);
/** Returns the length written to the buffer, not the length that the whole text would have. */
KMEM_API int scnprintf(char* buffer, size_t size, const char* format, ...) KMEM_DRIVER_NAME(scnprintf) KMEM_PRINTF_LIKE(3, 4);
KMEM_API int vscnprintf(char* buffer, size_t size, const char* format, va_list arguments) KMEM_DRIVER_NAME(vscnprintf)
    KMEM_PRINTF_LIKE(3, 0);
KMEM_API char* kmem_driver_kasprintf(gfp_t flags, const char* format, ...) KMEM_NOTHROW KMEM_PRINTF_LIKE(2, 3);
KMEM_API char* kmem_driver_kvasprintf(gfp_t flags, const char* format, va_list arguments) KMEM_NOTHROW KMEM_PRINTF_LIKE(2, 0);
/** As in the kernel: a constant format without conversions, or "%s" with a constant string, is not copied; kfree_const(). */
KMEM_API const char* kvasprintf_const(gfp_t flags, const char* format, va_list arguments) KMEM_DRIVER_NAME(kvasprintf_const)
    KMEM_PRINTF_LIKE(2, 0);
KMEM_END_C

#ifndef __cplusplus
#define snprintf kmem_driver_snprintf
#define vsnprintf kmem_driver_vsnprintf
#define sprintf kmem_driver_sprintf
#define vsprintf(buffer, format, arguments) kmem_driver_vsnprintf(buffer, INT_MAX, format, arguments)
#define kasprintf kmem_driver_kasprintf
#define kvasprintf kmem_driver_kvasprintf
#endif
#endif
