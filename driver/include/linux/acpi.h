#ifndef KMEM_LINUX_ACPI_H
#define KMEM_LINUX_ACPI_H
/* ACPI.  There is none, as in a kernel that is configured without it: ACPI_PTR() is NULL, no device has a companion, nothing is
 * matched, and no region belongs to the firmware.
 * Meaning: the kernel's <linux/acpi.h> without CONFIG_ACPI. */
#include <linux/device.h>
#include <linux/errno.h>
#include <linux/ioport.h>
#include <linux/mod_devicetable.h>

#define ACPI_PTR(table) (NULL)
#define ACPI_COMPANION(dev) (NULL)
#define ACPI_HANDLE(dev) (NULL)
#define acpi_disabled 1

struct acpi_device;

static inline bool has_acpi_companion(struct device* dev) { return (void)dev, false; }
static inline const struct acpi_device_id* acpi_match_device(const struct acpi_device_id* ids, const struct device* dev) {
  return (void)ids, (void)dev, (const struct acpi_device_id*)NULL;
}
static inline const void* acpi_device_get_match_data(const struct device* dev) { return (void)dev, (const void*)NULL; }
static inline bool acpi_driver_match_device(struct device* dev, const struct device_driver* driver) {
  return (void)dev, (void)driver, false;
}
/* 0: the firmware does not use it. */
static inline int acpi_check_resource_conflict(const struct resource* resource) { return (void)resource, 0; }
static inline int acpi_check_region(resource_size_t start, resource_size_t n, const char* name) {
  return (void)start, (void)n, (void)name, 0;
}
#endif
