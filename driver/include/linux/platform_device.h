#ifndef KMEM_LINUX_PLATFORM_DEVICE_H
#define KMEM_LINUX_PLATFORM_DEVICE_H
/* Devices that cannot be discovered: a board's code, or a test, registers them with their resources. A driver matches those
 * whose name is in its id_table, or equals its own name.
 *
 * Task context, but for the getters.  What differs: remove() may return nothing only as remove_new().
 * Meaning: the kernel's Documentation/driver-api/driver-model/platform.rst. */
#include <linux/device.h>
#include <linux/ioport.h>
#include <linux/module.h>

#define PLATFORM_DEVID_NONE (-1)
#define PLATFORM_DEVID_AUTO (-2)

struct platform_device {
  const char* name;
  int id; /* or one of the two */
  bool id_auto;
  struct device dev;
  u64 platform_dma_mask;
  u32 num_resources;
  struct resource* resource;
  const struct platform_device_id* id_entry; /* the entry of the driver's table that it matched */
  const char* driver_override;
};
struct platform_driver {
  int (*probe)(struct platform_device* pdev);
  int (*remove)(struct platform_device* pdev);
  void (*remove_new)(struct platform_device* pdev);
  void (*shutdown)(struct platform_device* pdev);
  int (*suspend)(struct platform_device* pdev, pm_message_t state);
  int (*resume)(struct platform_device* pdev);
  struct device_driver driver;
  const struct platform_device_id* id_table;
  bool prevent_deferred_probe;
};
struct platform_device_info {
  struct device* parent;
  struct fwnode_handle* fwnode;
  bool of_node_reused;
  const char* name;
  int id;
  const struct resource* res;
  unsigned int num_res;
  const void* data;
  size_t size_data;
  u64 dma_mask;
};

#define to_platform_device(device) container_of((device), struct platform_device, dev)
#define to_platform_driver(device_driver) container_of((device_driver), struct platform_driver, driver)
#define platform_get_device_id(pdev) ((pdev)->id_entry)
#define platform_bus_type kmem_platform_bus_type
#define platform_bus (*kmem_driver_platform_bus())

KMEM_BEGIN_C
extern KMEM_API struct bus_type kmem_platform_bus_type;
KMEM_API struct device* kmem_driver_platform_bus(void) KMEM_NOTHROW;
KMEM_API int platform_device_register(struct platform_device* pdev) KMEM_DRIVER_NAME(platform_device_register);
KMEM_API void platform_device_unregister(struct platform_device* pdev) KMEM_DRIVER_NAME(platform_device_unregister);
KMEM_API int platform_add_devices(struct platform_device** pdevs, int n) KMEM_DRIVER_NAME(platform_add_devices);
/** Allocates a device without resources; NULL on failure. Dropping its last reference frees it with everything added to it. */
KMEM_API struct platform_device* platform_device_alloc(const char* name, int id) KMEM_DRIVER_NAME(platform_device_alloc);
/** Copies. */
KMEM_API int platform_device_add_resources(struct platform_device* pdev, const struct resource* resources, unsigned int n)
    KMEM_DRIVER_NAME(platform_device_add_resources);
KMEM_API int platform_device_add_data(struct platform_device* pdev, const void* data, size_t size)
    KMEM_DRIVER_NAME(platform_device_add_data);
KMEM_API int platform_device_add(struct platform_device* pdev) KMEM_DRIVER_NAME(platform_device_add);
KMEM_API void platform_device_del(struct platform_device* pdev) KMEM_DRIVER_NAME(platform_device_del);
KMEM_API void platform_device_put(struct platform_device* pdev) KMEM_DRIVER_NAME(platform_device_put);
/** Allocates, fills and registers a device; ERR_PTR() on failure. */
KMEM_API struct platform_device* platform_device_register_full(const struct platform_device_info* info)
    KMEM_DRIVER_NAME(platform_device_register_full);
