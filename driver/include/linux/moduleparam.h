#ifndef KMEM_LINUX_MODULEPARAM_H
#define KMEM_LINUX_MODULEPARAM_H
/* Parameters of a module: variables that the command line sets before its init calls run, "name=value" or
 * "module.name=value" (a - in a name is a _).  While the module is loaded, a parameter is a file too,
 * /sys/module/<module>/parameters/<name>, with its permissions: 0 is no file, without S_IRUGO it is not read (-EACCES), without
 * S_IWUGO not written.  Permissions that let everybody write, or others more than the owner, do not compile.
 *
 * set() and get() are called in a task, one at a time for all parameters (kernel_param_lock()).
 *
 * A value that is not valid for the type, or out of its range, is refused: -EINVAL or -ERANGE, as in the kernel.
 * Meaning: the kernel's <linux/moduleparam.h>. */
#include <kmem/driver_face.h>
#include <kmem/permissions.h>
#include <linux/init.h>
#include <linux/stringify.h>
#include <linux/types.h>

struct kernel_param;

struct kernel_param_ops {
  unsigned int flags;
  int (*set)(const char* value, const struct kernel_param* parameter);
  /** Writes the value and a newline, at most a page. */
  int (*get)(char* buffer, const struct kernel_param* parameter);
  void (*free)(void* arg);
};
/** The name alone, without =, is a value: set() gets NULL. */
#define KERNEL_PARAM_OPS_FL_NOARG 1u

struct kparam_string {
  unsigned int maxlen;
  char* string;
};
struct kparam_array {
  unsigned int max;
  unsigned int elemsize;
  unsigned int* num; /* NULL: the whole array */
  const struct kernel_param_ops* ops;
  void* elem;
};
struct kernel_param {
  const char* name;
  struct module* mod;
  const struct kernel_param_ops* ops;
  unsigned short perm;
  signed char level;
  unsigned char flags;
  void* arg;
  const struct kparam_string* str;
  const struct kparam_array* arr;
  struct kernel_param* kmem_next;
  const char* kmem_about; /* MODULE_PARM_DESC() */
};
struct kmem_param_about {
  struct kmem_param_about* next;
  struct module* module;
  const char *name, *text;
};

KMEM_BEGIN_C

/** A driver that reads a charp, or several parameters at once, keeps writers of /sys/module out meanwhile.  Task context. */
KMEM_API void kernel_param_lock(struct module* module) KMEM_DRIVER_NAME(kernel_param_lock);
KMEM_API void kernel_param_unlock(struct module* module) KMEM_DRIVER_NAME(kernel_param_unlock);
KMEM_API void kmem_driver_note_param(struct kernel_param* parameter) KMEM_NOTHROW;
KMEM_API void kmem_driver_note_param_about(struct kmem_param_about* about) KMEM_NOTHROW;

#define KMEM_PARAM_TYPE_(type)                                                                                               \
  KMEM_API int param_set_##type(const char* value, const struct kernel_param* parameter) KMEM_DRIVER_NAME(param_set_##type); \
  KMEM_API int param_get_##type(char* buffer, const struct kernel_param* parameter) KMEM_DRIVER_NAME(param_get_##type);      \
  extern KMEM_API const struct kernel_param_ops kmem_param_ops_##type;
KMEM_PARAM_TYPE_(byte)
KMEM_PARAM_TYPE_(short)
KMEM_PARAM_TYPE_(ushort)
KMEM_PARAM_TYPE_(int)
KMEM_PARAM_TYPE_(uint)
KMEM_PARAM_TYPE_(long)
KMEM_PARAM_TYPE_(ulong)
KMEM_PARAM_TYPE_(ullong)
KMEM_PARAM_TYPE_(hexint)
KMEM_PARAM_TYPE_(charp)
KMEM_PARAM_TYPE_(bool)
KMEM_PARAM_TYPE_(invbool)
KMEM_PARAM_TYPE_(string)
KMEM_PARAM_TYPE_(array)
#undef KMEM_PARAM_TYPE_
KMEM_API int param_set_copystring(const char* value, const struct kernel_param* parameter)
    KMEM_DRIVER_NAME(param_set_copystring);
/** As param_set_uint(), within bounds: -EINVAL outside them. */
KMEM_API int param_set_uint_minmax(const char* value, const struct kernel_param* parameter, unsigned int least,
                                   unsigned int most) KMEM_DRIVER_NAME(param_set_uint_minmax);

KMEM_END_C

