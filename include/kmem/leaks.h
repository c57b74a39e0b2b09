#ifndef KMEM_LEAKS_H
#define KMEM_LEAKS_H
/* Finding leaked memory: docs/leaks.md. */
#include <kmem/c_face.h>
#include <stddef.h>

KMEM_BEGIN_C

struct kmem_leak_totals {
  size_t blocks, bytes;               /* held by the program */
  size_t leaked_blocks, leaked_bytes; /* those of them that it cannot reach */
};

/** Searches, in a copy of the process, for blocks to which no pointer is left, and writes each to the open file `fd` in the
 *  form of the kernel's kmemleak; with fd -1 it writes nothing.  `totals` may be NULL.  0, or -1 if the process cannot be
 *  copied.  May sleep.  Other threads run meanwhile; blocks that only their registers point to count as lost. */
KMEM_API int kmem_leak_scan(int fd, struct kmem_leak_totals* totals) KMEM_NOTHROW;
/** The same, but groups blocks by cache and call site, those with the most bytes first. */
KMEM_API int kmem_leak_summary(int fd, struct kmem_leak_totals* totals) KMEM_NOTHROW;

KMEM_END_C

#endif
