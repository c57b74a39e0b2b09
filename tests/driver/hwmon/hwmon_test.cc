// Devices that measure the machine: hwmon_driver.c describes its channels, and programs read files.

#include "helpers.h"

#include <fcntl.h>
#include <poll.h>

#include <vector>

#include <linux/err.h>
#include <linux/hwmon.h>
#include <linux/platform_device.h>

namespace {

const std::string kFirst = "/sys/class/hwmon/hwmon0/";

const std::string kNone = std::to_string(-ENOENT);

struct Sensor : testing::Test {
  Sensor() {
    kmem_driver_log_clear();
    pdev = platform_device_register_simple("sensor", PLATFORM_DEVID_NONE, nullptr, 0);
    EXPECT_EQ(kmem_driver_insmod(""), 0);
  }
  ~Sensor() override {
    EXPECT_EQ(kmem_driver_rmmod(), 0);
    EXPECT_EQ(test::read_file(kFirst + "name"), kNone);
    platform_device_unregister(pdev);
  }
  platform_device* pdev;
};

TEST_F(Sensor, each_attribute_of_a_channel_is_a_file) {
  EXPECT_EQ(test::read_file(kFirst + "name"), "sensor\n");
  EXPECT_EQ(test::read_file(kFirst + "temp1_input"), "45000\n");
  EXPECT_EQ(test::read_file(kFirst + "temp2_input"), "-5500\n");
  EXPECT_EQ(test::read_file(kFirst + "temp1_label"), "cpu\n");
  EXPECT_EQ(test::read_file(kFirst + "in0_input"), "3300\n");
  EXPECT_EQ(test::read_file(kFirst + "in1_input"), kNone);
  EXPECT_EQ(test::read_file(kFirst + "temp2_label"), kNone);
  EXPECT_EQ(test::read_file(kFirst + "temp1_crit"), kNone) << "the driver says that it is not visible";
  EXPECT_EQ(test::read_file(kFirst + "fan1_input"), std::to_string(-EOPNOTSUPP));
  EXPECT_EQ(test::read_file(kFirst + "update_interval"), std::to_string(-EOPNOTSUPP));
}

TEST_F(Sensor, what_is_written_reaches_the_driver_which_may_refuse_it) {
  EXPECT_EQ(test::read_file(kFirst + "temp1_max_alarm"), "0\n");
  EXPECT_EQ(test::write_file(kFirst + "temp1_max", "40000\n"), 6);
  EXPECT_EQ(test::read_file(kFirst + "temp1_max_alarm"), "1\n");
  EXPECT_EQ(test::write_file(kFirst + "temp2_max", "40000\n"), -EACCES);
  EXPECT_EQ(test::write_file(kFirst + "pwm1", "256"), -EINVAL);
  EXPECT_EQ(test::write_file(kFirst + "pwm1", "half"), -EINVAL);
  EXPECT_EQ(test::write_file(kFirst + "pwm1", "128"), 3);
  EXPECT_EQ(test::read_file(kFirst + "pwm1"), "128\n");
}

TEST_F(Sensor, files_of_the_drivers_own_share_functions_by_their_numbers) {
  EXPECT_EQ(test::read_file(kFirst + "pin1"), "6\n");
  EXPECT_EQ(test::write_file(kFirst + "pin0", "0x20"), 4);
  EXPECT_EQ(test::read_file(kFirst + "pin0"), "32\n");
  EXPECT_EQ(test::read_file(kFirst + "pin1"), "6\n");
  EXPECT_EQ(test::write_file(kFirst + "pin1", "1"), -EACCES);
  EXPECT_EQ(test::read_file(kFirst + "pair"), "7 9\n");
}

TEST_F(Sensor, a_second_device_has_the_next_number_and_the_first_is_given_again) {
  device* other = hwmon_device_register_with_groups(&pdev->dev, "other", nullptr, nullptr);
  ASSERT_FALSE(IS_ERR(other));
  EXPECT_EQ(test::read_file("/sys/class/hwmon/hwmon1/name"), "other\n");
  EXPECT_EQ(other->parent, &pdev->dev);
  hwmon_device_unregister(other);
  EXPECT_EQ(test::read_file("/sys/class/hwmon/hwmon1/name"), kNone);
  device* again = devm_hwmon_device_register_with_groups(&pdev->dev, "again", nullptr, nullptr);
  EXPECT_EQ(test::read_file("/sys/class/hwmon/hwmon1/name"), "again\n");
  EXPECT_FALSE(IS_ERR(again));
  devm_hwmon_device_unregister(&pdev->dev);
  EXPECT_EQ(test::read_file("/sys/class/hwmon/hwmon1/name"), kNone);
}

std::vector<std::string> events;
void note_event(const char* const* variables, int n) {
  std::string all;
  for (int i = 0; i < n; ++i) all += std::string(variables[i]) + " ";
  events.push_back(all);
}
int poll_now(int fd) {
  pollfd one = {fd, POLLPRI, 0};
  return kmem_driver_poll(&one, 1, 0) > 0 ? one.revents : 0;
}

TEST_F(Sensor, an_alarm_wakes_who_polls_its_file_and_sends_an_event) {
  device* dev = hwmon_device_register_with_groups(&pdev->dev, "alarms", nullptr, nullptr);
  const int fd = kmem_driver_open((kFirst + "temp1_max_alarm").c_str(), O_RDONLY);
  char text[8];
  EXPECT_EQ(kmem_driver_read(fd, text, sizeof(text)), 2);
  EXPECT_EQ(poll_now(fd), 0);
  device* first = class_find_device(dev->class_, nullptr, nullptr, [](device* d, const void*) { return int(d->id == 0); });
  ASSERT_NE(first, nullptr);
  events.clear();
  kmem_driver_on_uevent(note_event);
  EXPECT_EQ(hwmon_notify_event(first, hwmon_temp, hwmon_temp_max_alarm, 0), 0);
  kmem_driver_on_uevent(nullptr);
  EXPECT_EQ(poll_now(fd) & POLLPRI, POLLPRI);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_TRUE(test::has(events[0], "ACTION=change DEVPATH=/class/hwmon/hwmon0")) << events[0];
  EXPECT_TRUE(test::has(events[0], "NAME=temp1_max_alarm")) << events[0];
  EXPECT_EQ(hwmon_notify_event(first, hwmon_temp, 31, 0), -EINVAL);
  put_device(first);
  kmem_driver_close(fd);
  hwmon_device_unregister(dev);
}

TEST_F(Sensor, what_cannot_be_a_device_is_refused) {
  const hwmon_ops deaf = {[](const void*, hwmon_sensor_types, u32, int) -> umode_t { return 0444; }, nullptr, nullptr, nullptr};
  const hwmon_ops mute = {[](const void*, hwmon_sensor_types, u32, int) -> umode_t { return 0200; },
                          [](device*, hwmon_sensor_types, u32, int, long*) { return 0; }, nullptr, nullptr};
  const hwmon_ops blind = {};
  const u32 config[] = {HWMON_T_INPUT, 0}, label[] = {HWMON_T_LABEL, 0}, unknown[] = {1u << 31, 0};
  const auto error_of = [&](const hwmon_ops* ops, const u32* words) {
    const hwmon_channel_info channels = {hwmon_temp, words};
    const hwmon_channel_info* all[] = {&channels, nullptr};
    const hwmon_chip_info chip = {ops, all};
    return PTR_ERR(hwmon_device_register_with_info(&pdev->dev, "bad", nullptr, &chip, nullptr));
  };
  EXPECT_EQ(error_of(&deaf, config), -EINVAL) << "to be read, and no function for it";
  EXPECT_EQ(error_of(&deaf, label), -EINVAL);
  EXPECT_EQ(error_of(&mute, config), -EINVAL) << "to be written, and no function for it";
  EXPECT_EQ(error_of(&blind, config), -EINVAL);
  EXPECT_EQ(error_of(&deaf, unknown), -EINVAL);
  EXPECT_EQ(PTR_ERR(hwmon_device_register_with_info(&pdev->dev, nullptr, nullptr, nullptr, nullptr)), -EINVAL);
  EXPECT_EQ(PTR_ERR(hwmon_device_register_with_info(nullptr, "orphan", nullptr, nullptr, nullptr)), -EINVAL);
  EXPECT_EQ(PTR_ERR(devm_hwmon_device_register_with_groups(&pdev->dev, nullptr, nullptr, nullptr)), -EINVAL);
}

TEST_F(Sensor, names_that_tools_cannot_use_are_warned_of_and_made_good) {
  device* dev = hwmon_device_register_with_groups(&pdev->dev, "my chip", nullptr, nullptr);
  EXPECT_TRUE(test::logged("hwmon: 'my chip' is not a valid name attribute, please fix"));
  hwmon_device_unregister(dev);
  dev = hwmon_device_register(&pdev->dev);
  EXPECT_TRUE(test::logged("hwmon_device_register() is deprecated"));
  EXPECT_EQ(test::read_file("/sys/class/hwmon/hwmon1/name"), kNone);
  hwmon_device_unregister(dev);
  char* good = hwmon_sanitize_name("a-b*c d");
  EXPECT_STREQ(good, "a_b_c_d");
  kfree(good);
  EXPECT_STREQ(devm_hwmon_sanitize_name(&pdev->dev, "x\ty"), "x_y");
}

}  // namespace
