#ifndef KMEM_FAULT_H
#define KMEM_FAULT_H
/* Fault injection at run time: makes allocations fail though there is memory, to test error handling. The boot words that set
 * it from the start, the attributes and `kmem fail-nth`: docs/fault-injection.md.
 *
 * While it is on, no call takes a fast path. __GFP_NOFAIL never fails. */
#include <kmem/c_face.h>
#include <kmem/integers.h>

KMEM_BEGIN_C

/** The n-th failure point that this thread passes from now on fails, once, as if n were written to the kernel's
 * /proc/self/task/TID/fail-nth.  A call may pass several points (an object, the pages of its slab, ...).  0: none. */
KMEM_API void kmem_fail_nth_set(unsigned int n) KMEM_NOTHROW;
/** The number of points until the failure; 0 once it has failed. */
KMEM_API unsigned int kmem_fail_nth_get(void) KMEM_NOTHROW;

/** Marks this thread for injections with task-filter=Y, as the kernel's /proc/PID/make-it-fail. */
KMEM_API void kmem_make_it_fail(bool on) KMEM_NOTHROW;

/** Applies boot words of fault injection now: "failslab=1,10,0,-1,cache=dentry fail_page_alloc=1,5,0,-1",
 * "fail_nth=12,forever". A probability of 0 switches a point off; fail_nth=0 only counts.  Returns 0, or -EINVAL, with nothing
 * changed, if a word is malformed or not one of fault injection.  Not in signal handlers. */
KMEM_API int kmem_fault_set(const char* words) KMEM_NOTHROW KMEM_MUST_CHECK;
/** Switches everything off for this thread and the program; other threads' n stays. */
KMEM_API void kmem_fault_reset(void) KMEM_NOTHROW;

/** Failure points that the program has passed since the last fail_nth word, and how many failures were injected. */
KMEM_API unsigned long kmem_fault_points(void) KMEM_NOTHROW;
KMEM_API unsigned long kmem_fault_injected(void) KMEM_NOTHROW;

/** A line for each point that is on: its attributes and its injections.  As snprintf(); see <kmem/stats.h>. */
KMEM_API size_t kmem_faults(char* buffer, size_t size) KMEM_NOTHROW;

KMEM_END_C

#endif
