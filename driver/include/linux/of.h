#ifndef KMEM_LINUX_OF_H
#define KMEM_LINUX_OF_H
/* The device tree.  There is none: of_match_ptr() is NULL, nodes have no properties, and a driver's table matches nothing.
 * Meaning: the kernel's <linux/of.h>. */
#include <linux/device.h>
#include <linux/errno.h>
#include <linux/mod_devicetable.h>

#define of_match_ptr(table) NULL

static inline const void* of_device_get_match_data(const struct device* dev) { return (void)dev, (const void*)NULL; }
static inline int of_property_read_u32(const struct device_node* node, const char* name, u32* value) {
  return (void)node, (void)name, (void)value, -ENOSYS;
}
static inline int of_property_read_string(const struct device_node* node, const char* name, const char** value) {
  return (void)node, (void)name, (void)value, -ENOSYS;
}
static inline bool of_property_read_bool(const struct device_node* node, const char* name) {
  return (void)node, (void)name, false;
}
static inline struct device_node* of_node_get(struct device_node* node) { return node; }
static inline void of_node_put(struct device_node* node) { (void)node; }
#endif
