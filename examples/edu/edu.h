/* What programs and the driver of the edu device agree on. */
#ifndef EDU_H
#define EDU_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The factorial of a number, modulo 2^32, computed by the device. */
#define EDU_FACTORIAL _IOWR('e', 1, __u32)
/* The device answers with the inverse of what it is sent. */
#define EDU_LIVENESS _IOWR('e', 2, __u32)
/* The number of interrupts since the driver has the device. */
#define EDU_INTERRUPTS _IOR('e', 3, __u32)

/*
 * The device has a byte more. QEMU before 9.1 ends the machine at a transfer
 * that reaches it.
 */
#define EDU_BUFFER_SIZE 4095

#endif
