/* Devices, with their managed resources (kmem's devres), their drivers, and their places in /sys and /dev.
 *
 * A device of a class is /sys/class/<class>/<name>, another one is below its parent or /sys/devices.  One that has a number
 * gets a node /dev/<name>.  In C++ struct class is struct device_class, and the member `class` is `class_`.
 *
 * Names, data and references: any context.  The rest: task context.
 * Meaning: the kernel's Documentation/driver-api/driver-model/device.rst. */
#ifndef KMEM_DEVICE_MORE
#include <linux/kobject.h>
#include <linux/mutex.h>
struct bus_type;
struct device_driver;
struct device_node;
struct fwnode_handle;
struct device_dma_parameters;
struct kmem_dma_space;
#ifdef __cplusplus
struct device_class;
#define KMEM_CLASS_ device_class
#define KMEM_DEVICE_CLASS_MEMBER_ struct device_class* class_;
#else
struct class;
#define KMEM_CLASS_ class
#define KMEM_DEVICE_CLASS_MEMBER_ struct class* class;
#endif
#define KMEM_DEVICE_MORE                       \
  struct kobject kobj;                         \
  dev_t devt;                                  \
  KMEM_DEVICE_CLASS_MEMBER_                    \
  const struct device_type* type;              \
  const struct attribute_group** groups;       \
  void (*release)(struct device * dev);        \
  u32 id;                                      \
  struct bus_type* bus;                        \
  struct device_driver* driver;                \
  struct device_node* of_node;                 \
  struct fwnode_handle* fwnode;                \
  u64* dma_mask;                               \
  u64 coherent_dma_mask, bus_dma_limit;        \
  struct device_dma_parameters* dma_parms;     \
  struct mutex mutex;                          \
  struct kmem_dma_space* kmem_dma;             \
  u64 kmem_number;                             \
  struct device* kmem_next_known;              \
  bool kmem_deferred, kmem_leaving, kmem_dead; \
  bool kmem_created;                           \
  char* kmem_node; /* its path below /dev */   \
  struct device* kmem_next;
#endif
#include_next <linux/device.h>

#ifndef KMEM_DRIVER_LINUX_DEVICE_H
#define KMEM_DRIVER_LINUX_DEVICE_H
#include <linux/atomic.h>
#include <linux/dev_printk.h>
#include <linux/device/bus.h>
#include <linux/device/driver.h>
#include <linux/kdev_t.h>

struct device_dma_parameters {
  unsigned int max_segment_size;
  unsigned int min_align_mask;
  unsigned long segment_boundary_mask;
};

struct device_type {
  const char* name;
  const struct attribute_group** groups;
  int (*uevent)(const struct device* dev, struct kobj_uevent_env* env);
  char* (*devnode)(const struct device* dev, umode_t* mode, kuid_t* uid, kgid_t* gid);
  void (*release)(struct device* dev);
};
struct device_attribute {
  struct attribute attr;
  ssize_t (*show)(struct device* dev, struct device_attribute* attribute, char* page);
  ssize_t (*store)(struct device* dev, struct device_attribute* attribute, const char* page, size_t n);
};
struct KMEM_CLASS_ {
  const char* name;
  const struct attribute_group** class_groups;
  const struct attribute_group** dev_groups;
  int (*dev_uevent)(const struct device* dev, struct kobj_uevent_env* env);
  char* (*devnode)(const struct device* dev, umode_t* mode);
  void (*dev_release)(struct device* dev);
  struct kobject kmem_kobj;
  bool kmem_own;
};
struct KMEM_CLASS_;
#ifdef __cplusplus
struct class_attribute {
  struct attribute attr;
  ssize_t (*show)(const struct device_class* of, const struct class_attribute* attribute, char* page);
  ssize_t (*store)(const struct device_class* of, const struct class_attribute* attribute, const char* page, size_t n);
};
#else
struct class_attribute {
  struct attribute attr;
  ssize_t (*show)(const struct class* of, const struct class_attribute* attribute, char* page);
  ssize_t (*store)(const struct class* of, const struct class_attribute* attribute, const char* page, size_t n);
};
#endif

