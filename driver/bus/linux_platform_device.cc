// Platform devices and their drivers.

#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#include "bus/devices.h"
#include "lock/queued.h"
#include "sync/quiet_lock.h"

namespace {

using namespace kmem_driver;

constexpr u64 kMask32 = 0xffffffff;

// Numbers for PLATFORM_DEVID_AUTO ----------------------------------------------------------------------------------------

constinit QuietLock lock;
constinit u64 taken[16] = {};  // bit n: number n

int take_number() {
  Quietly hold(lock);
  for (int n = 0; n < static_cast<int>(sizeof(taken) * 8); ++n) {
    u64& word = taken[n / 64];
    if (word >> (n % 64) & 1) continue;
    word |= u64{1} << (n % 64);
    return n;
  }
  return -ENOSPC;
}
void give_number(int n) {
  Quietly hold(lock);
  taken[n / 64] &= ~(u64{1} << (n % 64));
}

// The bus ----------------------------------------------------------------------------------------------------------------

const platform_device_id* entry_for(const platform_device* pdev, const platform_driver* driver) {
  for (const platform_device_id* id = driver->id_table; id && id->name[0]; ++id)
    if (!strcmp(id->name, pdev->name)) return id;
  return nullptr;
}

int match(device* dev, device_driver* driver) {
  platform_device* pdev = to_platform_device(dev);
  const platform_driver* of = to_platform_driver(driver);
  if (pdev->driver_override) return !strcmp(pdev->driver_override, driver->name);
  if (!of->id_table) return !strcmp(pdev->name, driver->name);
  const platform_device_id* entry = entry_for(pdev, of);
  if (entry && !dev->driver) pdev->id_entry = entry;
  return entry != nullptr;
}

int probe(device* dev) {
  const platform_driver* driver = to_platform_driver(dev->driver);
  return driver->probe ? driver->probe(to_platform_device(dev)) : 0;
}

void remove(device* dev) {
  platform_device* pdev = to_platform_device(dev);
  const platform_driver* driver = to_platform_driver(dev->driver);
  if (driver->remove_new) return driver->remove_new(pdev);
  if (!driver->remove) return;
  const int error = driver->remove(pdev);
  if (error) dev_warn(dev, "remove callback returned a non-zero value (%d). This will be ignored.\n", error);
}

int uevent(device* dev, kobj_uevent_env* env) {
  return add_uevent_var(env, "MODALIAS=" PLATFORM_MODULE_PREFIX "%s", to_platform_device(dev)->name);
}

ssize_t modalias_show(device* dev, device_attribute*, char* page) {
  return sysfs_emit(page, PLATFORM_MODULE_PREFIX "%s\n", to_platform_device(dev)->name);
}
DEVICE_ATTR_RO(modalias);
attribute* platform_dev_attrs[] = {&dev_attr_modalias.attr, nullptr};
ATTRIBUTE_GROUPS(platform_dev);

constexpr bus_type make_bus() {
  bus_type bus = {};
  bus.name = "platform";
  bus.match = match;
  bus.probe = probe;
  bus.remove = remove;
  bus.uevent = uevent;
  return bus;
}

bool platform_is_there() { return bus_is_there(kmem_platform_bus_type, platform_dev_groups); }

int set_name(platform_device* pdev) {
  if (pdev->id == PLATFORM_DEVID_NONE) return dev_set_name(&pdev->dev, "%s", pdev->name);
  if (pdev->id != PLATFORM_DEVID_AUTO) return dev_set_name(&pdev->dev, "%s.%d", pdev->name, pdev->id);
  const int n = take_number();
  if (n < 0) return n;
  pdev->id = n;
  pdev->id_auto = true;
  return dev_set_name(&pdev->dev, "%s.%d.auto", pdev->name, n);
}

void give_id_back(platform_device* pdev) {
  if (!pdev->id_auto) return;
  give_number(pdev->id);
  pdev->id = PLATFORM_DEVID_AUTO;
  pdev->id_auto = false;
}

/// A device of platform_device_alloc(), followed by its name.
struct Own {
  platform_device pdev;
  char name[];
};
void release_own(device* dev) {
  platform_device* pdev = to_platform_device(dev);
  kfree(dev->platform_data);
  kfree(pdev->resource);
  kfree(container_of(pdev, Own, pdev));
}

void set_masks(platform_device* pdev, u64 mask) {
  pdev->platform_dma_mask = pdev->dev.coherent_dma_mask = mask;
  pdev->dev.dma_mask = &pdev->platform_dma_mask;
}

int copy_into(const void* from, size_t bytes, void** to) {
  void* copy = from ? kmemdup(from, bytes, GFP_KERNEL) : nullptr;
  if (from && bytes && !copy) return -ENOMEM;
  kfree(*to);
  *to = copy;
  return 0;
}

template <typename Is>
resource* find_resource(platform_device* pdev, unsigned type, Is is) {
  for (u32 i = 0; i < pdev->num_resources; ++i)
    if (resource_type(&pdev->resource[i]) == type && is(&pdev->resource[i])) return &pdev->resource[i];
  return nullptr;
}

int number_of(const resource* irq) { return irq ? static_cast<int>(irq->start) : -ENXIO; }

}  // namespace

