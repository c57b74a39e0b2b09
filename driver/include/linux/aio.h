#ifndef KMEM_LINUX_AIO_H
#define KMEM_LINUX_AIO_H
/* What is left of it in the kernel: calls that go on behind the system call are <linux/fs.h>'s struct kiocb. */
#include <linux/fs.h>
static inline void kiocb_set_cancel_fn(struct kiocb* iocb, int (*cancel)(struct kiocb* iocb)) { (void)iocb, (void)cancel; }
#endif
