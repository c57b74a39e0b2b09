#ifndef KMEM_LINUX_INIT_H
#define KMEM_LINUX_INIT_H
/* What runs when a driver is loaded, in the order of its levels, and when it is unloaded.
 *
 * Each call is recorded when the program, or the shared object, is loaded, and runs in kmem_driver_load() of <kmem/driver.h>:
 * lower levels first; of one level those of one file in the order of their lines, and files as they were linked.
 *
 * Meaning: the kernel's <linux/init.h>. */
#include <kmem/driver_face.h>
#include <linux/types.h>

struct module;
typedef int (*initcall_t)(void);
typedef void (*exitcall_t)(void);

/** A recorded call; internal to kmem. */
struct kmem_initcall {
  struct kmem_initcall* next;
  struct module* module;
  const char* file;
  const char* name;
  int level;       /* -1: an exit call */
  initcall_t init; /* one of the two */
  exitcall_t leave;
  bool done;
};

/* One struct module for each linked object, whichever of its files names it. */
extern __attribute__((__visibility__("hidden"))) struct module kmem_this_module;

/** A recorded word of the command line; internal to kmem. */
struct kmem_setup {
  struct kmem_setup* next;
  struct module* module;
  const char* name;
  int (*set)(char* text);
  bool early;
};

KMEM_BEGIN_C
KMEM_API void kmem_driver_note_call(struct kmem_initcall* call) KMEM_NOTHROW;
KMEM_API void kmem_driver_note_setup(struct kmem_setup* setup) KMEM_NOTHROW;
KMEM_END_C

/* Words of the kernel's command line, for code that is built in: here they come with the parameters, before the init calls.  A
 * parameter of the same name is tried first.  function() of __setup() gets what follows the text "name" or "name=", and
 * returns 1
 * if that was for it; function() of early_param() gets the value, or NULL, and returns 0.  In the kernel neither is anything
 * in a
 * module, so where MODULE is defined they are nothing. */
#ifdef MODULE
#define __setup(text, function) struct kmem_setup
#define early_param(text, function) struct kmem_setup
#else
#define __setup(text, function) KMEM_NOTE_SETUP_(text, function, false)
#define early_param(text, function) KMEM_NOTE_SETUP_(text, function, true)
#define KMEM_NOTE_SETUP_(text, function, is_early)                                                           \
  static struct kmem_setup kmem_setup_of_##function = {0, &kmem_this_module, text, function, is_early};      \
  KMEM_DRIVER_WHEN_LOADED(kmem_note_setup_##function) { kmem_driver_note_setup(&kmem_setup_of_##function); } \
  struct kmem_setup
#endif

/* Sections that the kernel discards after start-up: here they stay. */
#define __init
#define __exit
#define __initdata
#define __initconst
#define __exitdata
#define __init_or_module
#define __initdata_or_module
#define __ref
#define __refdata
#define __devinit
#define __devexit
#define __devinitdata
#define __devexit_p(function) function

#define KMEM_NOTE_CALL_(function, at_level, init_call, exit_call)                                           \
  static struct kmem_initcall kmem_call_of_##function = {0,        &kmem_this_module, __FILE__,  #function, \
                                                         at_level, init_call,         exit_call, false};    \
  KMEM_DRIVER_WHEN_LOADED(kmem_note_##function) { kmem_driver_note_call(&kmem_call_of_##function); }

#define KMEM_INIT_AT_(function, level) KMEM_NOTE_CALL_(function, level, function, 0)
#define early_initcall(function) KMEM_INIT_AT_(function, 0)
#define pure_initcall(function) KMEM_INIT_AT_(function, 1)
#define core_initcall(function) KMEM_INIT_AT_(function, 2)
#define core_initcall_sync(function) KMEM_INIT_AT_(function, 3)
#define postcore_initcall(function) KMEM_INIT_AT_(function, 4)
#define postcore_initcall_sync(function) KMEM_INIT_AT_(function, 5)
#define arch_initcall(function) KMEM_INIT_AT_(function, 6)
#define arch_initcall_sync(function) KMEM_INIT_AT_(function, 7)
#define subsys_initcall(function) KMEM_INIT_AT_(function, 8)
#define subsys_initcall_sync(function) KMEM_INIT_AT_(function, 9)
#define fs_initcall(function) KMEM_INIT_AT_(function, 10)
#define fs_initcall_sync(function) KMEM_INIT_AT_(function, 11)
#define rootfs_initcall(function) KMEM_INIT_AT_(function, 12)
#define device_initcall(function) KMEM_INIT_AT_(function, 13)
#define device_initcall_sync(function) KMEM_INIT_AT_(function, 14)
#define late_initcall(function) KMEM_INIT_AT_(function, 15)
#define late_initcall_sync(function) KMEM_INIT_AT_(function, 16)
#define __initcall(function) device_initcall(function)
#define __exitcall(function) KMEM_NOTE_CALL_(function, -1, 0, function)

#define module_init(function) device_initcall(function)
#define module_exit(function) __exitcall(function)

#endif
