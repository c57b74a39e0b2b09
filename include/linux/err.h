#ifndef KMEM_LINUX_ERR_H
#define KMEM_LINUX_ERR_H
/* Error numbers as pointers: the last 4095 addresses stand for -1 to -4095.  Any context. */
#include <kmem/c_face.h>
#if __STDC_HOSTED__
#include <linux/errno.h> /* the numbers, the system's */
#endif
#include <linux/types.h>

#define MAX_ERRNO 4095
#define IS_ERR_VALUE(value) ((unsigned long)(value) >= (unsigned long)-MAX_ERRNO)

KMEM_BEGIN_C

/** `error` is a negative error number. */
static inline void* ERR_PTR(long error) { return (void*)error; }
static inline long PTR_ERR(const void* pointer) { return (long)pointer; }
static inline bool IS_ERR(const void* pointer) { return IS_ERR_VALUE(pointer); }
static inline bool IS_ERR_OR_NULL(const void* pointer) { return !pointer || IS_ERR_VALUE(pointer); }
static inline void* ERR_CAST(const void* pointer) { return (void*)(uintptr_t)pointer; }
static inline int PTR_ERR_OR_ZERO(const void* pointer) { return IS_ERR(pointer) ? (int)PTR_ERR(pointer) : 0; }

KMEM_END_C

#endif
