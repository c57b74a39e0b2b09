/* Tasks: each thread that calls driver code, kernel threads, and, where a tool forwards another program's calls, that program.
 *
 * The system has a header of this name, the flags of clone(); it comes first, whole. */
#include <kmem/system_linux_sched.h>

#ifndef KMEM_LINUX_SCHED_H
#define KMEM_LINUX_SCHED_H
/* To sleep, a task calls set_current_state(), checks the condition again, and calls schedule(). A wake_up_process() in between
 * is not lost.  A signal ends a sleep that is interruptible: one that kmem_driver_signal() or send_sig() sends, or one whose
 * handler runs in the sleeping thread meanwhile.
 *
 * schedule() and the other sleeping functions: task context, and a report if sleeping is not allowed. The rest: any context.
 * What differs: current->flags has its own meaning here: only memalloc_noio_save() and related functions set the scopes of
 * allocations.
 * Meaning: the kernel's <linux/sched.h>. */
#include <kmem/driver_face.h>
#include <limits.h>
#include <linux/kernel.h>
#include <linux/preempt.h>
#include <linux/sched/mm.h>
#include <linux/types.h>

#define TASK_RUNNING 0x00000000u
#define TASK_INTERRUPTIBLE 0x00000001u
#define TASK_UNINTERRUPTIBLE 0x00000002u
#define TASK_PARKED 0x00000040u
#define TASK_DEAD 0x00000080u
#define TASK_WAKEKILL 0x00000100u
#define TASK_NOLOAD 0x00000400u
#define TASK_NEW 0x00000800u
#define TASK_FREEZABLE 0x00002000u
#define TASK_KILLABLE (TASK_WAKEKILL | TASK_UNINTERRUPTIBLE)
#define TASK_IDLE (TASK_UNINTERRUPTIBLE | TASK_NOLOAD)
#define TASK_NORMAL (TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE)

#define PF_EXITING 0x00000004u
#define PF_WQ_WORKER 0x00000020u
#define PF_NOFREEZE 0x00008000u
#define PF_KTHREAD 0x00200000u

#define TASK_COMM_LEN 16
#define MAX_SCHEDULE_TIMEOUT LONG_MAX
#define KMEM_MOST_HELD_LOCKS 48

struct cred;
struct mm_struct;
struct files_struct;
struct kmem_kthread;

/** A held lock in a task's list for lock checking. */
struct kmem_held_lock {
  unsigned long address, ip;
  unsigned int lock_class;
  unsigned char read, trylock, nested, hardirqs_off, softirqs_off, in_hardirq, in_softirq;
};

struct tty_struct {
  unsigned int kmem_dev;
};
struct signal_struct {
  struct tty_struct* tty; /* the terminal that controls the process; NULL */
};

struct task_struct {
  union {
    unsigned int __state;
    unsigned int state;
  };
  unsigned int flags;
  pid_t pid, tgid;
  char comm[TASK_COMM_LEN];
  int exit_code, exit_state;
  int prio, static_prio, normal_prio;
  struct mm_struct *mm, *active_mm;
  const struct cred *cred, *real_cred;
  struct task_struct *group_leader, *real_parent, *parent;
  struct files_struct* files;
  void* journal_info;
  struct signal_struct* signal;

  /* Internal to kmem. */
  struct signal_struct kmem_signal_struct;
  struct tty_struct kmem_tty;
  unsigned int kmem_usage;
  unsigned int kmem_known;  /* in the list of tasks */
  unsigned int kmem_parked; /* in schedule(), or outside: virtual time may go on */
  unsigned int kmem_timed_out;
  unsigned int kmem_forwards;   /* it makes the calls of another program */
  __UINT64_TYPE__ kmem_signals; /* bit n - 1: signal n is pending; bit 63: a handler ran meanwhile */
  __UINT64_TYPE__ kmem_allowed; /* of a kernel thread: accepted signals */
  unsigned long long kmem_deadline;
  struct task_struct* kmem_next;
  struct kmem_kthread* kmem_thread;
  void* kmem_wake_entry;
  int kmem_nice;
  unsigned int kmem_nr_held;
  struct kmem_held_lock kmem_held[KMEM_MOST_HELD_LOCKS];
};

KMEM_BEGIN_C

/** The calling task. Never NULL. */
KMEM_API struct task_struct* get_current(void) KMEM_DRIVER_NAME(get_current);

/* Of need_resched() and cond_resched(); the functions are libkmem's. */
KMEM_API int kmem_need_resched(void) KMEM_NOTHROW;
KMEM_API int kmem_cond_resched(const char* file, int line) KMEM_NOTHROW;
KMEM_API void kmem_begin_turn(void) KMEM_NOTHROW;

/** Sleeps until the task is woken, or a signal is pending that interrupts its state; returns at once if its state is
 *  TASK_RUNNING. */
