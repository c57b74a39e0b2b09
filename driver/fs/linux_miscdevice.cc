// Misc devices: major 10.

#include <linux/cdev.h>
#include <linux/kernel.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "fs/nodes.h"

namespace {

using kmem_driver::Guard;

constinit unsigned guard_word = 0;
LIST_HEAD(all);
device_class* misc_class = nullptr;
constexpr int kFirstDynamic = 256, kMinors = 1 << 16;

miscdevice* find_locked(int minor) {
  miscdevice* m;
  list_for_each_entry(m, &all, list) if (m->minor == minor) return m;
  return nullptr;
}

/// Replaces the file's operations by the device's own, and calls their open().
int open_misc(inode* inode, file* f) {
  const file_operations* operations = nullptr;
  {
    Guard hold(guard_word);
    miscdevice* m = find_locked(static_cast<int>(iminor(inode)));
    if (m) operations = fops_get(m->fops);
    if (operations) f->private_data = m;
  }
  if (!operations) return -ENODEV;
  replace_fops(f, operations);
  return operations->open ? operations->open(inode, f) : 0;
}

constexpr file_operations make_operations() {
  file_operations o = {};
  o.open = open_misc;
  o.llseek = noop_llseek;
  return o;
}
const file_operations operations = make_operations();

char* node_of_misc(const device* dev, umode_t* mode) {
  const auto* m = static_cast<const miscdevice*>(dev_get_drvdata(dev));
  if (mode && m->mode) *mode = m->mode;
  return m->nodename ? kstrdup(m->nodename, GFP_KERNEL) : nullptr;
}

/// Called for the first misc device.
int begin() {
  if (misc_class) return 0;
  const int error = __register_chrdev(MISC_MAJOR, 0, MINORMASK + 1, "misc", &operations);
  if (error) return error;
  device_class* of = class_create("misc");
  if (IS_ERR(of)) return static_cast<int>(PTR_ERR(of));
  of->devnode = node_of_misc;
  misc_class = of;
  return 0;
}

int take_minor(miscdevice* misc) {
  Guard hold(guard_word);
  if (const int error = begin()) return error;
  if (misc->minor == MISC_DYNAMIC_MINOR) {
    int minor = kFirstDynamic;
    while (minor < kMinors && find_locked(minor)) ++minor;
    misc->minor = minor;
  } else if (find_locked(misc->minor)) {
    return -EBUSY;
  }
  list_add(&misc->list, &all);
  return 0;
}

void give_back_minor(miscdevice* misc) {
  Guard hold(guard_word);
  list_del(&misc->list);
}

}  // namespace

extern "C" {

int misc_register(miscdevice* misc) noexcept {
  const bool dynamic = misc->minor == MISC_DYNAMIC_MINOR;
  if (const int error = take_minor(misc)) return error;
  misc->this_device =
      device_create_with_groups(misc_class, misc->parent, MKDEV(MISC_MAJOR, misc->minor), misc, misc->groups, "%s", misc->name);
  if (!IS_ERR(misc->this_device)) return 0;
  const int error = static_cast<int>(PTR_ERR(misc->this_device));
  give_back_minor(misc);
  if (dynamic) misc->minor = MISC_DYNAMIC_MINOR;
  return error;
}

void misc_deregister(miscdevice* misc) noexcept {
  if (WARN_ON(list_empty(&misc->list))) return;
  give_back_minor(misc);
  device_destroy(misc_class, MKDEV(MISC_MAJOR, misc->minor));
}

}  // extern "C"