#define DEVICE_ATTR(name, mode, show_it, store_it) \
  struct device_attribute dev_attr_##name = __ATTR(name, mode, show_it, store_it)
#define DEVICE_ATTR_RO(name) struct device_attribute dev_attr_##name = __ATTR_RO(name)
#define DEVICE_ATTR_WO(name) struct device_attribute dev_attr_##name = __ATTR_WO(name)
#define DEVICE_ATTR_RW(name) struct device_attribute dev_attr_##name = __ATTR_RW(name)
#define CLASS_ATTR_RO(name) struct class_attribute class_attr_##name = __ATTR_RO(name)
#define CLASS_ATTR_WO(name) struct class_attribute class_attr_##name = __ATTR_WO(name)
#define CLASS_ATTR_RW(name) struct class_attribute class_attr_##name = __ATTR_RW(name)
/** A constant text. */
struct class_attribute_string {
  struct class_attribute attr;
  const char* str;
};
#define CLASS_ATTR_STRING(name, mode, text) \
  struct class_attribute_string class_attr_##name = {__ATTR(name, mode, show_class_attr_string, NULL), text}

KMEM_BEGIN_C
/** Its driver's name; else its bus's, its class's, "". */
KMEM_API const char* dev_driver_string(const struct device* dev) KMEM_DRIVER_NAME(dev_driver_string);
static inline struct device* kobj_to_dev(struct kobject* kobj) {
  return (struct device*)((char*)kobj - __builtin_offsetof(struct device, kobj));
}

KMEM_API ssize_t show_class_attr_string(const struct KMEM_CLASS_* of, const struct class_attribute* attribute, char* page)
    KMEM_DRIVER_NAME(show_class_attr_string);
KMEM_API struct KMEM_CLASS_* kmem_driver_class_create(const char* name) KMEM_NOTHROW;
KMEM_API void class_destroy(struct KMEM_CLASS_* of) KMEM_DRIVER_NAME(class_destroy);
KMEM_API int class_register(struct KMEM_CLASS_* of) KMEM_DRIVER_NAME(class_register);
KMEM_API void class_unregister(struct KMEM_CLASS_* of) KMEM_DRIVER_NAME(class_unregister);
KMEM_API int class_create_file(struct KMEM_CLASS_* of, const struct class_attribute* attribute)
    KMEM_DRIVER_NAME(class_create_file);
KMEM_API void class_remove_file(struct KMEM_CLASS_* of, const struct class_attribute* attribute)
    KMEM_DRIVER_NAME(class_remove_file);
/** Allocates and registers a device, with a node if it has a number; ERR_PTR() on failure. */
KMEM_API struct device* device_create(struct KMEM_CLASS_* of, struct device* parent, dev_t devt, void* data, const char* format,
                                      ...) KMEM_DRIVER_NAME(device_create) KMEM_PRINTF_LIKE(5, 6);
KMEM_API struct device* device_create_with_groups(struct KMEM_CLASS_* of, struct device* parent, dev_t devt, void* data,
                                                  const struct attribute_group** groups, const char* format, ...)
    KMEM_DRIVER_NAME(device_create_with_groups) KMEM_PRINTF_LIKE(6, 7);
