#ifndef KMEM_LINUX_HWMON_SYSFS_H
#define KMEM_LINUX_HWMON_SYSFS_H
/* Attributes of which several share their functions: a number, or two, says which one it is.
 * Meaning: the kernel's <linux/hwmon-sysfs.h>. */
#include <linux/container_of.h>
#include <linux/device.h>

struct sensor_device_attribute {
  struct device_attribute dev_attr;
  int index;
};
struct sensor_device_attribute_2 {
  struct device_attribute dev_attr;
  u8 index;
  u8 nr;
};
#define to_sensor_dev_attr(attribute) container_of(attribute, struct sensor_device_attribute, dev_attr)
#define to_sensor_dev_attr_2(attribute) container_of(attribute, struct sensor_device_attribute_2, dev_attr)

#define SENSOR_ATTR(name, mode, show_it, store_it, index) \
  { __ATTR(name, mode, show_it, store_it), index }
#define SENSOR_ATTR_RO(name, function, index) SENSOR_ATTR(name, 0444, function##_show, NULL, index)
#define SENSOR_ATTR_RW(name, function, index) SENSOR_ATTR(name, 0644, function##_show, function##_store, index)
#define SENSOR_ATTR_WO(name, function, index) SENSOR_ATTR(name, 0200, NULL, function##_store, index)
#define SENSOR_DEVICE_ATTR(name, mode, show_it, store_it, index) \
  struct sensor_device_attribute sensor_dev_attr_##name = SENSOR_ATTR(name, mode, show_it, store_it, index)
#define SENSOR_DEVICE_ATTR_RO(name, function, index) SENSOR_DEVICE_ATTR(name, 0444, function##_show, NULL, index)
#define SENSOR_DEVICE_ATTR_RW(name, function, index) SENSOR_DEVICE_ATTR(name, 0644, function##_show, function##_store, index)
#define SENSOR_DEVICE_ATTR_WO(name, function, index) SENSOR_DEVICE_ATTR(name, 0200, NULL, function##_store, index)

#define SENSOR_ATTR_2(name, mode, show_it, store_it, nr, index) \
  { __ATTR(name, mode, show_it, store_it), index, nr }
#define SENSOR_ATTR_2_RO(name, function, nr, index) SENSOR_ATTR_2(name, 0444, function##_show, NULL, nr, index)
#define SENSOR_ATTR_2_RW(name, function, nr, index) SENSOR_ATTR_2(name, 0644, function##_show, function##_store, nr, index)
#define SENSOR_ATTR_2_WO(name, function, nr, index) SENSOR_ATTR_2(name, 0200, NULL, function##_store, nr, index)
#define SENSOR_DEVICE_ATTR_2(name, mode, show_it, store_it, nr, index) \
  struct sensor_device_attribute_2 sensor_dev_attr_##name = SENSOR_ATTR_2(name, mode, show_it, store_it, nr, index)
#define SENSOR_DEVICE_ATTR_2_RO(name, function, nr, index) SENSOR_DEVICE_ATTR_2(name, 0444, function##_show, NULL, nr, index)
#define SENSOR_DEVICE_ATTR_2_RW(name, function, nr, index) \
  SENSOR_DEVICE_ATTR_2(name, 0644, function##_show, function##_store, nr, index)
#define SENSOR_DEVICE_ATTR_2_WO(name, function, nr, index) SENSOR_DEVICE_ATTR_2(name, 0200, NULL, function##_store, nr, index)
#endif
