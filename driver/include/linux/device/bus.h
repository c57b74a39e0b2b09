#ifndef KMEM_LINUX_DEVICE_BUS_H
#define KMEM_LINUX_DEVICE_BUS_H
/* Buses: kinds of devices, each bus with its own match() of devices and drivers.  /sys/bus/<name>/drivers has the drivers, with
 * `bind` and `unbind`; devices are where their parents are.
 *
 * Task context.  Meaning: the kernel's Documentation/driver-api/driver-model/bus.rst. */
#include <linux/device/driver.h>

struct subsys_private;

struct bus_type {
  const char* name;
  const char* dev_name; /* devices without a name are this and their id */
  const struct attribute_group** bus_groups;
  const struct attribute_group** dev_groups;
  const struct attribute_group** drv_groups;
  /** Does the driver match the device? NULL: every driver does. */
  int (*match)(struct device* dev, struct device_driver* driver);
  int (*uevent)(struct device* dev, struct kobj_uevent_env* env);
  int (*probe)(struct device* dev);
  void (*sync_state)(struct device* dev);
  void (*remove)(struct device* dev);
  void (*shutdown)(struct device* dev);
  int (*online)(struct device* dev);
  int (*offline)(struct device* dev);
  int (*suspend)(struct device* dev, pm_message_t state);
  int (*resume)(struct device* dev);
  int (*num_vf)(struct device* dev);
  int (*dma_configure)(struct device* dev);
  void (*dma_cleanup)(struct device* dev);
  const struct dev_pm_ops* pm;
  struct subsys_private* p;
  bool need_parent_lock;
};

struct bus_attribute {
  struct attribute attr;
  ssize_t (*show)(struct bus_type* bus, char* page);
  ssize_t (*store)(struct bus_type* bus, const char* page, size_t n);
};
#define BUS_ATTR_RW(name) struct bus_attribute bus_attr_##name = __ATTR_RW(name)
#define BUS_ATTR_RO(name) struct bus_attribute bus_attr_##name = __ATTR_RO(name)
#define BUS_ATTR_WO(name) struct bus_attribute bus_attr_##name = __ATTR_WO(name)

KMEM_BEGIN_C
/** 0, -EEXIST, -ENOMEM. */
KMEM_MUST_CHECK KMEM_API int bus_register(struct bus_type* bus) KMEM_DRIVER_NAME(bus_register);
/** The bus must have no devices or drivers left; otherwise it is reported and stays registered. */
KMEM_API void bus_unregister(struct bus_type* bus) KMEM_DRIVER_NAME(bus_unregister);
/** Tries its devices without a driver again. */
KMEM_API int bus_rescan_devices(struct bus_type* bus) KMEM_DRIVER_NAME(bus_rescan_devices);
KMEM_API int bus_create_file(struct bus_type* bus, struct bus_attribute* attribute) KMEM_DRIVER_NAME(bus_create_file);
KMEM_API void bus_remove_file(struct bus_type* bus, struct bus_attribute* attribute) KMEM_DRIVER_NAME(bus_remove_file);
/** As driver_for_each_device(). */
KMEM_API int bus_for_each_dev(struct bus_type* bus, struct device* start, void* data,
                              int (*visit)(struct device* dev, void* data)) KMEM_DRIVER_NAME(bus_for_each_dev);
KMEM_API int bus_for_each_drv(struct bus_type* bus, struct device_driver* start, void* data,
                              int (*visit)(struct device_driver* driver, void* data)) KMEM_DRIVER_NAME(bus_for_each_drv);
/** The first device after `start` for which match() returns non-zero, with a reference; NULL if there is none. */
KMEM_API struct device* bus_find_device(struct bus_type* bus, struct device* start, const void* data,
                                        int (*match)(struct device* dev, const void* data)) KMEM_DRIVER_NAME(bus_find_device);
/* Match functions for bus_find_device() and related functions. */
KMEM_API int device_match_name(struct device* dev, const void* name) KMEM_DRIVER_NAME(device_match_name);
KMEM_API int device_match_devt(struct device* dev, const void* devt) KMEM_DRIVER_NAME(device_match_devt);
KMEM_API int device_match_any(struct device* dev, const void* unused) KMEM_DRIVER_NAME(device_match_any);
static inline struct device* bus_find_device_by_name(struct bus_type* bus, struct device* start, const char* name) {
  return bus_find_device(bus, start, name, device_match_name);
}
KMEM_END_C
#endif
