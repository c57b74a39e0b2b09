#ifndef KMEM_LINUX_KSTRTOX_H
#define KMEM_LINUX_KSTRTOX_H
/* Numbers from strings.
 *
 * kstrto...(): the whole string is the number, but for one newline at its end; a + or, of signed ones, a - may come first.
 * `base` is 2 to 16, or 0: 0x is hexadecimal, 0 octal.  0; -EINVAL (-22) for what is no number; -ERANGE (-34) for one that does
 * not fit.  *result is written on success alone.  Any context; the _from_user forms read user space and may sleep, -EFAULT.
 *
 * simple_strto...(): as far as it goes, and where that was; nothing is checked. */
#include <kmem/driver_face.h>
#include <linux/types.h>

KMEM_BEGIN_C

KMEM_API int kstrtoull(const char* s, unsigned int base, unsigned long long* result)
    KMEM_DRIVER_NAME(kstrtoull) KMEM_MUST_CHECK;
KMEM_API int kstrtoll(const char* s, unsigned int base, long long* result) KMEM_DRIVER_NAME(kstrtoll) KMEM_MUST_CHECK;
/** The string of a user, of at most a number's length; the number must lie in [low, high]. */
KMEM_API int kmem_driver_kstrtoll_user(const char* s, size_t count, unsigned int base, long long low, long long high,
                                       long long* result) KMEM_NOTHROW;
KMEM_API int kmem_driver_kstrtoull_user(const char* s, size_t count, unsigned int base, unsigned long long high,
                                        unsigned long long* result) KMEM_NOTHROW;
/** 1 y Y t T and "on" are true, 0 n N f F and "off" false; the first one or two characters count.  -EINVAL for others. */
KMEM_API int kstrtobool(const char* s, bool* result) KMEM_DRIVER_NAME(kstrtobool) KMEM_MUST_CHECK;
KMEM_API int kstrtobool_from_user(const char* s, size_t count, bool* result)
    KMEM_DRIVER_NAME(kstrtobool_from_user) KMEM_MUST_CHECK;

KMEM_API unsigned long long simple_strtoull(const char* s, char** end, unsigned int base) KMEM_DRIVER_NAME(simple_strtoull);
static inline unsigned long simple_strtoul(const char* s, char** end, unsigned int base) {
  return (unsigned long)simple_strtoull(s, end, base);
}
static inline long long simple_strtoll(const char* s, char** end, unsigned int base) {
  return *s == '-' ? (long long)(0 - simple_strtoull(s + 1, end, base)) : (long long)simple_strtoull(s, end, base);
}
static inline long simple_strtol(const char* s, char** end, unsigned int base) { return (long)simple_strtoll(s, end, base); }

/* The narrower types, signed and unsigned. */
#define KMEM_KSTRTO_SIGNED_(name, type)                                                                              \
  KMEM_MUST_CHECK static inline int name(const char* s, unsigned int base, type* result) {                           \
    long long value;                                                                                                 \
    const int error = kstrtoll(s, base, &value);                                                                     \
    if (error) return error;                                                                                         \
    if (value != (type)value) return -34;                                                                            \
    *result = (type)value;                                                                                           \
    return 0;                                                                                                        \
  }                                                                                                                  \
  KMEM_MUST_CHECK static inline int name##_from_user(const char* s, size_t count, unsigned int base, type* result) { \
    long long value;                                                                                                 \
    const long long high = (long long)((1ULL << (8 * sizeof(type) - 1)) - 1);                                        \
    const int error = kmem_driver_kstrtoll_user(s, count, base, -high - 1, high, &value);                            \
    if (!error) *result = (type)value;                                                                               \
    return error;                                                                                                    \
  }
#define KMEM_KSTRTO_UNSIGNED_(name, type)                                                                            \
  KMEM_MUST_CHECK static inline int name(const char* s, unsigned int base, type* result) {                           \
    unsigned long long value;                                                                                        \
    const int error = kstrtoull(s, base, &value);                                                                    \
    if (error) return error;                                                                                         \
    if (value != (type)value) return -34;                                                                            \
    *result = (type)value;                                                                                           \
    return 0;                                                                                                        \
  }                                                                                                                  \
  KMEM_MUST_CHECK static inline int name##_from_user(const char* s, size_t count, unsigned int base, type* result) { \
    unsigned long long value;                                                                                        \
    const int error = kmem_driver_kstrtoull_user(s, count, base, (type) ~(type)0, &value);                           \
    if (!error) *result = (type)value;                                                                               \
    return error;                                                                                                    \
  }
KMEM_KSTRTO_SIGNED_(kstrtol, long)
KMEM_KSTRTO_SIGNED_(kstrtoint, int)
KMEM_KSTRTO_SIGNED_(kstrtos64, s64)
KMEM_KSTRTO_SIGNED_(kstrtos32, s32)
KMEM_KSTRTO_SIGNED_(kstrtos16, s16)
KMEM_KSTRTO_SIGNED_(kstrtos8, s8)
KMEM_KSTRTO_UNSIGNED_(kstrtoul, unsigned long)
KMEM_KSTRTO_UNSIGNED_(kstrtouint, unsigned int)
KMEM_KSTRTO_UNSIGNED_(kstrtou64, u64)
KMEM_KSTRTO_UNSIGNED_(kstrtou32, u32)
KMEM_KSTRTO_UNSIGNED_(kstrtou16, u16)
KMEM_KSTRTO_UNSIGNED_(kstrtou8, u8)
#undef KMEM_KSTRTO_SIGNED_
#undef KMEM_KSTRTO_UNSIGNED_
KMEM_MUST_CHECK static inline int kstrtoull_from_user(const char* s, size_t count, unsigned int base,
                                                      unsigned long long* result) {
  return kmem_driver_kstrtoull_user(s, count, base, ~0ULL, result);
}
KMEM_MUST_CHECK static inline int kstrtoll_from_user(const char* s, size_t count, unsigned int base, long long* result) {
  return kmem_driver_kstrtoll_user(s, count, base, -0x7fffffffffffffffLL - 1, 0x7fffffffffffffffLL, result);
}
/** Until 3.18. */
#define strict_strtoul kstrtoul
#define strict_strtol kstrtol
#define strict_strtoull kstrtoull

KMEM_END_C

#endif