KMEM_API void schedule(void) KMEM_DRIVER_NAME(schedule);
/** The same for at most so many ticks; returns those left, 0 if the time is over. MAX_SCHEDULE_TIMEOUT: no limit. */
KMEM_API long schedule_timeout(long ticks) KMEM_DRIVER_NAME(schedule_timeout);
KMEM_API long schedule_timeout_interruptible(long ticks) KMEM_DRIVER_NAME(schedule_timeout_interruptible);
KMEM_API long schedule_timeout_killable(long ticks) KMEM_DRIVER_NAME(schedule_timeout_killable);
KMEM_API long schedule_timeout_uninterruptible(long ticks) KMEM_DRIVER_NAME(schedule_timeout_uninterruptible);
KMEM_API long schedule_timeout_idle(long ticks) KMEM_DRIVER_NAME(schedule_timeout_idle);
static inline void io_schedule(void) { schedule(); }
static inline long io_schedule_timeout(long ticks) { return schedule_timeout(ticks); }
/** Lets others run. */
KMEM_API void yield(void) KMEM_DRIVER_NAME(yield);

/** 1: it slept, and was woken. 0: it was running already. */
KMEM_API int wake_up_process(struct task_struct* task) KMEM_DRIVER_NAME(wake_up_process);
/** The same if it sleeps in one of these states. */
KMEM_API int wake_up_state(struct task_struct* task, unsigned int state) KMEM_DRIVER_NAME(wake_up_state);

KMEM_API void get_task_struct_(struct task_struct* task) KMEM_DRIVER_NAME(get_task_struct_);
static inline struct task_struct* get_task_struct(struct task_struct* task) {
  get_task_struct_(task);
  return task;
}
KMEM_API void put_task_struct(struct task_struct* task) KMEM_DRIVER_NAME(put_task_struct);

static inline pid_t task_pid_nr(const struct task_struct* task) { return task->pid; }
static inline pid_t task_tgid_nr(const struct task_struct* task) { return task->tgid; }
static inline pid_t task_pid_vnr(const struct task_struct* task) { return task->pid; }
static inline pid_t task_tgid_vnr(const struct task_struct* task) { return task->tgid; }
KMEM_API char* kmem_driver_get_task_comm(char* buffer, size_t size, const struct task_struct* task) KMEM_NOTHROW;

/** Is a signal pending that the task accepts? A kernel thread accepts only those of allow_signal(). */
KMEM_API int signal_pending(const struct task_struct* task) KMEM_DRIVER_NAME(signal_pending);
/** SIGKILL. */
KMEM_API int fatal_signal_pending(const struct task_struct* task) KMEM_DRIVER_NAME(fatal_signal_pending);
static inline int signal_pending_state(unsigned int state, const struct task_struct* task) {
  if (!(state & (TASK_INTERRUPTIBLE | TASK_WAKEKILL)) || !signal_pending(task)) return 0;
  return (state & TASK_INTERRUPTIBLE) || fatal_signal_pending(task);
}
/** 0; -EINVAL for no signal.  The last argument is not used. */
KMEM_API int send_sig(int signal, struct task_struct* task, int privileged) KMEM_DRIVER_NAME(send_sig);
KMEM_API void flush_signals(struct task_struct* task) KMEM_DRIVER_NAME(flush_signals);
/** Called by a kernel thread: accept this signal from now on, or stop accepting it. */
KMEM_API void allow_signal(int signal) KMEM_DRIVER_NAME(allow_signal);
KMEM_API void disallow_signal(int signal) KMEM_DRIVER_NAME(disallow_signal);

/** -20 to 19.  Stored, and requested from the host; if the host refuses, its priority stays unchanged. */
KMEM_API void set_user_nice(struct task_struct* task, long nice) KMEM_DRIVER_NAME(set_user_nice);
static inline int task_nice(const struct task_struct* task) { return task->kmem_nice; }
/** Asks the host for a real-time priority, which hosts usually refuse without root. */
KMEM_API void sched_set_fifo(struct task_struct* task) KMEM_DRIVER_NAME(sched_set_fifo);
KMEM_API void sched_set_fifo_low(struct task_struct* task) KMEM_DRIVER_NAME(sched_set_fifo_low);
KMEM_API void sched_set_normal(struct task_struct* task, int nice) KMEM_DRIVER_NAME(sched_set_normal);

KMEM_END_C

/* C++ has std::source_location::current(); there it is get_current(). */
#if !defined(__cplusplus) && !defined(KMEM_NO_CURRENT)
#define current get_current()
#endif
#define get_task_comm(buffer, task) kmem_driver_get_task_comm(buffer, sizeof(buffer), task)
#define set_current_state(value) __atomic_store_n(&get_current()->__state, (value), __ATOMIC_SEQ_CST)
#define __set_current_state(value) __atomic_store_n(&get_current()->__state, (value), __ATOMIC_RELAXED)
#define get_current_state() __atomic_load_n(&get_current()->__state, __ATOMIC_RELAXED)
#define task_is_running(task) (__atomic_load_n(&(task)->__state, __ATOMIC_RELAXED) == TASK_RUNNING)

static inline void current_restore_flags(unsigned long saved, unsigned long flags) {
  struct task_struct* task = get_current();
  task->flags = (unsigned int)((task->flags & ~flags) | (saved & flags));
}

#ifndef HZ
#define HZ 1000
#endif

/** As libkmem's <linux/sched.h> has them: a task should let others run 4 ms after it first asked. */
#define need_resched() kmem_need_resched()
#define cond_resched() kmem_cond_resched(__FILE__, __LINE__)
/** <linux/spinlock.h> has the function. */
#define cond_resched_lock(lock) kmem_cond_resched_lock_(lock, __FILE__, __LINE__)
#endif
