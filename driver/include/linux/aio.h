#ifndef KMEM_LINUX_AIO_H
#define KMEM_LINUX_AIO_H
/* What is left of it in the kernel: calls that go on behind the system call are <linux/fs.h>'s struct kiocb.
 *
 * A program's call here waits until it is completed: there is no io_submit() and no io_cancel().  So kiocb_set_cancel_fn(),
 * whose function only io_cancel() would call, is left out. */
#include <linux/fs.h>
#endif
