// Numbers of char devices, and their operations.

#include <string.h>

#include <linux/cdev.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "fs/nodes.h"

namespace kmem_driver {
namespace {

/// An allocated range of numbers.
struct Region {
  Region* next;
  dev_t first;
  unsigned count;
  char name[64];
  cdev* of_register_chrdev;
};

constinit unsigned guard_word = 0;
constinit Region* regions = nullptr;
constinit cdev* devices = nullptr;

bool overlap(dev_t a, unsigned a_count, dev_t b, unsigned b_count) { return a < b + b_count && b < a + a_count; }

bool is_free(dev_t first, unsigned count) {
  for (const Region* r = regions; r; r = r->next)
    if (overlap(first, count, r->first, r->count)) return false;
  return true;
}

bool major_is_free(unsigned major) {
  for (const Region* r = regions; r; r = r->next)
    if (MAJOR(r->first) == major) return false;
  return true;
}

/// Searches in the kernel's order; 0 if all are taken.
unsigned free_major() {
  for (unsigned m = 254; m >= 234; --m)
    if (major_is_free(m)) return m;
  for (unsigned m = 511; m >= 384; --m)
    if (major_is_free(m)) return m;
  return 0;
}

int add_locked(Region* region, unsigned major) {
  if (!major) {
    major = free_major();
    if (!major) return -EBUSY;
    region->first = MKDEV(major, MINOR(region->first));
  }
  if (!is_free(region->first, region->count)) return -EBUSY;
  region->next = regions;
  regions = region;
  return 0;
}

/// Major 0: chooses a free one. Returns the region, or ERR_PTR().
Region* add_region(dev_t first, unsigned count, const char* name) {
  if (MAJOR(first) >= 512 || count > MINORMASK + 1 - MINOR(first)) {
    pr_err("CHRDEV \"%s\" minor range requested (%u-%u) is out of range\n", name, MINOR(first), MINOR(first) + count - 1);
    return static_cast<Region*>(ERR_PTR(-EINVAL));
  }
  auto* region = static_cast<Region*>(kzalloc(sizeof(Region), GFP_KERNEL));
  if (!region) return static_cast<Region*>(ERR_PTR(-ENOMEM));
  region->first = first;
  region->count = count;
  strncpy(region->name, name, sizeof(region->name) - 1);
  Guard hold(guard_word);
  const int error = add_locked(region, MAJOR(first));
  if (!error) return region;
  kfree(region);
  return static_cast<Region*>(ERR_PTR(error));
}

cdev* remove_region(dev_t first, unsigned count) {
  Region* gone = nullptr;
  {
    Guard hold(guard_word);
    Region** at = &regions;
    while (*at && ((*at)->first != first || (*at)->count != count)) at = &(*at)->next;
    gone = *at;
    if (gone) *at = gone->next;
  }
  cdev* device = gone ? gone->of_register_chrdev : nullptr;
  kfree(gone);
  return device;
}

cdev* find_locked(dev_t dev) {
  cdev* c = devices;
  while (c && !(dev >= c->dev && dev - c->dev < c->count)) c = c->kmem_next;
  return c;
}

void release_embedded(kobject*) {}
void release_own(kobject* kobj) { kfree(container_of(kobj, cdev, kobj)); }
kobj_type embedded = {release_embedded, nullptr, nullptr, nullptr};
kobj_type own = {release_own, nullptr, nullptr, nullptr};

}  // namespace

const file_operations* operations_of_device(inode* inode, int* error) {
  Guard hold(guard_word);
  cdev* device = find_locked(inode->i_rdev);
  *error = -ENXIO;
  if (!device || !try_module_get(device->owner)) return nullptr;
  const file_operations* operations = fops_get(device->ops);
  if (!operations) {
    module_put(device->owner);
    return nullptr;
  }
  kobject_get(&device->kobj);
  inode->i_cdev = device;
  *error = 0;
  return operations;
}

void device_closed(inode* inode) {
  cdev* device = inode->i_cdev;
  if (!device) return;
  module* owner = device->owner;
  kobject_put(&device->kobj);
  module_put(owner);
}

namespace {
void visit_backwards(const Region* r, unsigned major, void (*visit)(unsigned, const char*, void*), void* data) {
  if (!r) return;
  visit_backwards(r->next, major, visit, data);
  if (MAJOR(r->first) == major) visit(major, r->name, data);
}
}  // namespace

void each_region(unsigned major, void (*visit)(unsigned major, const char* name, void* data), void* data) {
  Guard hold(guard_word);
  visit_backwards(regions, major, visit, data);
}

const char* name_of_major(unsigned major) {
  Guard hold(guard_word);
  for (const Region* r = regions; r; r = r->next)
    if (MAJOR(r->first) == major) return r->name;
  return nullptr;
}

}  // namespace kmem_driver

