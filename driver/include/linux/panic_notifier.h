#ifndef KMEM_LINUX_PANIC_NOTIFIER_H
#define KMEM_LINUX_PANIC_NOTIFIER_H
/* Who is told of panic(), with its message, before the process ends. */
#include <linux/notifier.h>

KMEM_BEGIN_C
KMEM_API extern struct atomic_notifier_head kmem_driver_panic_notifiers;
KMEM_END_C
#define panic_notifier_list kmem_driver_panic_notifiers

#endif
