#ifndef KMEM_LINUX_INSTRUCTION_POINTER_H
#define KMEM_LINUX_INSTRUCTION_POINTER_H
/* Where the caller of this function goes on, and where this function is. */
#define _RET_IP_ ((unsigned long)__builtin_return_address(0))
#define _THIS_IP_               \
  __extension__({               \
    __label__ kmem_here;        \
  kmem_here:                    \
    (unsigned long)&&kmem_here; \
  })
#endif
