#ifndef KMEM_LINUX_SYSRQ_H
#define KMEM_LINUX_SYSRQ_H
/* There is no console whose keys it could be: CONFIG_MAGIC_SYSRQ is not set. */
#include <linux/types.h>

static inline void handle_sysrq(u8 key) { (void)key; }

#endif
