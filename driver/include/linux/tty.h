#ifndef KMEM_LINUX_TTY_H
#define KMEM_LINUX_TTY_H
/* A task's terminal: current->signal->tty, NULL for none; and its number. Terminals themselves are not supported. */
#include <linux/sched.h>
#include <linux/types.h>
static inline dev_t tty_devnum(struct tty_struct* tty) { return tty->kmem_dev; }
#endif
