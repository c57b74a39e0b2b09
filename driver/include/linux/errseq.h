#ifndef KMEM_LINUX_ERRSEQ_H
#define KMEM_LINUX_ERRSEQ_H
/* The last error that happened to an object, which everybody is told once who has sampled the word before.  Any context.
 * Meaning: the kernel's Documentation/core-api/errseq.rst. */
#include <kmem/driver_face.h>
#include <linux/types.h>

typedef u32 errseq_t;

KMEM_BEGIN_C
/** An error, -1 to -4095, has happened: returns the word before.  Another number is reported. */
KMEM_API errseq_t errseq_set(errseq_t* word, int error) KMEM_DRIVER_NAME(errseq_set);
/** The point from which on errors are told: 0, if an error is there that nobody has been told. */
KMEM_API errseq_t errseq_sample(errseq_t* word) KMEM_DRIVER_NAME(errseq_sample);
/** The error since that point, or 0. */
KMEM_API int errseq_check(errseq_t* word, errseq_t since) KMEM_DRIVER_NAME(errseq_check);
/** The same, and *since becomes the present.  Callers that share `since` take a lock. */
KMEM_API int errseq_check_and_advance(errseq_t* word, errseq_t* since) KMEM_DRIVER_NAME(errseq_check_and_advance);
KMEM_END_C
#endif
