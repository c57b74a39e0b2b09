// Devices and classes: their places in /sys and their nodes in /dev.

#include <string.h>

#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "bus/devices.h"
#include "dma/space.h"
#include "fs/nodes.h"

namespace {

using namespace kmem_driver;

constinit unsigned guard_word = 0;
constinit device* created = nullptr;  // by device_create()

ssize_t show_attribute(kobject* kobj, attribute* attr, char* page) {
  auto* a = container_of(attr, device_attribute, attr);
  return a->show ? a->show(kobj_to_dev(kobj), a, page) : -EIO;
}
ssize_t store_attribute(kobject* kobj, attribute* attr, const char* page, size_t n) {
  auto* a = container_of(attr, device_attribute, attr);
  return a->store ? a->store(kobj_to_dev(kobj), a, page, n) : -EIO;
}
const sysfs_ops device_ops = {show_attribute, store_attribute};

void release_device(kobject* kobj) {
  device* dev = kobj_to_dev(kobj);
  forget_device(dev);
  devres_release_all(dev);
  dma::take_back(dev, dev_driver_string(dev));
  if (dev->release) dev->release(dev);
  else if (dev->type && dev->type->release) dev->type->release(dev);
  else if (dev->class_ && dev->class_->dev_release) dev->class_->dev_release(dev);
  else WARN(1, "Device '%s' does not have a release() function, it is broken and must be fixed.", dev_name(dev));
}
const kobj_type device_kind = {release_device, &device_ops, nullptr, nullptr};

ssize_t show_class_attribute(kobject* kobj, attribute* attr, char* page) {
  auto* a = container_of(attr, class_attribute, attr);
  return a->show ? a->show(container_of(kobj, device_class, kmem_kobj), a, page) : -EIO;
}
ssize_t store_class_attribute(kobject* kobj, attribute* attr, const char* page, size_t n) {
  auto* a = container_of(attr, class_attribute, attr);
  return a->store ? a->store(container_of(kobj, device_class, kmem_kobj), a, page, n) : -EIO;
}
const sysfs_ops class_ops = {show_class_attribute, store_class_attribute};
void release_class(kobject* kobj) {
  auto* of = container_of(kobj, device_class, kmem_kobj);
  if (of->kmem_own) kfree(of);
}
const kobj_type class_kind = {release_class, &class_ops, nullptr, nullptr};

kobject* parent_of(device* dev) {
  if (dev->class_) return &dev->class_->kmem_kobj;
  return dev->parent ? &dev->parent->kobj : kmem_driver_kobject_of("devices");
}

/// "/dev/name", with / for each ! in the name, or the class's choice; the caller frees it.
char* node_path(const device* dev, umode_t* mode) {
  char* other = dev->class_ && dev->class_->devnode ? dev->class_->devnode(dev, mode) : nullptr;
  char* path = kmem_driver_kasprintf(GFP_KERNEL, "/dev/%s", other ? other : dev_name(dev));
  kfree(other);
  for (char* c = path; c && *c; ++c)
    if (*c == '!') *c = '/';
  return path;
}

int add_device_node(device* dev) {
  umode_t mode = 0;
  char* path = node_path(dev, &mode);
  if (!path) return -ENOMEM;
  const int error = add_node(path, static_cast<umode_t>(S_IFCHR | (mode ? mode : 0600)), dev->devt, nullptr, nullptr);
  if (error) kfree(path);
  else dev->kmem_node = path;
  return error;
}

void remove_device_node(device* dev) {
  if (dev->kmem_node) remove_node(dev->kmem_node);
  kfree(dev->kmem_node);
  dev->kmem_node = nullptr;
}

ssize_t show_dev(device* dev, device_attribute*, char* page) {
  return sysfs_emit(page, "%u:%u\n", MAJOR(dev->devt), MINOR(dev->devt));
}
device_attribute dev_attribute = {{"dev", 0444}, show_dev, nullptr};

int add_attributes(device* dev) {
  int error = dev->devt ? sysfs_create_file(&dev->kobj, &dev_attribute.attr) : 0;
  if (!error && dev->bus) error = sysfs_create_groups(&dev->kobj, dev->bus->dev_groups);
  if (!error && dev->class_) error = sysfs_create_groups(&dev->kobj, dev->class_->dev_groups);
  if (!error && dev->type) error = sysfs_create_groups(&dev->kobj, dev->type->groups);
  return error ? error : sysfs_create_groups(&dev->kobj, dev->groups);
}

/// Adds the device's number, its driver, and the variables of its bus, type and class.
int fill_event(device* dev, kobj_uevent_env* env) {
  const char* subsystem = dev->bus ? dev->bus->name : dev->class_ ? dev->class_->name : nullptr;
  int error = subsystem ? add_uevent_var(env, "SUBSYSTEM=%s", subsystem) : 0;
  if (!error && dev->devt) error = add_uevent_var(env, "MAJOR=%u", MAJOR(dev->devt));
  if (!error && dev->devt) error = add_uevent_var(env, "MINOR=%u", MINOR(dev->devt));
  if (!error && dev->driver) error = add_uevent_var(env, "DRIVER=%s", dev->driver->name);
  if (!error && dev->bus && dev->bus->uevent) error = dev->bus->uevent(dev, env);
  if (!error && dev->class_ && dev->class_->dev_uevent) error = dev->class_->dev_uevent(dev, env);
  if (!error && dev->type && dev->type->uevent) error = dev->type->uevent(dev, env);
  return error;
}

/// Sets the name: as given, or the bus's dev_name and the number.
int name_it(device* dev) {
  if (dev->kobj.name) return 0;
  if (dev->init_name) return dev_set_name(dev, "%s", dev->init_name);
  return dev->bus && dev->bus->dev_name ? dev_set_name(dev, "%s%u", dev->bus->dev_name, dev->id) : -EINVAL;
}

/// After the device was added: its bus binds a driver to it.
void came(device* dev) {
  note_device(dev);
  announce(dev, KOBJ_ADD);
  if (dev->bus) device_came(dev);
}

void free_root(device* dev) { kfree(dev); }
void free_created(device* dev) { kfree(dev); }

device* create(device_class* of, device* parent, dev_t devt, void* data, const attribute_group** groups, const char* format,
               va_list arguments) {
  if (IS_ERR_OR_NULL(of)) return static_cast<device*>(ERR_PTR(-ENODEV));
  auto* dev = static_cast<device*>(kzalloc(sizeof(device), GFP_KERNEL));
  if (!dev) return static_cast<device*>(ERR_PTR(-ENOMEM));
  device_initialize(dev);
  dev->devt = devt;
  dev->class_ = of;
  dev->parent = parent;
  dev->groups = groups;
  dev->release = free_created;
  dev->kmem_created = true;
  dev_set_drvdata(dev, data);
  int error = kobject_set_name_vargs(&dev->kobj, format, arguments);
  dev->init_name = dev->kobj.name;
  if (!error) error = device_add(dev);
  if (error) {
    put_device(dev);
    return static_cast<device*>(ERR_PTR(error));
  }
  Guard hold(guard_word);
  dev->kmem_next = created;
  created = dev;
  return dev;
}

}  // namespace

