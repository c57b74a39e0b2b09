#ifndef KMEM_LINUX_EXPORT_H
#define KMEM_LINUX_EXPORT_H
/* Names that other modules may use: the symbol stays visible outside the shared object that it is in, however g++ or
 * gcc was told to compile that.  Meaning: the kernel's <linux/export.h>. */
#include <kmem/driver_face.h>

struct module;
extern __attribute__((__visibility__("hidden"))) struct module kmem_this_module;
#define THIS_MODULE (&kmem_this_module)

#ifdef __clang__ /* takes no visibility after the definition, so all functions of a module that it compiles are visible */
#ifdef MODULE
#pragma GCC visibility push(default)
#endif
#define EXPORT_SYMBOL(name) extern __typeof__(name) name
#else
#define EXPORT_SYMBOL(name) extern __attribute__((__visibility__("default"))) __typeof__(name) name
#endif
#define EXPORT_SYMBOL_GPL(name) EXPORT_SYMBOL(name)
#define EXPORT_SYMBOL_NS(name, space) EXPORT_SYMBOL(name)
#define EXPORT_SYMBOL_NS_GPL(name, space) EXPORT_SYMBOL(name)
#define MODULE_IMPORT_NS(space) struct module

#endif
