#ifndef KMEM_LINUX_ONCE_H
#define KMEM_LINUX_ONCE_H
/* Running something the first time that a place in the code is reached. */
#include <linux/random.h>
/** Calls function(...) once; true for that call. Another task may pass meanwhile, before the function has returned. */
#define DO_ONCE(function, ...)                                                     \
  __extension__({                                                                  \
    static char kmem_done;                                                         \
    const bool kmem_first = !__atomic_exchange_n(&kmem_done, 1, __ATOMIC_ACQ_REL); \
    if (kmem_first) function(__VA_ARGS__);                                         \
    kmem_first;                                                                    \
  })
#define DO_ONCE_LITE(function, ...) DO_ONCE(function, __VA_ARGS__)
#define DO_ONCE_SLEEPABLE(function, ...) DO_ONCE(function, __VA_ARGS__)
#define get_random_once(to, n) DO_ONCE(get_random_bytes, (to), (n))
#endif
