#ifndef KMEM_LINUX_OOM_H
#define KMEM_LINUX_OOM_H
/* Out-of-memory notifiers: functions that may free memory before an allocation fails.
 *
 * When reclaim has found nothing more, and before an allocation that may sleep fails (or, with the boot word
 * panic_on_oom, the program ends with a report), each registered notifier is called, in the context of the
 * allocating task, with no lock of kmem held.  `data` points to an unsigned long: the notifier adds the number of pages
 * that it freed, and if there are any, the allocation is retried. Allocations of a notifier may use half of the reserve, and do
 * not call notifiers.  Not called for: __GFP_NORETRY, __GFP_RETRY_MAYFAIL, __GFP_THISNODE, orders above
 * PAGE_ALLOC_COSTLY_ORDER, and allocations that may not sleep.
 *
 * Meaning: the kernel's mm/oom_kill.c, but nothing is killed here. */
#include <linux/notifier.h>

KMEM_BEGIN_C

/** 0, or -EEXIST if it is registered already, -ENOSPC if 64 others are.  May sleep: task context. */
KMEM_API int register_oom_notifier(struct notifier_block* block) KMEM_NOTHROW_NAME(register_oom_notifier);
/** Waits until no call of it runs.  0, or -ENOENT.  May sleep: task context, not from the notifier itself. */
KMEM_API int unregister_oom_notifier(struct notifier_block* block) KMEM_NOTHROW_NAME(unregister_oom_notifier);

KMEM_END_C

#endif
