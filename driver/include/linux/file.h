#ifndef KMEM_LINUX_FILE_H
#define KMEM_LINUX_FILE_H
/* For drivers that include it for struct file: <linux/fs.h>.  A program's descriptors are not the driver's to look up. */
#include <linux/fs.h>
#endif
