#ifndef KMEM_LINUX_MOD_DEVICETABLE_H
#define KMEM_LINUX_MOD_DEVICETABLE_H
/* The devices that a driver supports: tables that end with an entry of zeros.
 * Meaning: the kernel's <linux/mod_devicetable.h>. */
#include <linux/types.h>

typedef unsigned long kernel_ulong_t;

#define PCI_ANY_ID (~0)
struct pci_device_id {
  __u32 vendor, device; /* or PCI_ANY_ID */
  __u32 subvendor, subdevice;
#ifdef __cplusplus
  __u32 class_, class_mask; /* of class, subclass and interface, the bits that count */
#else
  __u32 class, class_mask;
#endif
  kernel_ulong_t driver_data;
  __u32 override_only;
};

#define PLATFORM_NAME_SIZE 20
#define PLATFORM_MODULE_PREFIX "platform:"
struct platform_device_id {
  char name[PLATFORM_NAME_SIZE];
  kernel_ulong_t driver_data;
};

#define I2C_NAME_SIZE 20
struct i2c_device_id {
  char name[I2C_NAME_SIZE];
  kernel_ulong_t driver_data;
};
struct of_device_id {
  char name[32];
  char type[32];
  char compatible[128];
  const void* data;
};

#define ACPI_ID_LEN 16
struct acpi_device_id {
  __u8 id[ACPI_ID_LEN];
  kernel_ulong_t driver_data;
  __u32 cls, cls_msk;
};
#endif
