/* The task that runs: as much of it as code needs that says how its allocations are to be made, or waits before it tries
 * one again.  In a process a task is a thread.  Nothing here schedules: threads are the host's.
 *
 * The system has a header of this name, the flags of clone(); it comes first, whole. */
#include <kmem/system_linux_sched.h>

#ifndef KMEM_LINUX_SCHED_H
#define KMEM_LINUX_SCHED_H

#include <kmem/c_face.h>
#include <limits.h>
#include <linux/kernel.h>
#include <linux/preempt.h>
#include <linux/sched/mm.h>
#include <linux/types.h>

/** One thread.  It is its own to write, and of signal handlers on top of it, which leave what they found. */
struct task_struct {
  unsigned int kmem_count;
  /** PF_MEMALLOC, PF_MEMALLOC_NOFS, PF_MEMALLOC_NOIO: what its allocations are, whatever their own flags say.  Other bits are
   *  kmem's; set and clear single ones. */
  unsigned int flags;
};

#define TASK_COMM_LEN 16

KMEM_BEGIN_C

/** The task that calls, or that a signal handler interrupted.  Any context. */
KMEM_API struct task_struct* get_current(void) KMEM_NOTHROW;
/** The number and the name of `task`, which must be the calling one; kmem knows no others.  0, and "", for another. */
KMEM_API int task_pid_nr(const struct task_struct* task) KMEM_NOTHROW;
KMEM_API char* kmem_get_task_comm(char* buffer, size_t size, const struct task_struct* task) KMEM_NOTHROW;

/** Sleeps for so many of `hz` parts of a second; 0, or, where it may not sleep, which is reported, the time that is left.
 *  A negative time is reported and is none.  No signal ends it. */
KMEM_API long kmem_schedule_timeout(long ticks, long hz) KMEM_NOTHROW;

KMEM_END_C

/* C++ has std::source_location::current(); there it is get_current().  A C program that gives the word another meaning
 * defines KMEM_NO_CURRENT. */
#if !defined(__cplusplus) && !defined(KMEM_NO_CURRENT)
#define current get_current()
#endif
#define get_task_comm(buffer, task) kmem_get_task_comm(buffer, sizeof(buffer), task)

/** Sets those of `flags` in the task as they are in `saved`. */
static inline void current_restore_flags(unsigned long saved, unsigned long flags) {
  struct task_struct* task = get_current();
  task->flags = (unsigned int)((task->flags & ~flags) | (saved & flags));
}

/* The kernel's clock of HZ ticks a second.  <sys/param.h> has an HZ as well: whichever is in force counts. */
#ifndef HZ
#define HZ 1000
#endif
#define MAX_SCHEDULE_TIMEOUT LONG_MAX
#define msecs_to_jiffies(ms) ((unsigned long)(((unsigned long)(ms)*HZ + 999) / 1000))

/** Sleep so many ticks, LONG_MAX for ever; nobody wakes them earlier.  For who tries an allocation again later. */
#define schedule_timeout_uninterruptible(ticks) kmem_schedule_timeout(ticks, HZ)
#define schedule_timeout_interruptible(ticks) kmem_schedule_timeout(ticks, HZ)
#define schedule_timeout_killable(ticks) kmem_schedule_timeout(ticks, HZ)

/** A place where a task may be asked to let others run.  The host sees to that itself; what is left is the check that the
 *  caller may sleep here.  0: nobody else has run. */
#define cond_resched() __extension__({ kmem_might_sleep(__FILE__, __LINE__), 0; })
#define need_resched() 0

#endif
