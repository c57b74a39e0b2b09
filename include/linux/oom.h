#ifndef KMEM_LINUX_OOM_H
#define KMEM_LINUX_OOM_H
/* Out of memory: the last who can help.
 *
 * When reclaim has found nothing more, and before an allocation that may sleep fails (or, with the boot word
 * panic_on_oom, the program ends with a report), each registered notifier is called, in the context of whoever
 * allocates, with nothing of kmem's held.  `data` points to an unsigned long: it adds the number of pages that it freed,
 * and if any were, the allocation is tried again.  A notifier that itself allocates may use half of the reserve, and is
 * not called again for that.  Not called for: __GFP_NORETRY, __GFP_RETRY_MAYFAIL, __GFP_THISNODE, orders above
 * PAGE_ALLOC_COSTLY_ORDER, and allocations that may not sleep.
 *
 * Meaning: the kernel's mm/oom_kill.c, of which nothing is killed here. */
#include <linux/notifier.h>

KMEM_BEGIN_C

/** 0, or -EEXIST if it is registered already, -ENOSPC if 64 others are.  Any context. */
KMEM_API int register_oom_notifier(struct notifier_block* block) KMEM_NOTHROW;
/** Waits until no call of it runs.  0, or -ENOENT.  Task context, not from the notifier itself. */
KMEM_API int unregister_oom_notifier(struct notifier_block* block) KMEM_NOTHROW;

KMEM_END_C

#endif
