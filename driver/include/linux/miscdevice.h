#ifndef KMEM_LINUX_MISCDEVICE_H
#define KMEM_LINUX_MISCDEVICE_H
/* Devices of major 10, each with a minor and a node /dev/<name> of its own.  Meaning: the kernel's <linux/miscdevice.h>. */
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/list.h>

#define MISC_MAJOR 10
/* Minor numbers that are given to certain devices, in the kernel's list of devices. */
#define PSMOUSE_MINOR 1
#define MS_BUSMOUSE_MINOR 2
#define ATIXL_BUSMOUSE_MINOR 3
#define AMIGAMOUSE_MINOR 4
#define ATARIMOUSE_MINOR 5
#define SUN_MOUSE_MINOR 6
#define APOLLO_MOUSE_MINOR 7
#define PC110PAD_MINOR 9
#define WATCHDOG_MINOR 130
#define TEMP_MINOR 131
#define APM_MINOR_DEV 134
#define RTC_MINOR 135
#define EFI_RTC_MINOR 136
#define SUN_OPENPROM_MINOR 139
#define DMAPI_MINOR 140
#define NVRAM_MINOR 144
#define SBUS_FLASH_MINOR 152
#define SGI_MMTIMER 153
#define PMU_MINOR 154
#define STORE_QUEUE_MINOR 155
#define LCD_MINOR 156
#define AC_MINOR 157
#define BUTTON_MINOR 158
#define NWFLASH_MINOR 160
#define ENVCTRL_MINOR 162
#define I2O_MINOR 166
#define UCTRL_MINOR 174
#define AGPGART_MINOR 175
#define TOSH_MINOR_DEV 181
#define HWRNG_MINOR 183
#define TUN_MINOR 200
#define CUSE_MINOR 203
#define MWAVE_MINOR 219
#define MPT_MINOR 220
#define MPT2SAS_MINOR 221
#define MPT3SAS_MINOR 222
#define HPET_MINOR 228
#define FUSE_MINOR 229
#define UINPUT_MINOR 223
#define UHID_MINOR 239
#define VFIO_MINOR 196
#define SNAPSHOT_MINOR 231
#define KVM_MINOR 232
#define BTRFS_MINOR 234
#define AUTOFS_MINOR 235
#define MAPPER_CTRL_MINOR 236
#define LOOP_CTRL_MINOR 237
#define VHOST_NET_MINOR 238
#define USERIO_MINOR 240
#define VHOST_VSOCK_MINOR 241
#define RFKILL_MINOR 242
#define MISC_DYNAMIC_MINOR 255

struct attribute_group;
struct miscdevice {
  int minor;
  const char* name;
  const struct file_operations* fops;
  struct list_head list;
  struct device* parent;
  struct device* this_device;
  const struct attribute_group** groups;
  const char* nodename;
  umode_t mode;
};

KMEM_BEGIN_C
/** open() finds the device in file->private_data.  -EBUSY where the minor is taken. */
KMEM_API int misc_register(struct miscdevice* misc) KMEM_DRIVER_NAME(misc_register);
KMEM_API void misc_deregister(struct miscdevice* misc) KMEM_DRIVER_NAME(misc_deregister);
KMEM_END_C

#define module_misc_device(device)                                         \
  static int __init device##_init(void) { return misc_register(&device); } \
  static void __exit device##_exit(void) { misc_deregister(&device); }     \
  module_init(device##_init);                                              \
  module_exit(device##_exit)
#define builtin_misc_device(device)                                        \
  static int __init device##_init(void) { return misc_register(&device); } \
  device_initcall(device##_init)
#endif
