#ifndef KMEM_LINUX_FCNTL_H
#define KMEM_LINUX_FCNTL_H
/* The flags of open files; libc's header has the same names, and the system's own would define its structs again.
 * Meaning: the kernel's <linux/fcntl.h>. */
#include <fcntl.h>
#endif
