#ifndef KMEM_LINUX_KDEV_T_H
#define KMEM_LINUX_KDEV_T_H
/* Numbers of devices: 12 bits of major, 20 of minor.  dev_t is the system's type, the numbers in it are the kernel's. */
#include <kmem/driver_face.h>
#include <linux/types.h>

#define MINORBITS 20
#define MINORMASK ((1U << MINORBITS) - 1)
#define MAJOR(dev) ((unsigned int)((dev) >> MINORBITS))
#define MINOR(dev) ((unsigned int)((dev)&MINORMASK))
#define MKDEV(major, minor) ((dev_t)(((unsigned int)(major) << MINORBITS) | (unsigned int)(minor)))
#define print_dev_t(buffer, dev) sprintf(buffer, "%u:%u\n", MAJOR(dev), MINOR(dev))
#define format_dev_t(buffer, dev) (sprintf(buffer, "%u:%u", MAJOR(dev), MINOR(dev)), (buffer))
#endif
