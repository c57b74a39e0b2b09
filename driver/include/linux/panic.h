#ifndef KMEM_LINUX_PANIC_H
#define KMEM_LINUX_PANIC_H
/* The end: a driver that cannot go on says why, and the process ends (SIGABRT); a bare machine stops.
 * Meaning: the kernel's <linux/panic.h>. */
#include <kmem/driver_face.h>

KMEM_BEGIN_C
/** Writes `Kernel panic - not syncing:`, the message and the calls, calls the panic notifiers with the message, and ends. Of
 *  two at the same time, or one in a notifier, the second ends at once. Any context. */
KMEM_API void panic(const char* format, ...) KMEM_DRIVER_NAME(panic) KMEM_PRINTF_LIKE(1, 2)
    __attribute__((__noreturn__, __cold__));
KMEM_END_C
#endif
