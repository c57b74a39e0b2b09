// Attributes, objects, classes and devices: what a program finds in /sys, and who is released when.

#include "helpers.h"

#include <fcntl.h>
#include <poll.h>

#include <linux/device.h>
#include <linux/fs.h>
#include <linux/kobject.h>
#include <linux/slab.h>

namespace {

using test::Thread;

std::string read_all(const char* path) {
  const int fd = kmem_driver_open(path, O_RDONLY);
  if (fd < 0) return std::to_string(fd);
  char text[8192] = {};
  const ssize_t n = kmem_driver_read(fd, text, sizeof(text) - 1);
  kmem_driver_close(fd);
  return n < 0 ? std::to_string(n) : text;
}
long write_all(const char* path, const char* text) {
  const int fd = kmem_driver_open(path, O_WRONLY);
  if (fd < 0) return fd;
  const long n = kmem_driver_write(fd, text, strlen(text));
  kmem_driver_close(fd);
  return n;
}

int value = 5;
ssize_t value_show(kobject*, kobj_attribute*, char* page) { return sysfs_emit(page, "%d\n", value); }
ssize_t value_store(kobject*, kobj_attribute*, const char* page, size_t n) {
  value = atoi(page);
  return value < 0 ? -EINVAL : static_cast<ssize_t>(n);
}
kobj_attribute value_attribute = __ATTR_RW(value);
ssize_t fixed_show(kobject*, kobj_attribute*, char* page) { return sysfs_emit(page, "fixed\n"); }
kobj_attribute fixed_attribute = __ATTR_RO(fixed);
attribute* both_attrs[] = {&value_attribute.attr, &fixed_attribute.attr, nullptr};

TEST(Sysfs, an_attribute_is_shown_and_stored_and_minds_its_mode) {
  kobject* kobj = kobject_create_and_add("thing", kernel_kobj);
  ASSERT_EQ(sysfs_create_files(kobj, both_attrs), 0);
  EXPECT_EQ(sysfs_create_file(kobj, &value_attribute.attr), -EEXIST);
  value = 5;
  EXPECT_EQ(read_all("/sys/kernel/thing/value"), "5\n");
  EXPECT_EQ(write_all("/sys/kernel/thing/value", "17\n"), 3);
  EXPECT_EQ(read_all("/sys/kernel/thing/value"), "17\n");
  EXPECT_EQ(write_all("/sys/kernel/thing/value", "-1"), -EINVAL);
  EXPECT_EQ(write_all("/sys/kernel/thing/fixed", "x"), -EACCES);
  const int fd = kmem_driver_open("/sys/kernel/thing/value", O_RDONLY);
  char text[8] = {};
  value = 1;
  kmem_driver_read(fd, text, 7);
  value = 2;
  EXPECT_EQ(kmem_driver_pread(fd, text, 7, 0), 2);
  EXPECT_EQ(text[0], '2');
  kobject_put(kobj);  // takes it out of /sys, with its files
  EXPECT_EQ(kmem_driver_read(fd, text, 7), -EIO);
  kmem_driver_close(fd);
  EXPECT_EQ(read_all("/sys/kernel/thing/value"), std::to_string(-ENOENT));
}

TEST(Sysfs, notify_wakes_who_polls) {
  kobject* kobj = kobject_create_and_add("polled", kernel_kobj);
  ASSERT_EQ(sysfs_create_file(kobj, &value_attribute.attr), 0);
  const int fd = kmem_driver_open("/sys/kernel/polled/value", O_RDONLY);
  char text[8];
  kmem_driver_read(fd, text, 8);
  pollfd p = {fd, POLLPRI, 0};
  std::atomic<int> result{-1};
  Thread t([&] { result = kmem_driver_poll(&p, 1, -1); });
  t.wait_until_it_sleeps(TASK_INTERRUPTIBLE);
  sysfs_notify(kobj, nullptr, "value");
  t.join();
  EXPECT_EQ(result, 1);
  EXPECT_EQ(p.revents & POLLPRI, POLLPRI);
  kmem_driver_close(fd);
  kobject_del(kobj);
  kobject_put(kobj);
}

umode_t only_value(kobject*, attribute* attr, int) { return attr == &value_attribute.attr ? attr->mode : 0; }

TEST(Sysfs, a_group_is_a_folder_and_hides_what_is_not_visible) {
  kobject* kobj = kobject_create_and_add("grouped", kernel_kobj);
  const attribute_group group = {"folder", only_value, nullptr, both_attrs, nullptr};
  ASSERT_EQ(sysfs_create_group(kobj, &group), 0);
  value = 9;
  EXPECT_EQ(read_all("/sys/kernel/grouped/folder/value"), "9\n");
  EXPECT_EQ(read_all("/sys/kernel/grouped/folder/fixed"), std::to_string(-ENOENT));
  sysfs_remove_group(kobj, &group);
  EXPECT_EQ(read_all("/sys/kernel/grouped/folder/value"), std::to_string(-ENOENT));
  kobject_put(kobj);
}

char blob[10] = "012345678";
ssize_t blob_read(file*, kobject*, bin_attribute*, char* buffer, loff_t at, size_t n) {
  memcpy(buffer, blob + at, n);
  return static_cast<ssize_t>(n);
}
ssize_t blob_write(file*, kobject*, bin_attribute*, char* buffer, loff_t at, size_t n) {
  memcpy(blob + at, buffer, n);
  return static_cast<ssize_t>(n);
}
BIN_ATTR_RW(blob, sizeof(blob));

TEST(Sysfs, a_binary_one_is_read_and_written_anywhere_within_its_size) {
  kobject* kobj = kobject_create_and_add("binary", kernel_kobj);
  ASSERT_EQ(sysfs_create_bin_file(kobj, &bin_attr_blob), 0);
  const int fd = kmem_driver_open("/sys/kernel/binary/blob", O_RDWR);
  char text[20] = {};
  EXPECT_EQ(kmem_driver_pread(fd, text, 20, 7), 3);
  EXPECT_EQ(kmem_driver_pwrite(fd, "XY", 2, 1), 2);
  EXPECT_EQ(blob[2], 'Y');
  EXPECT_EQ(kmem_driver_pwrite(fd, "XY", 2, 10), 0);
  kmem_driver_close(fd);
  sysfs_remove_bin_file(kobj, &bin_attr_blob);
  kobject_put(kobj);
}

int released;
TEST(Kobject, is_released_by_the_last_who_has_it) {
  static const kobj_type type = {[](kobject* k) {
                                   ++released;
                                   kfree(k);
                                 },
                                 &kobj_sysfs_ops, nullptr, nullptr};
  auto* kobj = static_cast<kobject*>(kzalloc(sizeof(kobject), GFP_KERNEL));
  ASSERT_EQ(kobject_init_and_add(kobj, &type, nullptr, "one/%d", 2), 0);
  EXPECT_STREQ(kobject_name(kobj), "one!2");
  kobject_get(kobj);
  kobject_del(kobj);
  kobject_put(kobj);
  EXPECT_EQ(released, 0);
  kobject_put(kobj);
  EXPECT_EQ(released, 1);
}

std::string event;
TEST(Device, of_a_class_has_a_node_attributes_and_events) {
  kmem_driver_on_uevent([](const char* const* v, int n) {
    event.clear();
    for (int i = 0; i < n; ++i) event += std::string(v[i]) + ";";
  });
  device_class* of = class_create("toys");
  ASSERT_FALSE(IS_ERR(of));
  int data = 3;
  device* dev = device_create(of, nullptr, MKDEV(240, 7), &data, "toy%d", 1);
  ASSERT_FALSE(IS_ERR(dev));
  EXPECT_STREQ(dev_name(dev), "toy1");
  EXPECT_EQ(dev_get_drvdata(dev), &data);
  EXPECT_EQ(event, "ACTION=add;DEVPATH=/class/toys/toy1;SUBSYSTEM=toys;MAJOR=240;MINOR=7;");
  EXPECT_EQ(read_all("/sys/class/toys/toy1/dev"), "240:7\n");
  static device_attribute number = {{"number", 0444},
                                    [](device* d, device_attribute*, char* page) -> ssize_t {
                                      return sysfs_emit(page, "%d", *static_cast<int*>(dev_get_drvdata(d)));
                                    },
                                    nullptr};
  EXPECT_EQ(device_create_file(dev, &number), 0);
  EXPECT_EQ(read_all("/sys/class/toys/toy1/number"), "3");
  EXPECT_EQ(kmem_driver_open("/dev/toy1", O_RDONLY), -ENXIO);  // the node is there, nobody serves the number
  device_destroy(of, MKDEV(240, 7));
  EXPECT_EQ(event, "ACTION=remove;DEVPATH=/class/toys/toy1;SUBSYSTEM=toys;MAJOR=240;MINOR=7;");
  EXPECT_EQ(kmem_driver_open("/dev/toy1", O_RDONLY), -ENOENT);
  class_destroy(of);
  kmem_driver_on_uevent(nullptr);
}

TEST(Device, gives_back_what_was_noted_with_it_before_it_is_released) {
  static int order, noted, gone;
  order = 0;
  device dev = {};
  dev.release = [](device*) { gone = ++order; };
  device_initialize(&dev);
  dev_set_name(&dev, "own");
  ASSERT_EQ(device_add(&dev), 0);
  EXPECT_EQ(devm_add_action(
                &dev, [](void*) { noted = ++order; }, nullptr),
            0);
  device_unregister(&dev);
  EXPECT_EQ(noted, 1);
  EXPECT_EQ(gone, 2);
}

}  // namespace
