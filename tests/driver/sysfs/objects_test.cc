// Objects, sets of them, classes, and the files of each: the functions that sysfs_test.cc has no need of.

#include "helpers.h"

#include <fcntl.h>

#include <vector>

#include <linux/device.h>
#include <linux/kobject.h>
#include <linux/slab.h>

namespace {

std::string read_all(const std::string& path) {
  const int fd = kmem_driver_open(path.c_str(), O_RDONLY);
  if (fd < 0) return std::to_string(fd);
  char text[512] = {};
  const ssize_t n = kmem_driver_read(fd, text, sizeof(text) - 1);
  kmem_driver_close(fd);
  return n < 0 ? std::to_string(n) : text;
}
const std::string kNone = std::to_string(-ENOENT);

std::vector<std::string> events;
void note_event(const char* const* variables, int n) {
  std::string all;
  for (int i = 0; i < n; ++i) all += std::string(variables[i]) + " ";
  events.push_back(all);
}
struct Objects : testing::Test {
  Objects() {
    events.clear();
    kmem_driver_on_uevent(note_event);
  }
  ~Objects() override { kmem_driver_on_uevent(nullptr); }
};

int nr_released;
void count_release(kobject*) { ++nr_released; }
const kobj_type kind = {count_release, &kmem_kobj_sysfs_ops, nullptr, nullptr};

int set_name(kobject* kobj, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int error = kobject_set_name_vargs(kobj, format, arguments);
  va_end(arguments);
  return error;
}

TEST_F(Objects, an_object_is_named_added_and_has_a_path) {
  kobject above = {}, below = {};
  nr_released = 0;
  kobject_init(&above, &kind);
  kobject_init(&below, &kind);
  EXPECT_EQ(kobject_set_name(&above, "first-%d", 1), 0);
  EXPECT_EQ(set_name(&above, "above-%d", 7), 0) << "named again";
  EXPECT_STREQ(kobject_name(&above), "above-7");
  EXPECT_EQ(kobject_add(&above, kernel_kobj, "above"), 0);
  EXPECT_EQ(kobject_add(&below, &above, "below-%d", 2), 0);
  char* path = kobject_get_path(&below, GFP_KERNEL);
  EXPECT_STREQ(path, "/kernel/above/below-2");
  kfree(path);
  kobject twin = {};
  kobject_init(&twin, &kind);
  EXPECT_EQ(kobject_add(&twin, &above, "below-2"), -EEXIST);
  EXPECT_TRUE(test::logged("cannot create duplicate filename '/kernel/above/below-2'"));
  kobject_put(&twin);
  for (kobject* each : {&below, &above}) {
    kobject_del(each);
    kobject_put(each);
  }
  EXPECT_EQ(nr_released, 3);
}

TEST_F(Objects, events_carry_what_is_given_and_room_for_it_ends) {
  kobject* kobj = kobject_create_and_add("events", kernel_kobj);
  EXPECT_EQ(kobject_uevent(kobj, KOBJ_CHANGE), 0);
  char more[] = "LEVEL=3";
  char* list[] = {more, nullptr};
  EXPECT_EQ(kobject_uevent_env(kobj, KOBJ_OFFLINE, list), 0);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_TRUE(test::has(events[0], "ACTION=change DEVPATH=/kernel/events")) << events[0];
  EXPECT_TRUE(test::has(events[1], "ACTION=offline") && test::has(events[1], "LEVEL=3")) << events[1];
  kobject_put(kobj);
  auto* env = static_cast<kobj_uevent_env*>(kzalloc(sizeof(kobj_uevent_env), GFP_KERNEL));
  EXPECT_EQ(add_uevent_var(env, "NUMBER=%d", 5), 0);
  EXPECT_STREQ(env->envp[0], "NUMBER=5");
  const std::string large(UEVENT_BUFFER_SIZE, 'x');
  EXPECT_EQ(test::said_by([&] { EXPECT_EQ(add_uevent_var(env, "%s", large.c_str()), -ENOMEM); }).empty(), false);
  kfree(env);
}

const char* set_subsystem(const kobject*) { return "toys"; }
int only_shown(const kobject* kobj) { return strcmp(kobject_name(kobj), "hidden") != 0; }

TEST_F(Objects, a_set_filters_the_events_of_its_objects) {
  const kset_uevent_ops ops = {only_shown, set_subsystem, nullptr};
  kset* set = kset_create_and_add("toys", &ops, kernel_kobj);
  ASSERT_NE(set, nullptr);
  kobject shown = {}, hidden = {};
  shown.kset = hidden.kset = set;
  EXPECT_EQ(kobject_init_and_add(&shown, &kind, nullptr, "shown"), 0);
  EXPECT_EQ(kobject_init_and_add(&hidden, &kind, nullptr, "hidden"), 0);
  EXPECT_EQ(shown.parent, &set->kobj) << "in the set, where it has no other parent";
  events.clear();
  EXPECT_EQ(kobject_uevent(&shown, KOBJ_ADD), 0);
  EXPECT_EQ(kobject_uevent(&hidden, KOBJ_ADD), 0);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_TRUE(test::has(events[0], "SUBSYSTEM=toys") && test::has(events[0], "/kernel/toys/shown")) << events[0];
  kobject_put(&shown);
  kobject_put(&hidden);
  kset_unregister(set);
  kset fresh;
  memset(&fresh, 0, sizeof(fresh));
  kset_init(&fresh);
  EXPECT_TRUE(list_empty(&fresh.list) && fresh.kobj.state_initialized);
  kset own = {};
  own.kobj.ktype = &kind;
  kobject_set_name(&own.kobj, "own-set");
  EXPECT_EQ(kset_register(&own), 0);
  nr_released = 0;
  kset_unregister(&own);
  EXPECT_EQ(nr_released, 1);
}

ssize_t one_show(kobject*, kobj_attribute*, char* page) {
  const int at = sysfs_emit_at(page, 0, "one");
  return at + sysfs_emit_at(page, at, ",%d\n", 1);
}
kobj_attribute one = __ATTR_RO(one), two = {{"two", 0444}, one_show, nullptr};
attribute* one_attrs[] = {&one.attr, nullptr};
attribute* two_attrs[] = {&two.attr, nullptr};
const attribute_group one_group = {nullptr, nullptr, nullptr, one_attrs, nullptr};
const attribute_group two_group = {"more", nullptr, nullptr, two_attrs, nullptr};
const attribute_group* both_groups[] = {&one_group, &two_group, nullptr};

TEST_F(Objects, files_come_and_go_by_one_several_and_groups) {
  kobject* kobj = kobject_create_and_add("files", kernel_kobj);
  const std::string at = "/sys/kernel/files/";
  EXPECT_EQ(sysfs_create_file(kobj, &one.attr), 0);
  EXPECT_EQ(read_all(at + "one"), "one,1\n");
  const attribute* list[] = {&two.attr, &one.attr, nullptr};
  EXPECT_EQ(sysfs_create_files(kobj, list), -EEXIST);
  EXPECT_EQ(read_all(at + "two"), kNone) << "all or none";
  sysfs_remove_file(kobj, &one.attr);
  EXPECT_EQ(sysfs_create_files(kobj, list), 0);
  sysfs_remove_files(kobj, list);
  EXPECT_EQ(read_all(at + "one") + read_all(at + "two"), kNone + kNone);
  EXPECT_EQ(sysfs_create_groups(kobj, both_groups), 0);
  EXPECT_EQ(read_all(at + "more/two"), "one,1\n");
  sysfs_remove_groups(kobj, both_groups);
  EXPECT_EQ(read_all(at + "one") + read_all(at + "more/two"), kNone + kNone);
  EXPECT_EQ(sysfs_create_file(kobj, &two.attr), 0);
  EXPECT_EQ(sysfs_create_groups(kobj, both_groups), 0) << "a folder is another place";
  kobject_put(kobj);
  EXPECT_TRUE(sysfs_streq("on", "on\n") && sysfs_streq("on\n", "on"));
  EXPECT_FALSE(sysfs_streq("on", "on ") || sysfs_streq("on", "o"));
  EXPECT_TRUE(test::has(test::said_by([] { EXPECT_EQ(sysfs_emit_at(nullptr, 0, "x"), 0); }), "invalid sysfs_emit_at"));
}

// Classes -----------------------------------------------------------------------------------------------------------------

ssize_t limit_show(const device_class*, const class_attribute*, char* page) { return sysfs_emit(page, "9\n"); }
CLASS_ATTR_RO(limit);
CLASS_ATTR_STRING(version, 0444, "2.0");
ssize_t color_show(device*, device_attribute*, char* page) { return sysfs_emit(page, "red\n"); }
DEVICE_ATTR_RO(color);
attribute* color_attrs[] = {&dev_attr_color.attr, nullptr};
ATTRIBUTE_GROUPS(color);

TEST_F(Objects, a_class_has_files_and_devices_that_are_visited) {
  device_class toys = {};
  toys.name = "objects-toys";
  ASSERT_EQ(class_register(&toys), 0);
  const std::string at = "/sys/class/objects-toys/";
  EXPECT_EQ(class_create_file(&toys, &class_attr_limit), 0);
  EXPECT_EQ(class_create_file(&toys, &class_attr_version.attr), 0);
  EXPECT_EQ(read_all(at + "limit") + read_all(at + "version"), "9\n2.0\n");
  class_remove_file(&toys, &class_attr_limit);
  EXPECT_EQ(read_all(at + "limit"), kNone);
  device* parent = device_create(&toys, nullptr, MKDEV(201, 1), nullptr, "parent");
  device* child = device_create_with_groups(&toys, parent, MKDEV(201, 2), &nr_released, color_groups, "child%d", 1);
  ASSERT_FALSE(IS_ERR(child));
  EXPECT_EQ(read_all(at + "child1/color"), "red\n");
  EXPECT_EQ(dev_get_drvdata(child), &nr_released);
  device_remove_file(child, &dev_attr_color);
  EXPECT_EQ(read_all(at + "child1/color"), kNone);
  std::string seen;
  const auto visit = [](device* dev, void* text) {
    *static_cast<std::string*>(text) += std::string(dev_name(dev)) + " ";
    return strcmp(dev_name(dev), "child1") ? 0 : 5;
  };
  EXPECT_EQ(class_for_each_device(&toys, nullptr, &seen, visit), 5) << "ended by what it returned";
  EXPECT_EQ(seen, "parent child1 ");
  EXPECT_EQ(device_find_child(parent, nullptr, [](device*, void*) { return 1; }), child);
  put_device(child);
  EXPECT_EQ(device_find_child(parent, nullptr, [](device*, void*) { return 0; }), nullptr);
  EXPECT_EQ(get_device(nullptr), nullptr);
  device* kept = get_device(child);
  device_destroy(&toys, MKDEV(201, 2));
  EXPECT_STREQ(dev_name(kept), "child1") << "kept by its reference";
  put_device(kept);
  device_destroy(&toys, MKDEV(201, 1));
  class_unregister(&toys);
  EXPECT_EQ(read_all(at + "version"), kNone);
}

}  // namespace
