#ifndef KMEM_LINUX_COMPAT_H
#define KMEM_LINUX_COMPAT_H
/* Programs of 32 bits do not find a driver's files (docs/driver-tool.md), so CONFIG_COMPAT is not set; these are its types. */
#include <linux/compiler_types.h>
#include <linux/types.h>

typedef u32 compat_uptr_t;
typedef s32 compat_int_t;
typedef u32 compat_uint_t;
typedef s32 compat_long_t;
typedef u32 compat_ulong_t;
typedef u32 compat_size_t;
typedef s32 compat_ssize_t;

static inline void __user* compat_ptr(compat_uptr_t address) { return (void __user*)(unsigned long)address; }
static inline compat_uptr_t ptr_to_compat(void __user* address) { return (compat_uptr_t)(unsigned long)address; }
static inline bool in_compat_syscall(void) { return false; }

#endif
