/* The running task: the parts that code needs to change the flags of its allocations, or to wait before a retry. In a process a
 * task is a thread, and the host schedules it.
 *
 * The system's header of this name, with the flags of clone(), is included first. */
#ifdef KMEM_LINUX_SCHED_OPEN /* included by another kmem's header on its way to the system's */
#include_next <linux/sched.h>
#else
#define KMEM_LINUX_SCHED_OPEN
#include <kmem/system_linux_sched.h>
#undef KMEM_LINUX_SCHED_OPEN
#endif

#ifndef KMEM_LINUX_SCHED_H
#define KMEM_LINUX_SCHED_H

#include <kmem/c_face.h>
#include <linux/kernel.h>
#include <linux/preempt.h>
#include <linux/sched/mm.h>
#include <linux/types.h>

/** One thread. Written only by itself, and by signal handlers on top of it, which restore the values. */
struct task_struct {
  unsigned int kmem_count;
  /** PF_MEMALLOC, PF_MEMALLOC_NOFS, PF_MEMALLOC_NOIO: restrict all its allocations. Other bits are kmem's; set and clear single
   *  bits only. */
  unsigned int flags;
};

#define TASK_COMM_LEN 16

KMEM_BEGIN_C

/** The calling task, or the one that the calling signal handler interrupted. Any context. */
KMEM_API struct task_struct* get_current(void) KMEM_NOTHROW_NAME(get_current);
/** The number and the name of the calling task; 0 and "" for any other `task`. */
KMEM_API int task_pid_nr(const struct task_struct* task) KMEM_NOTHROW_NAME(task_pid_nr);
KMEM_API char* kmem_get_task_comm(char* buffer, size_t size, const struct task_struct* task) KMEM_NOTHROW;

/** Sleeps for ticks / hz seconds and returns 0. In a context that must not sleep it reports that and returns `ticks`. A
 *  negative time is reported and treated as 0. Signals do not end it. */
KMEM_API long kmem_schedule_timeout(long ticks, long hz) KMEM_NOTHROW;

/** For need_resched() and cond_resched(); the third begins a turn, for code that has slept by other means. */
KMEM_API int kmem_need_resched(void) KMEM_NOTHROW;
KMEM_API int kmem_cond_resched(const char* file, int line) KMEM_NOTHROW;
KMEM_API void kmem_begin_turn(void) KMEM_NOTHROW;

KMEM_END_C

/* C++ has std::source_location::current(); so use get_current() there. A C program that uses the word `current` otherwise
 * defines KMEM_NO_CURRENT. */
#if !defined(__cplusplus) && !defined(KMEM_NO_CURRENT)
#define current get_current()
#endif
#define get_task_comm(buffer, task) kmem_get_task_comm(buffer, sizeof(buffer), task)

/** Restores the bits `flags` of the task from `saved`. */
static inline void current_restore_flags(unsigned long saved, unsigned long flags) {
  struct task_struct* task = get_current();
  task->flags = (unsigned int)((task->flags & ~flags) | (saved & flags));
}

/* The kernel's clock of HZ ticks a second.  <sys/param.h> also defines HZ; the current definition is used. */
#ifndef HZ
#define HZ 1000
#endif
#define MAX_SCHEDULE_TIMEOUT __LONG_MAX__
#define msecs_to_jiffies(ms) ((unsigned long)(((unsigned long)(ms)*HZ + 999) / 1000))

/** Sleep so many ticks, LONG_MAX for ever; nothing wakes the task earlier.  For code that retries an allocation later. */
#define schedule_timeout_uninterruptible(ticks) kmem_schedule_timeout(ticks, HZ)
#define schedule_timeout_interruptible(ticks) kmem_schedule_timeout(ticks, HZ)
#define schedule_timeout_killable(ticks) kmem_schedule_timeout(ticks, HZ)

/** Has the task had its turn? True 4 ms after the first call since the task last slept in kmem or yielded in cond_resched().
 *  The needs of the host's other threads are unknown; but a loop `while (!need_resched())` ends as in the kernel.  Any context.
 *  */
#define need_resched() kmem_need_resched()
/** If the task has had its turn, yields the CPU and returns 1. Task context, which is checked. */
#define cond_resched() kmem_cond_resched(__FILE__, __LINE__)

#endif
