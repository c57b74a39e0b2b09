#ifndef KMEM_LINUX_BUG_H
#define KMEM_LINUX_BUG_H
/* Reports with file, line and call trace. Any context; allocates nothing. */
#include <kmem/c_face.h>
#include <linux/build_bug.h>
#include <linux/types.h>

KMEM_BEGIN_C

/** Reports a warning; panics if panic_on_warn is set. */
KMEM_API void kmem_warn(const char* file, int line, const char* format, ...) KMEM_PRINTF_LIKE(3, 4) __attribute__((__cold__));
/** Reports a bug and ends the program. */
KMEM_API void kmem_bug(const char* file, int line) __attribute__((__cold__, __noreturn__));

KMEM_END_C

#define BUG() kmem_bug(__FILE__, __LINE__)
#define BUG_ON(condition)                          \
  do {                                             \
    if (__builtin_expect(!!(condition), 0)) BUG(); \
  } while (0)

/** Each returns whether the condition holds, so that it can be used in an if. */
#define WARN(condition, ...)                                                           \
  __extension__({                                                                      \
    const int kmem_warn_on = !!(condition);                                            \
    if (__builtin_expect(kmem_warn_on, 0)) kmem_warn(__FILE__, __LINE__, __VA_ARGS__); \
    __builtin_expect(kmem_warn_on, 0);                                                 \
  })
#define WARN_ON(condition) WARN(condition, "%s", #condition)
#define WARN_ONCE(condition, ...)                                                                       \
  __extension__({                                                                                       \
    static char kmem_warned;                                                                            \
    const int kmem_warn_once = !!(condition);                                                           \
    if (__builtin_expect(kmem_warn_once, 0) && !__atomic_exchange_n(&kmem_warned, 1, __ATOMIC_RELAXED)) \
      kmem_warn(__FILE__, __LINE__, __VA_ARGS__);                                                       \
    __builtin_expect(kmem_warn_once, 0);                                                                \
  })
#define WARN_ON_ONCE(condition) WARN_ONCE(condition, "%s", #condition)

#endif