static inline struct platform_device* platform_device_register_resndata(struct device* parent, const char* name, int id,
                                                                        const struct resource* resources, unsigned int n,
                                                                        const void* data, size_t size) {
  const struct platform_device_info info = {parent, NULL, false, name, id, resources, n, data, size, 0};
  return platform_device_register_full(&info);
}
static inline struct platform_device* platform_device_register_simple(const char* name, int id,
                                                                      const struct resource* resources, unsigned int n) {
  return platform_device_register_resndata(NULL, name, id, resources, n, NULL, 0);
}
static inline struct platform_device* platform_device_register_data(struct device* parent, const char* name, int id,
                                                                    const void* data, size_t size) {
  return platform_device_register_resndata(parent, name, id, NULL, 0, data, size);
}

/** The n-th resource of a kind (IORESOURCE_MEM and so on), or the one of that name; NULL if there is none. */
KMEM_API struct resource* platform_get_resource(struct platform_device* pdev, unsigned int type, unsigned int n)
    KMEM_DRIVER_NAME(platform_get_resource);
KMEM_API struct resource* platform_get_resource_byname(struct platform_device* pdev, unsigned int type, const char* name)
    KMEM_DRIVER_NAME(platform_get_resource_byname);
/** The number of an interrupt; -ENXIO: there is none, which the forms that are not optional also log. */
KMEM_API int platform_get_irq(struct platform_device* pdev, unsigned int n) KMEM_DRIVER_NAME(platform_get_irq);
KMEM_API int platform_get_irq_optional(struct platform_device* pdev, unsigned int n)
    KMEM_DRIVER_NAME(platform_get_irq_optional);
KMEM_API int platform_get_irq_byname(struct platform_device* pdev, const char* name) KMEM_DRIVER_NAME(platform_get_irq_byname);
KMEM_API int platform_get_irq_byname_optional(struct platform_device* pdev, const char* name)
    KMEM_DRIVER_NAME(platform_get_irq_byname_optional);
KMEM_API int platform_irq_count(struct platform_device* pdev) KMEM_DRIVER_NAME(platform_irq_count);
/** devm_ioremap_resource() of the n-th memory resource; `found` (it may be NULL) is the resource.  ERR_PTR(). */
KMEM_API void __iomem* devm_platform_get_and_ioremap_resource(struct platform_device* pdev, unsigned int n,
                                                              struct resource** found)
    KMEM_DRIVER_NAME(devm_platform_get_and_ioremap_resource);
static inline void __iomem* devm_platform_ioremap_resource(struct platform_device* pdev, unsigned int n) {
  return devm_platform_get_and_ioremap_resource(pdev, n, NULL);
}
static inline void __iomem* devm_platform_ioremap_resource_byname(struct platform_device* pdev, const char* name) {
  return devm_ioremap_resource(&pdev->dev, platform_get_resource_byname(pdev, IORESOURCE_MEM, name));
}
static inline void* platform_get_drvdata(const struct platform_device* pdev) { return dev_get_drvdata(&pdev->dev); }
static inline void platform_set_drvdata(struct platform_device* pdev, void* data) { dev_set_drvdata(&pdev->dev, data); }

KMEM_MUST_CHECK KMEM_API int __platform_driver_register(struct platform_driver* driver, struct module* owner)
    KMEM_DRIVER_NAME(__platform_driver_register);
KMEM_API void platform_driver_unregister(struct platform_driver* driver) KMEM_DRIVER_NAME(platform_driver_unregister);
/** Binds only to a device that is already registered: -ENODEV if probe() accepts none. */
KMEM_MUST_CHECK KMEM_API int __platform_driver_probe(struct platform_driver* driver, int (*probe)(struct platform_device* pdev),
                                                     struct module* owner) KMEM_DRIVER_NAME(__platform_driver_probe);
KMEM_END_C

#define platform_driver_register(driver) __platform_driver_register(driver, THIS_MODULE)
#define platform_driver_probe(driver, probe) __platform_driver_probe(driver, probe, THIS_MODULE)
#define module_platform_driver(driver_name) module_driver(driver_name, platform_driver_register, platform_driver_unregister)
#define builtin_platform_driver(driver_name) builtin_driver(driver_name, platform_driver_register)
#endif
