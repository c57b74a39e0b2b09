// Drivers, and binding them to devices.

#include <linux/device.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "bus/devices.h"
#include "dma/space.h"
#include "pci/function.h"
#include "sync/quiet_lock.h"

/// A registered driver: /sys/bus/<bus>/drivers/<name>.
struct driver_private {
  kobject kobj;
  device_driver* driver;
  driver_private* next;
  u64 number;
};

namespace kmem_driver {
namespace {

constexpr int kProbeDefer = -EPROBE_DEFER;

// Registered drivers ----------------------------------------------------------------------------------------------

constinit QuietLock lock;
constinit driver_private* first = nullptr;
constinit driver_private** end = &first;
constinit u64 last_number = 0;

void enlist(driver_private* p) {
  Quietly hold(lock);
  p->number = ++last_number;
  p->next = nullptr;
  *end = p;
  end = &p->next;
}

void delist(driver_private* p) {
  Quietly hold(lock);
  driver_private** at = &first;
  while (*at != p) at = &(*at)->next;
  *at = p->next;
  if (end == &p->next) end = at;
}

// Binding ----------------------------------------------------------------------------------------------------------------

void retry_deferred(work_struct*);
DECLARE_WORK(deferred_work, retry_deferred);

bool matches(device* dev, device_driver* driver) { return !dev->bus->match || dev->bus->match(dev, driver); }

/// Reports other resources that the driver has left, and releases them.
void take_back(device* dev) {
  dma::take_back(dev, dev->driver->name);
  if (dev_is_pci(dev)) pci::take_back(pci::function_of(to_pci_dev(dev)), dev->driver->name);
}

/// Releases the driver's managed resources, and clears its data.
void clear(device* dev) {
  devres_release_all(dev);
  take_back(dev);
  dev->driver = nullptr;
  dev->kmem_leaving = false;
  dev_set_drvdata(dev, nullptr);
  if (dev->bus && dev->bus->dma_cleanup) dev->bus->dma_cleanup(dev);
}

int call_probe(device* dev, device_driver* driver) {
  if (dev->bus->dma_configure)
    if (const int error = dev->bus->dma_configure(dev)) return error;
  int error = dev->bus->probe ? dev->bus->probe(dev) : driver->probe ? driver->probe(dev) : 0;
  if (error) return error;
  error = device_add_groups(dev, driver->dev_groups);
  if (!error) return 0;
  dev_err(dev, "device_add_groups() failed\n");
  if (dev->bus->remove) dev->bus->remove(dev);
  else if (driver->remove) driver->remove(dev);
  return error;
}

void say_failure(const device* dev, const device_driver* driver, int error) {
  if (error == kProbeDefer) dev_dbg(dev, "Driver %s requests probe deferral\n", driver->name);
  else if (error == -ENODEV || error == -ENXIO)
    pr_debug("%s: probe of %s rejects match %d\n", driver->name, dev_name(dev), -error);
  else pr_warn("%s: probe of %s failed with error %d\n", driver->name, dev_name(dev), error);
}

/// For a locked device without a driver: 0, or probe()'s error.
int bind(device* dev, device_driver* driver) {
  if (dev->kmem_dead) return -ENODEV;
  if (dev->devres_last) {
    dev_crit(dev, "Resources present before probing\n");
    return -EBUSY;
  }
  dev->driver = driver;
  dev->kmem_deferred = false;
  const int error = call_probe(dev, driver);
  if (error) {
    say_failure(dev, driver, error);
    clear(dev);
    dev->kmem_deferred = error == kProbeDefer;
    return error;
  }
  announce(dev, KOBJ_BIND);
  schedule_work(&deferred_work);
  return 0;
}

/// For a locked device.
void unbind(device* dev) {
  device_driver* driver = dev->driver;
  if (!driver) return;
  dev->kmem_leaving = true;
  device_remove_groups(dev, driver->dev_groups);
  if (dev->bus && dev->bus->remove) dev->bus->remove(dev);
  else if (driver->remove) driver->remove(dev);
  clear(dev);
  announce(dev, KOBJ_UNBIND);
}

/// For a locked device: as device_attach().
int attach(device* dev) {
  if (dev->driver) return 1;
  u64 number = 0;
  while (device_driver* driver = next_driver(dev->bus, &number)) {
    if (!matches(dev, driver)) continue;
    const int error = bind(dev, driver);
    if (!error) return 1;
    if (error == kProbeDefer) return 0;
  }
  return 0;
}

void retry_deferred(work_struct*) {
  for_each_device({}, nullptr, [](device* dev) {
    if (!dev->bus || !__atomic_load_n(&dev->kmem_deferred, __ATOMIC_RELAXED)) return 0;
    device_lock(dev);
    if (dev->kmem_deferred) attach(dev);
    device_unlock(dev);
    return 0;
  });
}

// In /sys -----------------------------------------------------------------------------------------------------------------

device_driver* driver_of(kobject* kobj) { return container_of(kobj, driver_private, kobj)->driver; }
ssize_t show_attribute(kobject* kobj, attribute* attr, char* page) {
  auto* a = container_of(attr, driver_attribute, attr);
  return a->show ? a->show(driver_of(kobj), page) : -EIO;
}
ssize_t store_attribute(kobject* kobj, attribute* attr, const char* page, size_t n) {
  auto* a = container_of(attr, driver_attribute, attr);
  return a->store ? a->store(driver_of(kobj), page, n) : -EIO;
}
const sysfs_ops driver_ops = {show_attribute, store_attribute};
void release_driver(kobject* kobj) { kfree(container_of(kobj, driver_private, kobj)); }
const kobj_type driver_kind = {release_driver, &driver_ops, nullptr, nullptr};

ssize_t bind_store(device_driver* driver, const char* page, size_t n) {
  device* dev = bus_find_device_by_name(driver->bus, nullptr, page);
  const int error = dev && matches(dev, driver) ? device_driver_attach(driver, dev) : -ENODEV;
  put_device(dev);
  return error ? error : static_cast<ssize_t>(n);
}
ssize_t unbind_store(device_driver* driver, const char* page, size_t n) {
  device* dev = bus_find_device_by_name(driver->bus, nullptr, page);
  const bool ours = dev && dev->driver == driver;
  if (ours) device_release_driver(dev);
  put_device(dev);
  return ours ? static_cast<ssize_t>(n) : -ENODEV;
}
DRIVER_ATTR_WO(bind);
DRIVER_ATTR_WO(unbind);

int fill_folder(driver_private* p) {
  device_driver* driver = p->driver;
  int error = kobject_init_and_add(&p->kobj, &driver_kind, drivers_folder(driver->bus), "%s", driver->name);
  if (!error) error = sysfs_create_groups(&p->kobj, driver->bus->drv_groups);
  if (!error) error = sysfs_create_groups(&p->kobj, driver->groups);
  if (error || driver->suppress_bind_attrs) return error;
  error = sysfs_create_file(&p->kobj, &driver_attr_bind.attr);
  return error ? error : sysfs_create_file(&p->kobj, &driver_attr_unbind.attr);
}

}  // namespace

device_driver* next_driver(const bus_type* bus, u64* number) {
  Quietly hold(lock);
  for (driver_private* p = first; p; p = p->next) {
    if (p->driver->bus != bus || p->number <= *number) continue;
    *number = p->number;
    return p->driver;
  }
  return nullptr;
}

void device_came(device* dev) {
  device_lock(dev);
  dev->kmem_dead = false;
  attach(dev);
  device_unlock(dev);
}

void device_goes(device* dev) {
  device_lock(dev);
  dev->kmem_dead = true;
  unbind(dev);
  dev->kmem_deferred = false;
  device_unlock(dev);
}

}  // namespace kmem_driver

