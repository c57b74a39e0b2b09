#ifndef KMEM_LINUX_TYPECHECK_H
#define KMEM_LINUX_TYPECHECK_H
/** Always 1; warns where x has another type. */
#define typecheck(type, x)               \
  __extension__({                        \
    type kmem_wanted;                    \
    __typeof__(x) kmem_given;            \
    (void)(&kmem_wanted == &kmem_given); \
    1;                                   \
  })
#define typecheck_fn(type, function) \
  __extension__({                    \
    type kmem_function = function;   \
    (void)kmem_function;             \
  })
#endif