#define param_ops_byte kmem_param_ops_byte
#define param_ops_short kmem_param_ops_short
#define param_ops_ushort kmem_param_ops_ushort
#define param_ops_int kmem_param_ops_int
#define param_ops_uint kmem_param_ops_uint
#define param_ops_long kmem_param_ops_long
#define param_ops_ulong kmem_param_ops_ulong
#define param_ops_ullong kmem_param_ops_ullong
#define param_ops_hexint kmem_param_ops_hexint
#define param_ops_charp kmem_param_ops_charp
#define param_ops_bool kmem_param_ops_bool
#define param_ops_invbool kmem_param_ops_invbool
#define param_ops_string kmem_param_ops_string
#define param_array_ops kmem_param_ops_array

/* The C type of each; a variable of another one is refused by the compiler. */
typedef unsigned char kmem_param_byte;
typedef short kmem_param_short;
typedef unsigned short kmem_param_ushort;
typedef int kmem_param_int;
typedef unsigned int kmem_param_uint;
typedef long kmem_param_long;
typedef unsigned long kmem_param_ulong;
__extension__ typedef unsigned long long kmem_param_ullong;
typedef unsigned int kmem_param_hexint;
typedef char* kmem_param_charp;
typedef bool kmem_param_bool;
typedef bool kmem_param_invbool;
/* In C, bool is a macro of <stdbool.h>. */
typedef bool kmem_param__Bool;
#define kmem_param_ops__Bool kmem_param_ops_bool

#define KMEM_PARAM_POINTER_(type, pointer) (sizeof((pointer) == (kmem_param_##type*)0) ? (void*)(pointer) : (void*)0)

#define KMEM_NOTE_PARAM_(param_name, operations, permissions, at_level, argument, string, array)                 \
  static struct kernel_param kmem_param_of_##param_name = {#param_name,                                          \
                                                           &kmem_this_module,                                    \
                                                           operations,                                           \
                                                           VERIFY_OCTAL_PERMISSIONS(permissions),                \
                                                           at_level,                                             \
                                                           0,                                                    \
                                                           argument,                                             \
                                                           string,                                               \
                                                           array,                                                \
                                                           0,                                                    \
                                                           0};                                                   \
  KMEM_DRIVER_WHEN_LOADED(kmem_note_param_##param_name) { kmem_driver_note_param(&kmem_param_of_##param_name); } \
  struct kernel_param

#define module_param_named(name, variable, type, perm) \
  KMEM_NOTE_PARAM_(name, &kmem_param_ops_##type, perm, -1, KMEM_PARAM_POINTER_(type, &(variable)), 0, 0)
#define module_param(name, type, perm) module_param_named(name, name, type, perm)
#define module_param_unsafe(name, type, perm) module_param(name, type, perm)
#define module_param_named_unsafe(name, variable, type, perm) module_param_named(name, variable, type, perm)
#define module_param_cb(name, operations, argument, perm) KMEM_NOTE_PARAM_(name, operations, perm, -1, argument, 0, 0)
#define module_param_call(name, setter, getter, argument, perm)                             \
  static const struct kernel_param_ops kmem_param_calls_of_##name = {0, setter, getter, 0}; \
  KMEM_NOTE_PARAM_(name, &kmem_param_calls_of_##name, perm, -1, argument, 0, 0)
#define module_param_string(name, buffer, length, perm)                             \
  static const struct kparam_string kmem_param_string_of_##name = {length, buffer}; \
  KMEM_NOTE_PARAM_(name, &kmem_param_ops_string, perm, -1, 0, &kmem_param_string_of_##name, 0)
#define module_param_array_named(name, array, type, count, perm)                                                         \
  static const struct kparam_array kmem_param_array_of_##name = {sizeof(array) / sizeof((array)[0]), sizeof((array)[0]), \
                                                                 (unsigned int*)(count), &kmem_param_ops_##type,         \
                                                                 KMEM_PARAM_POINTER_(type, &(array)[0])};                \
  KMEM_NOTE_PARAM_(name, &kmem_param_ops_array, perm, -1, 0, 0, &kmem_param_array_of_##name)
#define module_param_array(name, type, count, perm) module_param_array_named(name, name, type, count, perm)
/* Of hardware: the kinds are the kernel's, for locking it down. */
#define module_param_hw(name, type, hwtype, perm) module_param_named(name, name, type, perm)
#define module_param_hw_named(name, variable, type, hwtype, perm) module_param_named(name, variable, type, perm)
#define module_param_hw_array(name, type, hwtype, nr, perm) module_param_array(name, type, nr, perm)
#define core_param(name, variable, type, perm) module_param_named(name, variable, type, perm)

/** A value as a piece of such a text. */
#define __MODULE_STRING(value) __stringify(value)
#define MODULE_PARM_DESC(param_name, description)                                                                         \
  static struct kmem_param_about kmem_about_param_##param_name = {0, &kmem_this_module, #param_name, description};        \
  KMEM_DRIVER_WHEN_LOADED(kmem_note_about_##param_name) { kmem_driver_note_param_about(&kmem_about_param_##param_name); } \
  struct kmem_param_about

#endif
