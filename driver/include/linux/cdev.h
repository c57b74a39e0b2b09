#ifndef KMEM_LINUX_CDEV_H
#define KMEM_LINUX_CDEV_H
/* Char devices: which operations serve which numbers.  Meaning: the kernel's <linux/cdev.h>. */
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/kobject.h>

struct cdev {
  struct kobject kobj;
  struct module* owner;
  const struct file_operations* ops;
  struct list_head list;
  dev_t dev;
  unsigned int count;
  struct cdev* kmem_next;
  bool kmem_added;
};

KMEM_BEGIN_C
KMEM_API void cdev_init(struct cdev* cdev, const struct file_operations* operations) KMEM_DRIVER_NAME(cdev_init);
/** Allocates a cdev that cdev_del() frees; NULL on failure. */
KMEM_API struct cdev* cdev_alloc(void) KMEM_DRIVER_NAME(cdev_alloc);
/** From now on it can be opened. -EBUSY if one of the numbers is taken. */
KMEM_API int cdev_add(struct cdev* cdev, dev_t dev, unsigned count) KMEM_DRIVER_NAME(cdev_add);
/** It can be opened no more; open files stay. */
KMEM_API void cdev_del(struct cdev* cdev) KMEM_DRIVER_NAME(cdev_del);
/** Keeps a reference to the parent while a file of the device is open. */
KMEM_API void cdev_set_parent(struct cdev* cdev, struct kobject* parent) KMEM_DRIVER_NAME(cdev_set_parent);
/** cdev_add() and device_add(); dev->devt is the number. */
KMEM_API int cdev_device_add(struct cdev* cdev, struct device* dev) KMEM_DRIVER_NAME(cdev_device_add);
KMEM_API void cdev_device_del(struct cdev* cdev, struct device* dev) KMEM_DRIVER_NAME(cdev_device_del);
KMEM_END_C
#endif
