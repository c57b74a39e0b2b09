#ifndef KMEM_LINUX_KOBJECT_H
#define KMEM_LINUX_KOBJECT_H
/* Counted objects with a name and a place in /sys.  Dropping the last reference calls release().
 *
 * kobject_get(): any context.  The rest: task context.  Meaning: the kernel's Documentation/core-api/kobject.rst. */
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/sysfs.h>

struct kobject;
struct kset;
struct kobj_uevent_env;
struct kobj_type {
  void (*release)(struct kobject* kobj);
  const struct sysfs_ops* sysfs_ops;
  const struct attribute_group** default_groups;
  struct attribute** default_attrs; /* before 5.18 */
};
struct kobject {
  const char* name;
  struct list_head entry;
  struct kobject* parent;
  struct kset* kset;
  const struct kobj_type* ktype;
  int kmem_refs;
  char* kmem_path; /* below /sys; NULL while it is not added */
  struct kobject* kmem_next_place;
  unsigned int state_initialized : 1, state_in_sysfs : 1, kmem_own_name : 1, state_add_uevent_sent : 1;
};
struct kset_uevent_ops {
  int (*filter)(const struct kobject* kobj);
  const char* (*name)(const struct kobject* kobj);
  int (*uevent)(const struct kobject* kobj, struct kobj_uevent_env* env);
};
struct kset {
  struct list_head list;
  spinlock_t list_lock;
  struct kobject kobj;
  const struct kset_uevent_ops* uevent_ops;
};
struct kobj_attribute {
  struct attribute attr;
  ssize_t (*show)(struct kobject* kobj, struct kobj_attribute* attribute, char* page);
  ssize_t (*store)(struct kobject* kobj, struct kobj_attribute* attribute, const char* page, size_t n);
};
enum kobject_action { KOBJ_ADD, KOBJ_REMOVE, KOBJ_CHANGE, KOBJ_MOVE, KOBJ_ONLINE, KOBJ_OFFLINE, KOBJ_BIND, KOBJ_UNBIND };
#define UEVENT_NUM_ENVP 64
#define UEVENT_BUFFER_SIZE 2048
struct kobj_uevent_env {
  char* envp[UEVENT_NUM_ENVP];
  int envp_idx;
  char buf[UEVENT_BUFFER_SIZE];
  int buflen;
};

KMEM_BEGIN_C
KMEM_API void kobject_init(struct kobject* kobj, const struct kobj_type* type) KMEM_DRIVER_NAME(kobject_init);
KMEM_API int kobject_set_name(struct kobject* kobj, const char* format, ...) KMEM_DRIVER_NAME(kobject_set_name)
    KMEM_PRINTF_LIKE(2, 3);
KMEM_API int kobject_set_name_vargs(struct kobject* kobj, const char* format, va_list arguments)
    KMEM_DRIVER_NAME(kobject_set_name_vargs) KMEM_PRINTF_LIKE(2, 0);
/** 0, or an error: then kobject_put() it. -EEXIST: there is one of that name at that place, which is reported. */
KMEM_API int kobject_add(struct kobject* kobj, struct kobject* parent, const char* format, ...) KMEM_DRIVER_NAME(kobject_add)
    KMEM_PRINTF_LIKE(3, 4);
KMEM_API int kobject_init_and_add(struct kobject* kobj, const struct kobj_type* type, struct kobject* parent,
                                  const char* format, ...) KMEM_DRIVER_NAME(kobject_init_and_add) KMEM_PRINTF_LIKE(4, 5);
KMEM_API struct kobject* kobject_create_and_add(const char* name, struct kobject* parent)
    KMEM_DRIVER_NAME(kobject_create_and_add);
/** Removes it from /sys. */
KMEM_API void kobject_del(struct kobject* kobj) KMEM_DRIVER_NAME(kobject_del);
KMEM_API struct kobject* kobject_get(struct kobject* kobj) KMEM_DRIVER_NAME(kobject_get);
KMEM_API void kobject_put(struct kobject* kobj) KMEM_DRIVER_NAME(kobject_put);
static inline const char* kobject_name(const struct kobject* kobj) { return kobj->name; }
/** Returns the path below /sys in an allocated block. */
KMEM_API char* kobject_get_path(const struct kobject* kobj, gfp_t flags) KMEM_DRIVER_NAME(kobject_get_path);
/** Notifies the listener (kmem_driver_on_uevent()). */
KMEM_API int kobject_uevent(struct kobject* kobj, enum kobject_action action) KMEM_DRIVER_NAME(kobject_uevent);
KMEM_API int kobject_uevent_env(struct kobject* kobj, enum kobject_action action, char* more[])
    KMEM_DRIVER_NAME(kobject_uevent_env);
KMEM_API int add_uevent_var(struct kobj_uevent_env* env, const char* format, ...) KMEM_DRIVER_NAME(add_uevent_var)
    KMEM_PRINTF_LIKE(2, 3);
KMEM_API struct kset* kset_create_and_add(const char* name, const struct kset_uevent_ops* operations, struct kobject* parent)
    KMEM_DRIVER_NAME(kset_create_and_add);
KMEM_API void kset_init(struct kset* kset) KMEM_DRIVER_NAME(kset_init);
KMEM_API int kset_register(struct kset* kset) KMEM_DRIVER_NAME(kset_register);
KMEM_API void kset_unregister(struct kset* kset) KMEM_DRIVER_NAME(kset_unregister);
/** show() and store() of a struct kobj_attribute. */
extern KMEM_API const struct sysfs_ops kmem_kobj_sysfs_ops;
/** /sys/kernel and so on. */
KMEM_API struct kobject* kmem_driver_kobject_of(const char* folder) KMEM_NOTHROW;
KMEM_END_C

#define kobj_sysfs_ops kmem_kobj_sysfs_ops
#define kernel_kobj kmem_driver_kobject_of("kernel")
#define mm_kobj kmem_driver_kobject_of("kernel/mm")
#define firmware_kobj kmem_driver_kobject_of("firmware")
#define fs_kobj kmem_driver_kobject_of("fs")
static inline struct kset* to_kset(struct kobject* kobj) {
  return kobj ? (struct kset*)((char*)kobj - __builtin_offsetof(struct kset, kobj)) : NULL;
}
#endif
