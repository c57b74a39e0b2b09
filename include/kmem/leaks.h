#ifndef KMEM_LEAKS_H
#define KMEM_LEAKS_H
/* Finding memory that nobody knows any more: docs/leaks.md. */
#include <kmem/c_face.h>
#include <stddef.h>

KMEM_BEGIN_C

struct kmem_leak_totals {
  size_t blocks, bytes;                /* with the program */
  size_t leaked_blocks, leaked_bytes;  /* of these, the ones that it cannot reach */
};

/** Looks, in a copy of the process, for blocks to which no pointer is left, and writes each to the open file `fd` in the form
 *  of the kernel's kmemleak; -1 writes nothing.  `totals` may be NULL.  0, or -1 where no copy can be had.  May sleep.
 *  Other threads go on meanwhile; what only their registers point to is taken for lost. */
KMEM_API int kmem_leak_scan(int fd, struct kmem_leak_totals* totals) KMEM_NOTHROW;
/** The same; blocks of one cache that were allocated at one place are told together, the most bytes first. */
KMEM_API int kmem_leak_summary(int fd, struct kmem_leak_totals* totals) KMEM_NOTHROW;

KMEM_END_C

#endif
