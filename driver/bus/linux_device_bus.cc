// Buses.

#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/slab.h>

#include "bus/devices.h"
#include "lock/queued.h"

/// A registered bus: /sys/bus/<name>, and the folder of its drivers.
struct subsys_private {
  kobject kobj;
  kobject* drivers;
  bus_type* bus;
};

namespace {

using namespace kmem_driver;

bus_type* bus_of(kobject* kobj) { return container_of(kobj, subsys_private, kobj)->bus; }
ssize_t show_attribute(kobject* kobj, attribute* attr, char* page) {
  auto* a = container_of(attr, bus_attribute, attr);
  return a->show ? a->show(bus_of(kobj), page) : -EIO;
}
ssize_t store_attribute(kobject* kobj, attribute* attr, const char* page, size_t n) {
  auto* a = container_of(attr, bus_attribute, attr);
  return a->store ? a->store(bus_of(kobj), page, n) : -EIO;
}
const sysfs_ops bus_ops = {show_attribute, store_attribute};
void release_bus(kobject* kobj) { kfree(container_of(kobj, subsys_private, kobj)); }
const kobj_type bus_kind = {release_bus, &bus_ops, nullptr, nullptr};

constinit unsigned guard_word = 0;
constinit bus_type* registered[32] = {};

bool enlist(bus_type* bus) {
  Guard hold(guard_word);
  bus_type** room = nullptr;
  for (bus_type*& b : registered) {
    if (b && !strcmp(b->name, bus->name)) return false;
    if (!b && !room) room = &b;
  }
  if (room) *room = bus;
  return room != nullptr;
}
void delist(const bus_type* bus) {
  Guard hold(guard_word);
  for (bus_type*& b : registered)
    if (b == bus) b = nullptr;
}

int fill_folder(subsys_private* p) {
  int error = kobject_init_and_add(&p->kobj, &bus_kind, kmem_driver_kobject_of("bus"), "%s", p->bus->name);
  if (!error) error = sysfs_create_groups(&p->kobj, p->bus->bus_groups);
  if (!error && !(p->drivers = kobject_create_and_add("drivers", &p->kobj))) error = -ENOMEM;
  return error;
}

}  // namespace

bool kmem_driver::bus_is_there(bus_type& bus, const attribute_group** dev_groups) {
  static constinit unsigned guard_word = 0;
  Guard hold(guard_word);
  bus.dev_groups = dev_groups;
  return bus.p || !bus_register(&bus);
}

namespace kmem_driver {
kobject* drivers_folder(const bus_type* bus) { return bus && bus->p ? bus->p->drivers : nullptr; }
}  // namespace kmem_driver

extern "C" {

int bus_register(bus_type* bus) noexcept {
  if (!enlist(bus)) return -EEXIST;
  auto* p = static_cast<subsys_private*>(kzalloc(sizeof(subsys_private), GFP_KERNEL));
  int error = p ? 0 : -ENOMEM;
  if (p) {
    p->bus = bus;
    error = fill_folder(p);
    if (error) {
      kobject_del(&p->kobj);
      kobject_put(&p->kobj);
    }
  }
  if (error) return delist(bus), error;
  bus->p = p;
  return 0;
}

void bus_unregister(bus_type* bus) noexcept {
  u64 number = 0, of_devices = 0;
  device* left = next_device({.bus = bus}, &of_devices);
  put_device(left);
  if (WARN(left || next_driver(bus, &number), "bus: '%s' is unregistered while it has devices or drivers; it stays", bus->name))
    return;
  delist(bus);
  kobject_put(bus->p->drivers);
  kobject_del(&bus->p->kobj);
  kobject_put(&bus->p->kobj);
  bus->p = nullptr;
}

int bus_rescan_devices(bus_type* bus) noexcept {
  return for_each_device({.bus = bus}, nullptr, [](device* dev) {
    const int answer = dev->driver ? 0 : device_attach(dev);
    return answer < 0 ? answer : 0;
  });
}

int bus_create_file(bus_type* bus, bus_attribute* attribute) noexcept {
  return bus->p ? sysfs_create_file(&bus->p->kobj, &attribute->attr) : -EINVAL;
}
void bus_remove_file(bus_type* bus, bus_attribute* attribute) noexcept {
  if (bus->p) sysfs_remove_file(&bus->p->kobj, &attribute->attr);
}

int bus_for_each_dev(bus_type* bus, device* start, void* data, int (*visit)(device*, void*)) noexcept {
  return for_each_device({.bus = bus}, start, [&](device* dev) { return visit(dev, data); });
}
device* bus_find_device(bus_type* bus, device* start, const void* data, int (*match)(device*, const void*)) noexcept {
  return find_device({.bus = bus}, start, [&](device* dev) { return match(dev, data); });
}

int device_match_name(device* dev, const void* name) noexcept {
  return sysfs_streq(dev_name(dev), static_cast<const char*>(name));
}
int device_match_devt(device* dev, const void* devt) noexcept { return dev->devt == *static_cast<const dev_t*>(devt); }
int device_match_any(device*, const void*) noexcept { return 1; }

}  // extern "C"
