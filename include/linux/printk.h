#ifndef KMEM_LINUX_PRINTK_H
#define KMEM_LINUX_PRINTK_H
/* Messages to kmem's log: in a process its standard error, or as the boot words set it. Any context; allocates nothing.  A
 * message is at most 1024 characters, the rest is cut. */
#include <kmem/c_face.h>
#include <kmem/pr_levels.h>

KMEM_BEGIN_C

/** Conversions: %d %i %u %x %X %o %c %s %p with flags, width, precision and lengths.  Returns the number of characters. */
KMEM_API int printk(const char* format, ...) KMEM_NAME(printk) KMEM_PRINTF_LIKE(1, 2);

KMEM_END_C

#endif
