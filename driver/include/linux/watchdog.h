/* Watchdogs that are misc devices of their own: the ioctls, which are the system's, and what a driver takes for its
 * parameter.  The kernel's core of watchdogs (watchdog_register_device()) is not here. */
#if __has_include_next(<linux/watchdog.h>)
#include_next <linux/watchdog.h>
#endif

#ifndef KMEM_LINUX_WATCHDOG_H
#define KMEM_LINUX_WATCHDOG_H
#include <linux/bits.h>

/* Whether a watchdog that was started can be stopped again, as a kernel without CONFIG_WATCHDOG_NOWAYOUT has it. */
#define WATCHDOG_NOWAYOUT 0
#define WATCHDOG_NOWAYOUT_INIT_STATUS 0
#endif
