#ifndef KMEM_LINUX_HARDIRQ_H
#define KMEM_LINUX_HARDIRQ_H
/* How interrupt handlers declare themselves.
 *
 * A signal handler that begins with irq_enter() and ends with irq_exit() is known as an interrupt at the cost of two
 * additions.  A handler without them is detected when it matters (<linux/preempt.h>). A handler that is left by siglongjmp()
 * must call irq_exit() before; otherwise the thread stays "in interrupt" for ever. */
#include <linux/preempt.h>

KMEM_BEGIN_C

static inline void irq_enter(void) { preempt_count_add((int)HARDIRQ_OFFSET); }
static inline void irq_exit(void) { preempt_count_sub((int)HARDIRQ_OFFSET); }
static inline void nmi_enter(void) { preempt_count_add((int)(NMI_OFFSET + HARDIRQ_OFFSET)); }
static inline void nmi_exit(void) { preempt_count_sub((int)(NMI_OFFSET + HARDIRQ_OFFSET)); }
#define __irq_enter() irq_enter()
#define __irq_exit() irq_exit()

KMEM_END_C

#endif
