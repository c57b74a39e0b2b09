#ifndef KMEM_LINUX_IRQ_H
#define KMEM_LINUX_IRQ_H
/* For drivers that include it for request_irq(): <linux/interrupt.h>.  There are no irq chips. */
#include <linux/interrupt.h>
#endif