namespace kmem_driver {
void announce(device* dev, kobject_action action) {
  auto* env = static_cast<kobj_uevent_env*>(kzalloc(sizeof(kobj_uevent_env), GFP_KERNEL));
  if (env && !fill_event(dev, env)) kobject_uevent_env(&dev->kobj, action, env->envp);
  kfree(env);
}
}  // namespace kmem_driver

extern "C" {

device_class* kmem_driver_class_create(const char* name) noexcept {
  auto* of = static_cast<device_class*>(kzalloc(sizeof(device_class), GFP_KERNEL));
  if (!of) return static_cast<device_class*>(ERR_PTR(-ENOMEM));
  of->name = name;
  of->kmem_own = true;
  if (const int error = class_register(of)) {
    kfree(of);
    return static_cast<device_class*>(ERR_PTR(error));
  }
  return of;
}

int class_register(device_class* of) noexcept {
  kobject& kobj = of->kmem_kobj;
  int error = kobject_init_and_add(&kobj, &class_kind, kmem_driver_kobject_of("class"), "%s", of->name);
  if (!error) error = sysfs_create_groups(&kobj, of->class_groups);
  if (!error) return 0;
  kobject_del(&kobj);
  kfree(kobj.name);  // the class itself belongs to its owner
  kobj.name = nullptr;
  return error;
}
void class_unregister(device_class* of) noexcept {
  kobject_del(&of->kmem_kobj);
  kobject_put(&of->kmem_kobj);
}
void class_destroy(device_class* of) noexcept {
  if (!IS_ERR_OR_NULL(of)) class_unregister(of);
}
ssize_t show_class_attr_string(const device_class*, const class_attribute* attribute, char* page) noexcept {
  return sysfs_emit(page, "%s\n", container_of(attribute, const class_attribute_string, attr)->str);
}
int class_create_file(device_class* of, const class_attribute* attribute) noexcept {
  return sysfs_create_file(&of->kmem_kobj, &attribute->attr);
}
void class_remove_file(device_class* of, const class_attribute* attribute) noexcept {
  sysfs_remove_file(&of->kmem_kobj, &attribute->attr);
}

void device_initialize(device* dev) noexcept { kobject_init(&dev->kobj, &device_kind); }

int dev_set_name(device* dev, const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  const int error = kobject_set_name_vargs(&dev->kobj, format, arguments);
  va_end(arguments);
  if (!error) dev->init_name = dev->kobj.name;
  return error;
}

int device_add(device* dev) noexcept {
  if (const int error = name_it(dev)) return error;
  char* name = kstrdup(dev->kobj.name, GFP_KERNEL);
  if (!name) return -ENOMEM;
  int error = kobject_add(&dev->kobj, parent_of(dev), "%s", name);
  kfree(name);
  dev->init_name = dev->kobj.name;
  if (!error) error = add_attributes(dev);
  if (!error && dev->devt) error = add_device_node(dev);
  if (error) {
    device_del(dev);
    return error;
  }
  came(dev);
  return 0;
}

void device_del(device* dev) noexcept {
  if (!dev->kobj.state_in_sysfs) return;
  if (dev->bus) device_goes(dev);
  forget_device(dev);
  remove_device_node(dev);
  announce(dev, KOBJ_REMOVE);
  kobject_del(&dev->kobj);
}

int device_register(device* dev) noexcept {
  device_initialize(dev);
  return device_add(dev);
}
void device_unregister(device* dev) noexcept {
  device_del(dev);
  put_device(dev);
}

device* get_device(device* dev) noexcept {
  if (dev) kobject_get(&dev->kobj);
  return dev;
}
void put_device(device* dev) noexcept {
  if (dev) kobject_put(&dev->kobj);
}

const char* dev_driver_string(const device* dev) noexcept {
  if (const device_driver* driver = __atomic_load_n(&dev->driver, __ATOMIC_RELAXED)) return driver->name;
  return dev->bus ? dev->bus->name : dev->class_ ? dev->class_->name : "";
}

int device_for_each_child(device* parent, void* data, int (*visit)(device*, void*)) noexcept {
  return for_each_device({.parent = parent}, nullptr, [&](device* dev) { return visit(dev, data); });
}
device* device_find_child(device* parent, void* data, int (*match)(device*, void*)) noexcept {
  return find_device({.parent = parent}, nullptr, [&](device* dev) { return match(dev, data); });
}
int class_for_each_device(device_class* of, device* start, void* data, int (*visit)(device*, void*)) noexcept {
  return for_each_device({.of = of}, start, [&](device* dev) { return visit(dev, data); });
}
device* class_find_device(device_class* of, device* start, const void* data, int (*match)(device*, const void*)) noexcept {
  return find_device({.of = of}, start, [&](device* dev) { return match(dev, data); });
}

device* root_device_register(const char* name) noexcept {
  auto* root = static_cast<device*>(kzalloc(sizeof(device), GFP_KERNEL));
  if (!root) return static_cast<device*>(ERR_PTR(-ENOMEM));
  device_initialize(root);
  root->release = free_root;
  int error = dev_set_name(root, "%s", name);
  if (!error) error = device_add(root);
  if (!error) return root;
  put_device(root);
  return static_cast<device*>(ERR_PTR(error));
}
void root_device_unregister(device* root) noexcept { device_unregister(root); }

device* device_create(device_class* of, device* parent, dev_t devt, void* data, const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  device* dev = create(of, parent, devt, data, nullptr, format, arguments);
  va_end(arguments);
  return dev;
}
device* device_create_with_groups(device_class* of, device* parent, dev_t devt, void* data, const attribute_group** groups,
                                  const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  device* dev = create(of, parent, devt, data, groups, format, arguments);
  va_end(arguments);
  return dev;
}

void device_destroy(device_class* of, dev_t devt) noexcept {
  device* dev;
  {
    Guard hold(guard_word);
    device** at = &created;
    while (*at && ((*at)->class_ != of || (*at)->devt != devt)) at = &(*at)->kmem_next;
    dev = *at;
    if (dev) *at = dev->kmem_next;
  }
  if (dev) device_unregister(dev);
}

int device_create_file(device* dev, const device_attribute* attribute) noexcept {
  return sysfs_create_file(&dev->kobj, &attribute->attr);
}
void device_remove_file(device* dev, const device_attribute* attribute) noexcept {
  sysfs_remove_file(&dev->kobj, &attribute->attr);
}

}  // extern "C"