extern "C" {

bus_type kmem_platform_bus_type = make_bus();

device* kmem_driver_platform_bus() noexcept {
  static constinit unsigned guard_word = 0;
  static device bus = {};
  Guard hold(guard_word);
  if (bus.kobj.state_initialized) return &bus;
  bus.init_name = "platform";
  bus.release = [](device*) {};
  if (device_register(&bus)) pr_err("platform: there is no memory for the bus\n");
  return &bus;
}

int platform_device_add(platform_device* pdev) noexcept {
  if (!platform_is_there()) return -ENOMEM;
  device* dev = &pdev->dev;
  if (!dev->parent) dev->parent = &platform_bus;
  dev->bus = &platform_bus_type;
  if (!dev->dma_mask) set_masks(pdev, kMask32);
  int error = set_name(pdev);
  if (!error) error = device_add(dev);
  if (error) give_id_back(pdev);
  return error;
}
void platform_device_del(platform_device* pdev) noexcept {
  if (IS_ERR_OR_NULL(pdev)) return;
  device_del(&pdev->dev);
  give_id_back(pdev);
}
void platform_device_put(platform_device* pdev) noexcept {
  if (!IS_ERR_OR_NULL(pdev)) put_device(&pdev->dev);
}
int platform_device_register(platform_device* pdev) noexcept {
  device_initialize(&pdev->dev);
  return platform_device_add(pdev);
}
void platform_device_unregister(platform_device* pdev) noexcept {
  platform_device_del(pdev);
  platform_device_put(pdev);
}

int platform_add_devices(platform_device** pdevs, int n) noexcept {
  for (int i = 0; i < n; ++i) {
    const int error = platform_device_register(pdevs[i]);
    if (!error) continue;
    while (i--) platform_device_unregister(pdevs[i]);
    return error;
  }
  return 0;
}

platform_device* platform_device_alloc(const char* name, int id) noexcept {
  const size_t length = strlen(name) + 1;
  auto* own = static_cast<Own*>(kzalloc(sizeof(Own) + length, GFP_KERNEL));
  if (!own) return nullptr;
  memcpy(own->name, name, length);
  own->pdev.name = own->name;
  own->pdev.id = id;
  own->pdev.dev.release = release_own;
  set_masks(&own->pdev, kMask32);
  device_initialize(&own->pdev.dev);
  return &own->pdev;
}

int platform_device_add_resources(platform_device* pdev, const resource* resources, unsigned n) noexcept {
  void* copy = pdev->resource;
  if (const int error = copy_into(resources, sizeof(resource) * n, &copy)) return error;
  pdev->resource = static_cast<resource*>(copy);
  pdev->num_resources = n;
  return 0;
}
int platform_device_add_data(platform_device* pdev, const void* data, size_t size) noexcept {
  return copy_into(data, size, &pdev->dev.platform_data);
}

platform_device* platform_device_register_full(const platform_device_info* info) noexcept {
  platform_device* pdev = platform_device_alloc(info->name, info->id);
  if (!pdev) return static_cast<platform_device*>(ERR_PTR(-ENOMEM));
  pdev->dev.parent = info->parent;
  pdev->dev.fwnode = info->fwnode;
  if (info->dma_mask) set_masks(pdev, info->dma_mask);
  int error = platform_device_add_resources(pdev, info->res, info->num_res);
  if (!error) error = platform_device_add_data(pdev, info->data, info->size_data);
  if (!error) error = platform_device_add(pdev);
  if (!error) return pdev;
  platform_device_put(pdev);
  return static_cast<platform_device*>(ERR_PTR(error));
}

resource* platform_get_resource(platform_device* pdev, unsigned type, unsigned n) noexcept {
  return find_resource(pdev, type, [&n](const resource*) { return !n--; });
}
resource* platform_get_resource_byname(platform_device* pdev, unsigned type, const char* name) noexcept {
  return find_resource(pdev, type, [name](const resource* r) { return r->name && !strcmp(r->name, name); });
}

int platform_get_irq_optional(platform_device* pdev, unsigned n) noexcept {
  return number_of(platform_get_resource(pdev, IORESOURCE_IRQ, n));
}
int platform_get_irq(platform_device* pdev, unsigned n) noexcept {
  const int irq = platform_get_irq_optional(pdev, n);
  return irq < 0 ? dev_err_probe(&pdev->dev, irq, "IRQ index %u not found\n", n) : irq;
}
int platform_get_irq_byname_optional(platform_device* pdev, const char* name) noexcept {
  return number_of(platform_get_resource_byname(pdev, IORESOURCE_IRQ, name));
}
int platform_get_irq_byname(platform_device* pdev, const char* name) noexcept {
  const int irq = platform_get_irq_byname_optional(pdev, name);
  return irq < 0 ? dev_err_probe(&pdev->dev, irq, "IRQ %s not found\n", name) : irq;
}
int platform_irq_count(platform_device* pdev) noexcept {
  int n = 0;
  find_resource(pdev, IORESOURCE_IRQ, [&n](const resource*) { return ++n, false; });
  return n;
}

void* devm_platform_get_and_ioremap_resource(platform_device* pdev, unsigned n, resource** found) noexcept {
  resource* r = platform_get_resource(pdev, IORESOURCE_MEM, n);
  if (found) *found = r;
  if (!r) dev_err(&pdev->dev, "invalid resource %u\n", n);
  return devm_ioremap_resource(&pdev->dev, r);
}

int __platform_driver_register(platform_driver* driver, module* owner) noexcept {
  if (!platform_is_there()) return -ENOMEM;
  driver->driver.owner = owner;
  driver->driver.bus = &platform_bus_type;
  return driver_register(&driver->driver);
}
void platform_driver_unregister(platform_driver* driver) noexcept { driver_unregister(&driver->driver); }

int __platform_driver_probe(platform_driver* driver, int (*probe_once)(platform_device*), module* owner) noexcept {
  driver->probe = probe_once;
  if (const int error = __platform_driver_register(driver, owner)) return error;
  device* bound = find_device({.driver = &driver->driver}, nullptr, [](device*) { return 1; });
  put_device(bound);
  if (bound) return 0;
  platform_driver_unregister(driver);
  return -ENODEV;
}

}  // extern "C"