using namespace kmem_driver;

extern "C" {

int driver_register(device_driver* driver) noexcept {
  if (!drivers_folder(driver->bus)) {
    pr_err("Driver '%s' was unable to register with bus_type '%s' because the bus was not initialized.\n", driver->name,
           driver->bus ? driver->bus->name : "(none)");
    return -EINVAL;
  }
  if (driver_find(driver->name, driver->bus)) {
    pr_err("Error: Driver '%s' is already registered, aborting...\n", driver->name);
    return -EBUSY;
  }
  auto* p = static_cast<driver_private*>(kzalloc(sizeof(driver_private), GFP_KERNEL));
  if (!p) return -ENOMEM;
  p->driver = driver;
  if (const int error = fill_folder(p)) {
    kobject_del(&p->kobj);
    kobject_put(&p->kobj);
    return error;
  }
  driver->p = p;
  enlist(p);
  driver_attach(driver);
  return 0;
}

void driver_unregister(device_driver* driver) noexcept {
  driver_private* p = driver->p;
  if (WARN(!p, "Unexpected driver unregister!")) return;
  delist(p);
  // Locks each device of the bus once, so that a running probe of this driver ends before.
  for_each_device({.bus = driver->bus}, nullptr, [driver](device* dev) {
    if (dev->driver != driver && !matches(dev, driver)) return 0;
    device_lock(dev);
    if (dev->driver == driver) unbind(dev);
    device_unlock(dev);
    return 0;
  });
  kobject_del(&p->kobj);
  driver->p = nullptr;
  kobject_put(&p->kobj);
}

device_driver* driver_find(const char* name, bus_type* bus) noexcept {
  u64 number = 0;
  device_driver* driver = next_driver(bus, &number);
  while (driver && strcmp(driver->name, name) != 0) driver = next_driver(bus, &number);
  return driver;
}

int driver_attach(device_driver* driver) noexcept {
  return for_each_device({.bus = driver->bus}, nullptr, [driver](device* dev) {
    if (dev->driver || !matches(dev, driver)) return 0;
    device_lock(dev);
    if (!dev->driver) bind(dev, driver);
    device_unlock(dev);
    return 0;
  });
}

int driver_create_file(device_driver* driver, const driver_attribute* attribute) noexcept {
  return driver->p ? sysfs_create_file(&driver->p->kobj, &attribute->attr) : -EINVAL;
}
void driver_remove_file(device_driver* driver, const driver_attribute* attribute) noexcept {
  if (driver->p) sysfs_remove_file(&driver->p->kobj, &attribute->attr);
}

int driver_for_each_device(device_driver* driver, device* start, void* data, int (*visit)(device*, void*)) noexcept {
  return for_each_device({.driver = driver}, start, [&](device* dev) { return visit(dev, data); });
}

int bus_for_each_drv(bus_type* bus, device_driver* start, void* data, int (*visit)(device_driver*, void*)) noexcept {
  u64 number = start && start->p ? start->p->number : 0;
  int answer = 0;
  while (device_driver* driver = answer ? nullptr : next_driver(bus, &number)) answer = visit(driver, data);
  return answer;
}

void wait_for_device_probe() noexcept { flush_work(&deferred_work); }

int device_attach(device* dev) noexcept {
  if (!dev->bus) return 0;
  device_lock(dev);
  const int answer = attach(dev);
  device_unlock(dev);
  return answer;
}

int device_bind_driver(device* dev) noexcept {
  if (!dev->driver) return -EINVAL;
  announce(dev, KOBJ_BIND);
  return 0;
}

int device_driver_attach(device_driver* driver, device* dev) noexcept {
  device_lock(dev);
  const int error = dev->driver ? -EBUSY : bind(dev, driver);
  device_unlock(dev);
  return error == kProbeDefer ? -EAGAIN : error;
}

void device_release_driver(device* dev) noexcept {
  device_lock(dev);
  unbind(dev);
  dev->kmem_deferred = false;
  device_unlock(dev);
}

}  // extern "C"
