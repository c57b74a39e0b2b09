#ifndef KMEM_LINUX_ARRAY_SIZE_H
#define KMEM_LINUX_ARRAY_SIZE_H
#include <linux/build_bug.h>
#include <stddef.h>

/** The number of elements of an array; does not compile for a pointer. */
#ifdef __cplusplus
template <class T, __SIZE_TYPE__ n>
char (&kmem_array_of(T (&)[n]))[n];
#endif
#ifndef ARRAY_SIZE
#ifdef __cplusplus
#define ARRAY_SIZE(array) (sizeof(kmem_array_of(array)))
#else
#define ARRAY_SIZE(array) \
  (sizeof(array) / sizeof((array)[0]) + (size_t)KMEM_BUILD_BUG_ON_ZERO_(KMEM_IS_POINTER_(array), "ARRAY_SIZE() of a pointer"))
#define KMEM_IS_POINTER_(array) __builtin_types_compatible_p(__typeof__(array), __typeof__(&(array)[0]))
#endif
#endif

#endif
