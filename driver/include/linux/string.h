/* kmem's functions of text and memory, and filling the end of a structure. */
#include_next <linux/string.h>

#if defined(KMEM_LINUX_STRING_H) && !defined(KMEM_DRIVER_LINUX_STRING_H)
#define KMEM_DRIVER_LINUX_STRING_H
/** Fills all bytes of *object behind the member, padding behind it too; or from the member on. */
#define memset_after(object, value, member) \
  KMEM_FILL_FROM_(object, value, __builtin_offsetof(__typeof__(*(object)), member) + sizeof((object)->member))
#define memset_startat(object, value, member) KMEM_FILL_FROM_(object, value, __builtin_offsetof(__typeof__(*(object)), member))
#define KMEM_FILL_FROM_(object, value, from)                                               \
  __extension__({                                                                          \
    __typeof__(object) const kmem_object = (object);                                       \
    __builtin_memset((char*)kmem_object + (from), (value), sizeof(*kmem_object) - (from)); \
  })
#endif
