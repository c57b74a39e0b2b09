// A driver of a sensor chip as it is written for the kernel: two temperatures, a voltage, a fan, and a file of its own.
#include <linux/err.h>
#include <linux/hwmon-sysfs.h>
#include <linux/hwmon.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

struct sensor {
  long temperature[2], max[2], pwm;
  int pins[2];
};

static umode_t sensor_is_visible(const void* drvdata, enum hwmon_sensor_types type, u32 attr, int channel) {
  if (type == hwmon_temp && attr == hwmon_temp_max) return channel ? 0444 : 0644;
  if (type == hwmon_temp && attr == hwmon_temp_crit) return 0;
  if (type == hwmon_pwm) return 0644;
  return 0444;
}
static int sensor_read(struct device* dev, enum hwmon_sensor_types type, u32 attr, int channel, long* val) {
  struct sensor* sensor = dev_get_drvdata(dev);

  if (type == hwmon_temp && attr == hwmon_temp_input) *val = sensor->temperature[channel];
  else if (type == hwmon_temp && attr == hwmon_temp_max) *val = sensor->max[channel];
  else if (type == hwmon_temp) *val = sensor->temperature[channel] > sensor->max[channel];
  else if (type == hwmon_in) *val = 3300;
  else if (type == hwmon_pwm) *val = sensor->pwm;
  else return -EOPNOTSUPP;
  return 0;
}
static int sensor_read_string(struct device* dev, enum hwmon_sensor_types type, u32 attr, int channel, const char** str) {
  *str = channel ? "board" : "cpu";
  return 0;
}
static int sensor_write(struct device* dev, enum hwmon_sensor_types type, u32 attr, int channel, long val) {
  struct sensor* sensor = dev_get_drvdata(dev);

  if (type == hwmon_pwm && (val < 0 || val > 255)) return -EINVAL;
  if (type == hwmon_pwm) sensor->pwm = val;
  else sensor->max[channel] = val;
  return 0;
}

static const struct hwmon_ops sensor_ops = {
    .is_visible = sensor_is_visible, .read = sensor_read, .read_string = sensor_read_string, .write = sensor_write};
static const struct hwmon_channel_info* sensor_info[] = {
    HWMON_CHANNEL_INFO(chip, HWMON_C_REGISTER_TZ | HWMON_C_UPDATE_INTERVAL),
    HWMON_CHANNEL_INFO(temp, HWMON_T_INPUT | HWMON_T_MAX | HWMON_T_MAX_ALARM | HWMON_T_LABEL | HWMON_T_CRIT,
                       HWMON_T_INPUT | HWMON_T_MAX),
    HWMON_CHANNEL_INFO(in, HWMON_I_INPUT),
    HWMON_CHANNEL_INFO(fan, HWMON_F_INPUT),
    HWMON_CHANNEL_INFO(pwm, HWMON_PWM_INPUT),
    NULL};
static const struct hwmon_chip_info sensor_chip = {.ops = &sensor_ops, .info = sensor_info};

static ssize_t pin_show(struct device* dev, struct device_attribute* attr, char* buf) {
  struct sensor* sensor = dev_get_drvdata(dev);

  return sprintf(buf, "%d\n", sensor->pins[to_sensor_dev_attr(attr)->index]);
}
static ssize_t pin_store(struct device* dev, struct device_attribute* attr, const char* buf, size_t count) {
  struct sensor* sensor = dev_get_drvdata(dev);
  int error = kstrtoint(buf, 0, &sensor->pins[to_sensor_dev_attr(attr)->index]);

  return error ? error : (ssize_t)count;
}
static ssize_t pair_show(struct device* dev, struct device_attribute* attr, char* buf) {
  struct sensor_device_attribute_2* pair = to_sensor_dev_attr_2(attr);

  return sprintf(buf, "%d %d\n", pair->nr, pair->index);
}
static SENSOR_DEVICE_ATTR_RW(pin0, pin, 0);
static SENSOR_DEVICE_ATTR_RO(pin1, pin, 1);
static SENSOR_DEVICE_ATTR_2_RO(pair, pair, 7, 9);
static struct attribute* sensor_attrs[] = {&sensor_dev_attr_pin0.dev_attr.attr, &sensor_dev_attr_pin1.dev_attr.attr,
                                           &sensor_dev_attr_pair.dev_attr.attr, NULL};
ATTRIBUTE_GROUPS(sensor);

static int sensor_probe(struct platform_device* pdev) {
  struct sensor* sensor = devm_kzalloc(&pdev->dev, sizeof(*sensor), GFP_KERNEL);
  struct device* hwmon;

  if (!sensor) return -ENOMEM;
  sensor->temperature[0] = 45000;
  sensor->temperature[1] = -5500;
  sensor->max[0] = 80000;
  sensor->pins[1] = 6;
  hwmon = devm_hwmon_device_register_with_info(&pdev->dev, "sensor", sensor, &sensor_chip, sensor_groups);
  return PTR_ERR_OR_ZERO(hwmon);
}

static struct platform_driver sensor_driver = {.probe = sensor_probe, .driver = {.name = "sensor"}};
module_platform_driver(sensor_driver);

MODULE_LICENSE("GPL");
