#ifndef KMEM_LINUX_NOSPEC_H
#define KMEM_LINUX_NOSPEC_H
/* Indices that stay below the size even under speculative execution. */
#include <linux/compiler.h>
#define array_index_nospec(index, size)                                                       \
  __extension__({                                                                             \
    const __typeof__(index) kmem_index = (index);                                             \
    unsigned long kmem_mask = (unsigned long)kmem_index < (unsigned long)(size) ? ~0UL : 0UL; \
    OPTIMIZER_HIDE_VAR(kmem_mask);                                                            \
    (__typeof__(index))(kmem_index & kmem_mask);                                              \
  })
#define barrier_nospec() barrier()
#endif
