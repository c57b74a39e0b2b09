// Drivers and buses by hand, and platform devices that are made in steps: what device_test.cc and platform_test.cc leave.

#include "helpers.h"

#include <fcntl.h>

#include <linux/acpi.h>
#include <linux/device.h>
#include <linux/platform_device.h>

namespace {

std::string read_all(const std::string& path) {
  const int fd = kmem_driver_open(path.c_str(), O_RDONLY);
  if (fd < 0) return std::to_string(fd);
  char text[256] = {};
  const ssize_t n = kmem_driver_read(fd, text, sizeof(text) - 1);
  kmem_driver_close(fd);
  return n < 0 ? std::to_string(n) : text;
}
const std::string kNone = std::to_string(-ENOENT);

std::string called;
int probe(device* dev) { return called += std::string("+") + dev_name(dev), 0; }
int remove(device* dev) { return called += std::string("-") + dev_name(dev), 0; }
bool matches = true;
int match(device*, device_driver*) { return matches; }

struct Hands : testing::Test {
  Hands() {
    called.clear();
    matches = true;
    bus.name = "hands";
    bus.match = match;
    EXPECT_EQ(bus_register(&bus), 0);
    for (device_driver* d : {&left, &right}) {
      d->bus = &bus;
      d->probe = probe;
      d->remove = remove;
    }
    left.name = "left";
    right.name = "right";
    dev.init_name = "thing";
    dev.bus = &bus;
    dev.devt = MKDEV(202, 3);
    dev.release = [](device*) {};
  }
  ~Hands() override { bus_unregister(&bus); }
  bus_type bus = {};
  device_driver left = {}, right = {};
  device dev = {};
};

TEST_F(Hands, a_driver_is_attached_to_what_it_matches_later) {
  matches = false;
  ASSERT_EQ(device_register(&dev), 0);
  ASSERT_EQ(driver_register(&left), 0);
  EXPECT_EQ(dev.driver, nullptr);
  matches = true;
  EXPECT_EQ(driver_attach(&left), 0);
  EXPECT_EQ(dev.driver, &left);
  EXPECT_TRUE(device_is_bound(&dev));
  device_release_driver(&dev);
  EXPECT_EQ(dev.driver, nullptr);
  EXPECT_EQ(bus_rescan_devices(&bus), 0);
  EXPECT_EQ(dev.driver, &left);
  EXPECT_EQ(called, "+thing-thing+thing");
  driver_unregister(&left);
  EXPECT_EQ(called, "+thing-thing+thing-thing");
  device_unregister(&dev);
}

TEST_F(Hands, a_device_is_bound_to_the_driver_that_is_named_or_without_a_probe) {
  ASSERT_EQ(device_register(&dev), 0);
  ASSERT_EQ(driver_register(&left), 0);
  ASSERT_EQ(driver_register(&right), 0);
  EXPECT_EQ(dev.driver, &left);
  device_release_driver(&dev);
  EXPECT_EQ(device_driver_attach(&right, &dev), 0);
  EXPECT_EQ(dev.driver, &right);
  device_release_driver(&dev);
  called.clear();
  dev.driver = &left;
  EXPECT_EQ(device_bind_driver(&dev), 0);
  EXPECT_EQ(called, "") << "bound, and not asked";
  int n = 0;
  EXPECT_EQ(driver_for_each_device(&left, nullptr, &n, [](device*, void* count) { return ++*static_cast<int*>(count), 0; }), 0);
  EXPECT_EQ(n, 1);
  std::string names;
  EXPECT_EQ(bus_for_each_drv(&bus, nullptr, &names,
                             [](device_driver* d, void* text) { return *static_cast<std::string*>(text) += d->name, 0; }),
            0);
  EXPECT_EQ(names, "leftright");
  device_unregister(&dev);
  driver_unregister(&left);
  driver_unregister(&right);
}

ssize_t speed_show(device_driver* d, char* page) { return sysfs_emit(page, "%s is fast\n", d->name); }
DRIVER_ATTR_RO(speed);
ssize_t width_show(bus_type* b, char* page) { return sysfs_emit(page, "%s is wide\n", b->name); }
BUS_ATTR_RO(width);

TEST_F(Hands, drivers_and_buses_have_files) {
  ASSERT_EQ(driver_register(&left), 0);
  EXPECT_EQ(driver_create_file(&left, &driver_attr_speed), 0);
  EXPECT_EQ(read_all("/sys/bus/hands/drivers/left/speed"), "left is fast\n");
  driver_remove_file(&left, &driver_attr_speed);
  EXPECT_EQ(read_all("/sys/bus/hands/drivers/left/speed"), kNone);
  EXPECT_EQ(bus_create_file(&bus, &bus_attr_width), 0);
  EXPECT_EQ(read_all("/sys/bus/hands/width"), "hands is wide\n");
  bus_remove_file(&bus, &bus_attr_width);
  EXPECT_EQ(read_all("/sys/bus/hands/width"), kNone);
  driver_unregister(&left);
}

TEST_F(Hands, devices_are_found_by_what_they_are) {
  ASSERT_EQ(device_register(&dev), 0);
  const dev_t number = MKDEV(202, 3), other = MKDEV(202, 4);
  EXPECT_EQ(bus_find_device(&bus, nullptr, &number, device_match_devt), &dev);
  EXPECT_EQ(bus_find_device(&bus, nullptr, &other, device_match_devt), nullptr);
  EXPECT_EQ(bus_find_device(&bus, nullptr, nullptr, device_match_any), &dev);
  put_device(&dev);
  put_device(&dev);
  device_unregister(&dev);
}

TEST_F(Hands, a_machine_without_acpi_matches_nothing_by_it) {
  const acpi_device_id ids[] = {{"ABCD0001", 5, 0, 0}, {}};
  const resource registers = DEFINE_RES_MEM(0x1000, 16);
  left.acpi_match_table = ACPI_PTR(ids);
  EXPECT_EQ(left.acpi_match_table, nullptr);
  EXPECT_EQ(acpi_match_device(ids, &dev), nullptr);
  EXPECT_EQ(acpi_device_get_match_data(&dev), nullptr);
  EXPECT_FALSE(acpi_driver_match_device(&dev, &left) || has_acpi_companion(&dev));
  EXPECT_FALSE(ACPI_COMPANION(&dev) || ACPI_HANDLE(&dev));
  EXPECT_EQ(acpi_check_resource_conflict(&registers), 0) << "no firmware uses it";
  EXPECT_EQ(acpi_check_region(0x1000, 16, "registers"), 0);
  EXPECT_TRUE(acpi_disabled);
}

// Platform devices ----------------------------------------------------------------------------------------------------------

TEST(Steps, a_platform_device_is_allocated_filled_and_added) {
  platform_device* pdev = platform_device_alloc("steps", 4);
  ASSERT_NE(pdev, nullptr);
  const resource all[] = {DEFINE_RES_IRQ_NAMED(5, "rx"), DEFINE_RES_MEM(0x1000, 16)};
  const int data = 77;
  EXPECT_EQ(platform_device_add_resources(pdev, all, 2), 0);
  EXPECT_EQ(platform_device_add_data(pdev, &data, sizeof(data)), 0);
  EXPECT_EQ(platform_device_add(pdev), 0);
  EXPECT_STREQ(dev_name(&pdev->dev), "steps.4");
  EXPECT_NE(dev_get_platdata(&pdev->dev), &data) << "a copy";
  EXPECT_EQ(*static_cast<int*>(dev_get_platdata(&pdev->dev)), 77);
  EXPECT_EQ(platform_get_irq_byname_optional(pdev, "rx"), 5);
  kmem_driver_log_clear();
  EXPECT_EQ(platform_get_irq_byname_optional(pdev, "tx"), -ENXIO);
  EXPECT_FALSE(test::logged("tx"));
  platform_device_del(pdev);
  platform_device_put(pdev);
}

platform_device boards[2];
TEST(Steps, a_board_adds_all_its_devices_or_none) {
  for (platform_device& b : boards) {
    b = {};
    b.name = "board";
    b.id = 1;
    b.dev.release = [](device*) {};
  }
  platform_device* list[] = {&boards[0], &boards[1]};
  EXPECT_EQ(platform_add_devices(list, 2), -EEXIST) << "two of one name";
  EXPECT_FALSE(device_is_registered(&boards[0].dev));
  boards[0] = {};
  boards[0].name = "board";
  boards[0].id = 2;
  boards[0].dev.release = [](device*) {};
  EXPECT_EQ(platform_device_register(&boards[0]), 0);
  EXPECT_TRUE(device_is_registered(&boards[0].dev));
  platform_device_unregister(&boards[0]);
}

int nr_probed;
int count_probe(platform_device*) { return ++nr_probed, 0; }
TEST(Steps, a_driver_that_is_probed_once_wants_its_device_there) {
  platform_driver driver = {};
  driver.driver.name = "once";
  EXPECT_EQ(__platform_driver_probe(&driver, count_probe, nullptr), -ENODEV);
  platform_device* pdev = platform_device_register_simple("once", PLATFORM_DEVID_NONE, nullptr, 0);
  nr_probed = 0;
  EXPECT_EQ(__platform_driver_probe(&driver, count_probe, nullptr), 0);
  EXPECT_EQ(nr_probed, 1);
  platform_driver_unregister(&driver);
  platform_device_unregister(pdev);
}

}  // namespace
