#ifndef KMEM_PROFILE_H
#define KMEM_PROFILE_H
/* Heap profiles of the program itself: which code allocates, and what of it is still there.  From outside, with names of
 * functions, inlined ones too: kmem profile.  docs/profiling.md. */
#include <kmem/c_face.h>
#include <stddef.h>

KMEM_BEGIN_C

/** Samples allocations from the caller's next one on, and those of all threads soon after: on average one in `period` bytes.
 *  0 means 512 KiB.  What was sampled before is kept; a call while it samples changes the period.  0; or -ENOMEM, and the next
 *  allocations try again until kmem_profile_stop().  Any context. */
KMEM_API int kmem_profile_start(size_t period) KMEM_NOTHROW;
/** Samples no more.  The frees of sampled blocks are still noticed.  A tracer at the probes, and kmem profile, sample on.  Any
 *  context. */
KMEM_API void kmem_profile_stop(void) KMEM_NOTHROW;
/** Writes all that was sampled so far to the open file `fd`, as the text that gperftools writes: jeprof, pprof and kmem
 *  profile read it.  0; or -ENODATA, and nothing is written, where nothing was ever sampled.  Any context, and about 6 KiB of
 *  stack. */
KMEM_API int kmem_profile_write(int fd) KMEM_NOTHROW;

KMEM_END_C

#endif
