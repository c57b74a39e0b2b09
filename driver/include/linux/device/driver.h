#ifndef KMEM_LINUX_DEVICE_DRIVER_H
#define KMEM_LINUX_DEVICE_DRIVER_H
/* Drivers, and how they are bound to devices.
 *
 * Registering a driver binds it to each device of its bus that it matches and that has no driver yet; adding a device binds it
 * to a registered driver. If probe() fails, the device's managed resources are released; with -EPROBE_DEFER it is tried again,
 * in a work item, each time another device has got its driver. What differs: all other probing is synchronous.
 *
 * Task context.  Meaning: the kernel's Documentation/driver-api/driver-model/driver.rst. */
#include <kmem/driver_face.h>
#include <linux/init.h>
#include <linux/kobject.h>
#include <linux/mod_devicetable.h>
#include <linux/pm.h>

struct bus_type;
struct device;
struct driver_private;
struct module;

enum probe_type { PROBE_DEFAULT_STRATEGY, PROBE_PREFER_ASYNCHRONOUS, PROBE_FORCE_SYNCHRONOUS };

struct device_driver {
  const char* name;
  struct bus_type* bus;
  struct module* owner;
  const char* mod_name;
  bool suppress_bind_attrs;
  enum probe_type probe_type;
  const struct of_device_id* of_match_table;
  const struct acpi_device_id* acpi_match_table;
  int (*probe)(struct device* dev);
  void (*sync_state)(struct device* dev);
  int (*remove)(struct device* dev);
  void (*shutdown)(struct device* dev);
  int (*suspend)(struct device* dev, pm_message_t state);
  int (*resume)(struct device* dev);
  const struct attribute_group** groups;     /* of the driver */
  const struct attribute_group** dev_groups; /* of each device while it is bound */
  const struct dev_pm_ops* pm;
  void (*coredump)(struct device* dev);
  struct driver_private* p;
};

struct driver_attribute {
  struct attribute attr;
  ssize_t (*show)(struct device_driver* driver, char* page);
  ssize_t (*store)(struct device_driver* driver, const char* page, size_t n);
};
#define DRIVER_ATTR_RW(name) struct driver_attribute driver_attr_##name = __ATTR_RW(name)
#define DRIVER_ATTR_RO(name) struct driver_attribute driver_attr_##name = __ATTR_RO(name)
#define DRIVER_ATTR_WO(name) struct driver_attribute driver_attr_##name = __ATTR_WO(name)

KMEM_BEGIN_C
/** 0; -EINVAL: its bus is not registered; -EBUSY: the bus has a driver of that name; -ENOMEM.  A missing device or a failing
 *  probe is not an error. */
KMEM_MUST_CHECK KMEM_API int driver_register(struct device_driver* driver) KMEM_DRIVER_NAME(driver_register);
/** Unbinds it from all its devices first. */
KMEM_API void driver_unregister(struct device_driver* driver) KMEM_DRIVER_NAME(driver_unregister);
/** By name; NULL. */
KMEM_API struct device_driver* driver_find(const char* name, struct bus_type* bus) KMEM_DRIVER_NAME(driver_find);
/** Binds it to each matching device of its bus that has no driver. */
KMEM_API int driver_attach(struct device_driver* driver) KMEM_DRIVER_NAME(driver_attach);
KMEM_API int driver_create_file(struct device_driver* driver, const struct driver_attribute* attribute)
    KMEM_DRIVER_NAME(driver_create_file);
KMEM_API void driver_remove_file(struct device_driver* driver, const struct driver_attribute* attribute)
    KMEM_DRIVER_NAME(driver_remove_file);
/** Calls visit() with each device of the driver after `start` (NULL: all) until it returns non-zero; returns that value, or 0.
 *  */
KMEM_API int driver_for_each_device(struct device_driver* driver, struct device* start, void* data,
                                    int (*visit)(struct device* dev, void* data)) KMEM_DRIVER_NAME(driver_for_each_device);
/** Waits until no deferred probe is due or runs. */
KMEM_API void wait_for_device_probe(void) KMEM_DRIVER_NAME(wait_for_device_probe);
KMEM_END_C

/* One line for module_init() and module_exit() of a driver that does nothing else in them. */
#define module_driver(driver_name, register_it, unregister_it, ...)                                 \
  static int __init driver_name##_init(void) { return register_it(&(driver_name), ##__VA_ARGS__); } \
  module_init(driver_name##_init) static void __exit driver_name##_exit(void) {                     \
    unregister_it(&(driver_name), ##__VA_ARGS__);                                                   \
  }                                                                                                 \
  module_exit(driver_name##_exit)
#define builtin_driver(driver_name, register_it, ...)                                               \
  static int __init driver_name##_init(void) { return register_it(&(driver_name), ##__VA_ARGS__); } \
  device_initcall(driver_name##_init)
#endif
