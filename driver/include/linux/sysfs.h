#ifndef KMEM_LINUX_SYSFS_H
#define KMEM_LINUX_SYSFS_H
/* Attributes of kobjects: files below /sys, one value each.  A read gets what show() wrote into a page when the file was read
 * from its beginning; a write gives store() at most a page, ended by a 0.
 *
 * Adding and removing: task context; after the removing function has returned, show() and store() are no longer called.
 * Meaning: the kernel's Documentation/filesystems/sysfs.rst. */
#include <kmem/driver_face.h>
#include <kmem/permissions.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/types.h>

struct kobject;
struct module;

struct attribute {
  const char* name;
  umode_t mode;
};
struct bin_attribute {
  struct attribute attr;
  size_t size;
  void* private_;
  ssize_t (*read)(struct file* file, struct kobject* kobj, struct bin_attribute* attribute, char* buffer, loff_t at, size_t n);
  ssize_t (*write)(struct file* file, struct kobject* kobj, struct bin_attribute* attribute, char* buffer, loff_t at, size_t n);
  int (*mmap)(struct file* file, struct kobject* kobj, struct bin_attribute* attribute, struct vm_area_struct* vma);
};
struct attribute_group {
  const char* name; /* of a folder, or NULL */
  umode_t (*is_visible)(struct kobject* kobj, struct attribute* attribute, int n);
  umode_t (*is_bin_visible)(struct kobject* kobj, struct bin_attribute* attribute, int n);
  struct attribute** attrs;
  struct bin_attribute** bin_attrs;
};
struct sysfs_ops {
  ssize_t (*show)(struct kobject* kobj, struct attribute* attribute, char* page);
  ssize_t (*store)(struct kobject* kobj, struct attribute* attribute, const char* page, size_t n);
};

#define __ATTR(attr_name, attr_mode, show_it, store_it) \
  { {#attr_name, VERIFY_OCTAL_PERMISSIONS(attr_mode)}, show_it, store_it }
#define __ATTR_RO(name) __ATTR(name, 0444, name##_show, NULL)
#define __ATTR_RO_MODE(name, mode) __ATTR(name, mode, name##_show, NULL)
#define __ATTR_WO(name) __ATTR(name, 0200, NULL, name##_store)
#define __ATTR_RW(name) __ATTR(name, 0644, name##_show, name##_store)
#define __ATTR_RW_MODE(name, mode) __ATTR(name, mode, name##_show, name##_store)
#define __ATTR_NULL \
  { {NULL, 0}, NULL, NULL }
#define ATTRIBUTE_GROUPS(name)                                                               \
  static const struct attribute_group name##_group = {NULL, NULL, NULL, name##_attrs, NULL}; \
  static const struct attribute_group* name##_groups[] = {&name##_group, NULL}
#define __ATTRIBUTE_GROUPS(name) static const struct attribute_group* name##_groups[] = {&name##_group, NULL}
#define __BIN_ATTR(bin_name, bin_mode, read_it, write_it, bin_size) \
  { {#bin_name, bin_mode}, bin_size, NULL, read_it, write_it, NULL }
#define BIN_ATTR(name, mode, read_it, write_it, size) \
  struct bin_attribute bin_attr_##name = __BIN_ATTR(name, mode, read_it, write_it, size)
#define BIN_ATTR_RO(name, size) BIN_ATTR(name, 0444, name##_read, NULL, size)
#define BIN_ATTR_RW(name, size) BIN_ATTR(name, 0644, name##_read, name##_write, size)
#define sysfs_attr_init(attribute) ((void)(attribute))
#define sysfs_bin_attr_init(attribute) ((void)(attribute))

KMEM_BEGIN_C
/** 0, -EEXIST, -ENOMEM. */
KMEM_API int sysfs_create_file(struct kobject* kobj, const struct attribute* attribute) KMEM_DRIVER_NAME(sysfs_create_file);
KMEM_API void sysfs_remove_file(struct kobject* kobj, const struct attribute* attribute) KMEM_DRIVER_NAME(sysfs_remove_file);
/** All of them or none; the list ends with NULL. */
KMEM_API int sysfs_create_files(struct kobject* kobj, const struct attribute* const* attributes)
    KMEM_DRIVER_NAME(sysfs_create_files);
KMEM_API void sysfs_remove_files(struct kobject* kobj, const struct attribute* const* attributes)
    KMEM_DRIVER_NAME(sysfs_remove_files);
KMEM_API int sysfs_create_bin_file(struct kobject* kobj, const struct bin_attribute* attribute)
    KMEM_DRIVER_NAME(sysfs_create_bin_file);
KMEM_API void sysfs_remove_bin_file(struct kobject* kobj, const struct bin_attribute* attribute)
    KMEM_DRIVER_NAME(sysfs_remove_bin_file);
KMEM_API int sysfs_create_group(struct kobject* kobj, const struct attribute_group* group) KMEM_DRIVER_NAME(sysfs_create_group);
KMEM_API void sysfs_remove_group(struct kobject* kobj, const struct attribute_group* group)
    KMEM_DRIVER_NAME(sysfs_remove_group);
KMEM_API int sysfs_create_groups(struct kobject* kobj, const struct attribute_group** groups)
    KMEM_DRIVER_NAME(sysfs_create_groups);
KMEM_API void sysfs_remove_groups(struct kobject* kobj, const struct attribute_group** groups)
    KMEM_DRIVER_NAME(sysfs_remove_groups);
/** Writes to the page passed to show(), never past its end; returns how much was written. */
KMEM_API int sysfs_emit(char* page, const char* format, ...) KMEM_DRIVER_NAME(sysfs_emit) KMEM_PRINTF_LIKE(2, 3);
KMEM_API int sysfs_emit_at(char* page, int at, const char* format, ...) KMEM_DRIVER_NAME(sysfs_emit_at) KMEM_PRINTF_LIKE(3, 4);
/** Wakes tasks that poll() the attribute. */
KMEM_API void sysfs_notify(struct kobject* kobj, const char* folder, const char* name) KMEM_DRIVER_NAME(sysfs_notify);
/** Is the text the same, but for a newline at its end? */
KMEM_API bool sysfs_streq(const char* a, const char* b) KMEM_DRIVER_NAME(sysfs_streq);
KMEM_END_C
#endif
