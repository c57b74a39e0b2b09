#ifndef KMEM_LINUX_DYNAMIC_DEBUG_H
#define KMEM_LINUX_DYNAMIC_DEBUG_H
/* pr_debug() is dynamic: see <linux/printk.h>, and kmem_driver_debug() in <kmem/driver.h>. */
#include <linux/printk.h>
#endif
