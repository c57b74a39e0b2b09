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

/** The first byte that is not `c`; NULL: all are. */
static inline void* memchr_inv(const void* start, int c, __SIZE_TYPE__ bytes) {
  const unsigned char* at = (const unsigned char*)start;
  for (; bytes; --bytes, ++at)
    if (*at != (unsigned char)c) return (void*)(__UINTPTR_TYPE__)at;
  return NULL;
}
/** The first character that is no white space. */
static inline char* skip_spaces(const char* text) {
  while (*text == ' ' || (*text >= '\t' && *text <= '\r')) ++text;
  return (char*)(__UINTPTR_TYPE__)text;
}
/* `n` words. */
static inline void* memset16(__UINT16_TYPE__* to, __UINT16_TYPE__ value, __SIZE_TYPE__ n) {
  for (__SIZE_TYPE__ i = 0; i < n; ++i) to[i] = value;
  return to;
}
static inline void* memset32(__UINT32_TYPE__* to, __UINT32_TYPE__ value, __SIZE_TYPE__ n) {
  for (__SIZE_TYPE__ i = 0; i < n; ++i) to[i] = value;
  return to;
}
static inline void* memset64(unsigned long long* to, unsigned long long value, __SIZE_TYPE__ n) {
  for (__SIZE_TYPE__ i = 0; i < n; ++i) to[i] = value;
  return to;
}
#endif