/** Removes the device with that number that device_create() made. */
KMEM_API void device_destroy(struct KMEM_CLASS_* of, dev_t devt) KMEM_DRIVER_NAME(device_destroy);
KMEM_API void device_initialize(struct device* dev) KMEM_DRIVER_NAME(device_initialize);
KMEM_API int device_add(struct device* dev) KMEM_DRIVER_NAME(device_add);
KMEM_API void device_del(struct device* dev) KMEM_DRIVER_NAME(device_del);
KMEM_API int device_register(struct device* dev) KMEM_DRIVER_NAME(device_register);
KMEM_API void device_unregister(struct device* dev) KMEM_DRIVER_NAME(device_unregister);
KMEM_API struct device* get_device(struct device* dev) KMEM_DRIVER_NAME(get_device);
KMEM_API void put_device(struct device* dev) KMEM_DRIVER_NAME(put_device);
KMEM_API int dev_set_name(struct device* dev, const char* format, ...) KMEM_DRIVER_NAME(dev_set_name) KMEM_PRINTF_LIKE(2, 3);
/** Binds it to the first driver of its bus that accepts it. 1: bound; 0: there is none (yet); an error. */
KMEM_API int device_attach(struct device* dev) KMEM_DRIVER_NAME(device_attach);
/** Binds `dev->driver` without a probe. */
KMEM_API int device_bind_driver(struct device* dev) KMEM_DRIVER_NAME(device_bind_driver);
/** Binds it to this driver, or unbinds it from its current one. */
KMEM_API int device_driver_attach(struct device_driver* driver, struct device* dev) KMEM_DRIVER_NAME(device_driver_attach);
KMEM_API void device_release_driver(struct device* dev) KMEM_DRIVER_NAME(device_release_driver);
/** As driver_for_each_device(), over the children of `parent`. */
KMEM_API int device_for_each_child(struct device* parent, void* data, int (*visit)(struct device* dev, void* data))
    KMEM_DRIVER_NAME(device_for_each_child);
KMEM_API struct device* device_find_child(struct device* parent, void* data, int (*match)(struct device* dev, void* data))
    KMEM_DRIVER_NAME(device_find_child);
KMEM_API int class_for_each_device(struct KMEM_CLASS_* of, struct device* start, void* data,
                                   int (*visit)(struct device* dev, void* data)) KMEM_DRIVER_NAME(class_for_each_device);
KMEM_API struct device* class_find_device(struct KMEM_CLASS_* of, struct device* start, const void* data,
                                          int (*match)(struct device* dev, const void* data))
    KMEM_DRIVER_NAME(class_find_device);
/** Registers a device that only groups others: /sys/devices/<name>; ERR_PTR() on failure. */
KMEM_API struct device* root_device_register(const char* name) KMEM_DRIVER_NAME(root_device_register);
KMEM_API void root_device_unregister(struct device* root) KMEM_DRIVER_NAME(root_device_unregister);
static inline void device_lock(struct device* dev) { mutex_lock(&dev->mutex); }
KMEM_MUST_CHECK static inline int device_lock_interruptible(struct device* dev) {
  return mutex_lock_interruptible(&dev->mutex);
}
static inline int device_trylock(struct device* dev) { return mutex_trylock(&dev->mutex); }
static inline void device_unlock(struct device* dev) { mutex_unlock(&dev->mutex); }
static inline bool device_is_registered(struct device* dev) { return dev->kobj.state_in_sysfs; }
static inline bool device_is_bound(struct device* dev) { return dev->driver != NULL && !dev->kmem_leaving; }
static inline int dev_to_node(struct device* dev) { return (void)dev, -1; }
static inline void set_dev_node(struct device* dev, int node) { (void)dev, (void)node; }
static inline const void* device_get_match_data(const struct device* dev) { return (void)dev, (const void*)NULL; }
KMEM_API int device_create_file(struct device* dev, const struct device_attribute* attribute)
    KMEM_DRIVER_NAME(device_create_file);
KMEM_API void device_remove_file(struct device* dev, const struct device_attribute* attribute)
    KMEM_DRIVER_NAME(device_remove_file);
static inline int device_add_groups(struct device* dev, const struct attribute_group** groups) {
  return sysfs_create_groups(&dev->kobj, groups);
}
static inline void device_remove_groups(struct device* dev, const struct attribute_group** groups) {
  sysfs_remove_groups(&dev->kobj, groups);
}
KMEM_END_C

/* With a name since 6.4, with a module in front of it before. */
#define KMEM_CLASS_CREATE_PICK_(a, b, name, ...) name
#define KMEM_CLASS_CREATE_2_(owner, name) ((void)(owner), kmem_driver_class_create(name))
#define class_create(...) KMEM_CLASS_CREATE_PICK_(__VA_ARGS__, KMEM_CLASS_CREATE_2_, kmem_driver_class_create, 0)(__VA_ARGS__)
#endif
