/* A device without a parent, which the suite notes things with. */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/slab.h>

static inline struct device* kmem_root_device(const char* name) {
  struct device* dev = kzalloc(sizeof(*dev), GFP_KERNEL);
  if (!dev) return ERR_PTR(-12);
  device_initialize(dev);
  dev->init_name = name;
  return dev;
}
static inline void kmem_root_device_gone(struct device* dev) {
  devres_release_all(dev);
  kfree(dev);
}
#define root_device_register(name) kmem_root_device(name)
#define root_device_unregister(dev) kmem_root_device_gone(dev)