using namespace kmem_driver;

extern "C" {

int register_chrdev_region(dev_t from, unsigned count, const char* name) noexcept {
  if (!MAJOR(from)) return -EINVAL;
  return PTR_ERR_OR_ZERO(add_region(from, count, name));
}

int alloc_chrdev_region(dev_t* dev, unsigned first_minor, unsigned count, const char* name) noexcept {
  Region* region = add_region(MKDEV(0, first_minor), count, name);
  if (IS_ERR(region)) return static_cast<int>(PTR_ERR(region));
  *dev = region->first;
  return 0;
}

void unregister_chrdev_region(dev_t from, unsigned count) noexcept { remove_region(from, count); }

int __register_chrdev(unsigned major, unsigned first_minor, unsigned count, const char* name,
                      const file_operations* operations) noexcept {
  Region* region = add_region(MKDEV(major, first_minor), count, name);
  if (IS_ERR(region)) return static_cast<int>(PTR_ERR(region));
  cdev* device = cdev_alloc();
  int error = -ENOMEM;
  if (device) {
    device->owner = operations->owner;
    device->ops = operations;
    region->of_register_chrdev = device;
    error = cdev_add(device, region->first, count);
    if (!error) return major ? 0 : static_cast<int>(MAJOR(region->first));
    kobject_put(&device->kobj);
  }
  remove_region(region->first, count);
  return error;
}

void __unregister_chrdev(unsigned major, unsigned first_minor, unsigned count, const char*) noexcept {
  if (cdev* device = remove_region(MKDEV(major, first_minor), count)) cdev_del(device);
}

void cdev_init(cdev* device, const file_operations* operations) noexcept {
  *device = {};
  INIT_LIST_HEAD(&device->list);
  kobject_init(&device->kobj, &embedded);
  device->ops = operations;
}

cdev* cdev_alloc() noexcept {
  auto* device = static_cast<cdev*>(kzalloc(sizeof(cdev), GFP_KERNEL));
  if (!device) return nullptr;
  INIT_LIST_HEAD(&device->list);
  kobject_init(&device->kobj, &own);
  return device;
}

int cdev_add(cdev* device, dev_t dev, unsigned count) noexcept {
  device->dev = dev;
  device->count = count;
  {
    Guard hold(guard_word);
    for (const cdev* c = devices; c; c = c->kmem_next)
      if (overlap(dev, count, c->dev, c->count)) return -EBUSY;
    device->kmem_next = devices;
    device->kmem_added = true;
    devices = device;
  }
  if (device->kobj.parent) kobject_get(device->kobj.parent);
  return 0;
}

void cdev_del(cdev* device) noexcept {
  {
    Guard hold(guard_word);
    cdev** at = &devices;
    while (*at && *at != device) at = &(*at)->kmem_next;
    if (*at) *at = device->kmem_next;
    device->kmem_added = false;
  }
  kobject_put(&device->kobj);
}

void cdev_set_parent(cdev* device, kobject* parent) noexcept { device->kobj.parent = parent; }

int cdev_device_add(cdev* device, struct device* dev) noexcept {
  if (dev->devt) {
    cdev_set_parent(device, &dev->kobj);
    if (const int error = cdev_add(device, dev->devt, 1)) return error;
  }
  const int error = device_add(dev);
  if (error && dev->devt) cdev_del(device);
  return error;
}

void cdev_device_del(cdev* device, struct device* dev) noexcept {
  device_del(dev);
  if (dev->devt) cdev_del(device);
}

}  // extern "C"
