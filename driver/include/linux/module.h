#ifndef KMEM_LINUX_MODULE_H
#define KMEM_LINUX_MODULE_H
/* A module: the drivers in one program or shared object, with their init and exit calls, parameters and users.
 *
 * Meaning: the kernel's <linux/module.h>.  Loading and unloading is done by <kmem/driver.h>. */
#include <kmem/constant.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
/* What kernel code finds behind it without asking. */
#ifndef __cplusplus
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#endif
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/stat.h>
#include <linux/types.h>

#define MODULE_NAME_LEN (64 - sizeof(unsigned long))

enum module_state { MODULE_STATE_LIVE, MODULE_STATE_COMING, MODULE_STATE_GOING, MODULE_STATE_UNFORMED };

struct kmem_module_info {
  struct kmem_module_info* next;
  struct module* module;
  const char *tag, *text;
};

struct module {
  enum module_state state;
  /** Set when the module is loaded: KBUILD_MODNAME, or the file's name. */
  char name[MODULE_NAME_LEN];
  const char* version;
  /* Internal to kmem: the number of users, and whether it is loaded. */
  int kmem_users;
  bool kmem_loaded;
  void* kmem_object; /* of a file: what dlopen() gave */
  void* kmem_folder; /* in /sys/module */
  struct module* kmem_next;
};

/* Zero, and one for each linked object; the first of its files wins. */
__attribute__((__weak__, __visibility__("hidden"))) struct module kmem_this_module;

KMEM_BEGIN_C

KMEM_API void kmem_driver_note_info(struct kmem_module_info* info) KMEM_NOTHROW;
/** Adds a user, which prevents unloading; false: it is being unloaded. For NULL always true. */
KMEM_API bool try_module_get(struct module* module) KMEM_DRIVER_NAME(try_module_get);
KMEM_API void __module_get(struct module* module) KMEM_DRIVER_NAME(__module_get);
/** Removes a user; one too many is reported. */
KMEM_API void module_put(struct module* module) KMEM_DRIVER_NAME(module_put);
KMEM_API int module_refcount(struct module* module) KMEM_DRIVER_NAME(module_refcount);
static inline const char* module_name(struct module* module) { return module ? module->name : "kernel"; }
static inline bool module_is_live(struct module* module) { return module->state != MODULE_STATE_GOING; }
/** 0 if a module of that name is loaded. request_module() cannot load any: -ENOENT otherwise. */
KMEM_API int __request_module(bool wait, const char* format, ...) KMEM_DRIVER_NAME(__request_module) KMEM_PRINTF_LIKE(2, 3);

KMEM_END_C

/* The places of pr_debug() in this object: the linker knows where they begin and end. */
extern struct kmem_debug_site __start_kmem_debug[] __attribute__((__weak__, __visibility__("hidden")));
extern struct kmem_debug_site __stop_kmem_debug[] __attribute__((__weak__, __visibility__("hidden")));
KMEM_DRIVER_WHEN_LOADED(kmem_note_debug_sites) {
  if (__start_kmem_debug) kmem_driver_note_debug_sites(__start_kmem_debug, __stop_kmem_debug);
}

#define request_module(...) __request_module(true, __VA_ARGS__)
#define request_module_nowait(...) __request_module(false, __VA_ARGS__)

#define KMEM_MODULE_INFO_(tag_name, text_of, at)                                                                   \
  static struct kmem_module_info KMEM_JOIN_(kmem_info_, at) = {0, &kmem_this_module, #tag_name, text_of};          \
  KMEM_DRIVER_WHEN_LOADED(KMEM_JOIN_(kmem_note_info_, at)) { kmem_driver_note_info(&KMEM_JOIN_(kmem_info_, at)); } \
  struct kmem_module_info
#define MODULE_INFO(tag, text) KMEM_MODULE_INFO_(tag, text, __COUNTER__)
#define MODULE_LICENSE(text) MODULE_INFO(license, text)
#define MODULE_AUTHOR(text) MODULE_INFO(author, text)
#define MODULE_DESCRIPTION(text) MODULE_INFO(description, text)
#define MODULE_VERSION(text) MODULE_INFO(version, text)
#define MODULE_ALIAS(text) MODULE_INFO(alias, text)
#define MODULE_SOFTDEP(text) MODULE_INFO(softdep, text)
#define MODULE_FIRMWARE(text) MODULE_INFO(firmware, text)
#define MODULE_SUPPORTED_DEVICE(text) MODULE_INFO(supported_device, text)
#define MODULE_ALIAS_CHARDEV_MAJOR(major) MODULE_INFO(alias, "char-major-" #major "-*")
#define MODULE_ALIAS_MISCDEV(minor) MODULE_INFO(alias, "char-major-10-" #minor)
#define MODULE_DEVICE_TABLE(type, table) static const void* const kmem_device_table_##table __attribute__((__used__)) = (table)

#endif
