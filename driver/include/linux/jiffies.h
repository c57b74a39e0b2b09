#ifndef KMEM_LINUX_JIFFIES_H
#define KMEM_LINUX_JIFFIES_H
/* The clock in ticks, HZ of them a second.  It begins five minutes before 32 bits of it overflow, as the kernel's does.
 * Asked for again and again, virtual time goes on by a microsecond each time, so that loops which wait for it end.
 * Any context.  Meaning: the kernel's <linux/jiffies.h>. */
#include <kmem/driver_face.h>
#include <limits.h>
#include <linux/types.h>

#ifndef HZ
#define HZ 1000
#endif
#define USER_HZ 100
#define MAX_JIFFY_OFFSET ((LONG_MAX >> 1) - 1)
#define INITIAL_JIFFIES ((unsigned long)(unsigned int)(-300 * HZ))
#define TICK_NSEC (1000000000L / HZ)

KMEM_BEGIN_C
KMEM_API unsigned long kmem_driver_jiffies(void) KMEM_NOTHROW;
KMEM_API extern volatile unsigned long kmem_driver_jiffies_now;
/** 1: kmem_driver_jiffies_now is kept up to date from now on; 0: this user needs it no more. */
KMEM_API void kmem_driver_jiffies_wanted(int wanted) KMEM_NOTHROW;
static inline u64 get_jiffies_64(void) { return kmem_driver_jiffies(); }
/** Rounded up to ticks; MAX_JIFFY_OFFSET for what is negative as an int, or too much. */
static inline unsigned long msecs_to_jiffies(unsigned int ms) {
  return (int)ms < 0 ? MAX_JIFFY_OFFSET : (unsigned long)(((unsigned long long)ms * HZ + 999) / 1000);
}
static inline unsigned long usecs_to_jiffies(unsigned int us) {
  return (unsigned long)(((unsigned long long)us * HZ + 999999) / 1000000);
}
static inline unsigned long nsecs_to_jiffies(u64 ns) { return (unsigned long)(ns / TICK_NSEC); }
static inline u64 nsecs_to_jiffies64(u64 ns) { return ns / TICK_NSEC; }
static inline unsigned int jiffies_to_msecs(unsigned long ticks) { return (unsigned int)((ticks * 1000 + HZ - 1) / HZ); }
static inline unsigned int jiffies_to_usecs(unsigned long ticks) { return (unsigned int)(ticks * (1000000 / HZ)); }
static inline u64 jiffies_to_nsecs(unsigned long ticks) { return (u64)ticks * TICK_NSEC; }
static inline u64 jiffies64_to_nsecs(u64 ticks) { return ticks * TICK_NSEC; }
static inline clock_t jiffies_to_clock_t(unsigned long ticks) { return (clock_t)(ticks / (HZ / USER_HZ)); }
static inline unsigned long clock_t_to_jiffies(unsigned long ticks) { return ticks * (HZ / USER_HZ); }
/** To a whole second, for what needs no exact time; never to the past. */
KMEM_API unsigned long round_jiffies(unsigned long ticks) KMEM_DRIVER_NAME(round_jiffies);
KMEM_API unsigned long round_jiffies_relative(unsigned long ticks) KMEM_DRIVER_NAME(round_jiffies_relative);
KMEM_API unsigned long round_jiffies_up(unsigned long ticks) KMEM_DRIVER_NAME(round_jiffies_up);
static inline unsigned long __round_jiffies(unsigned long ticks, int cpu) { return (void)cpu, round_jiffies(ticks); }
KMEM_END_C

#ifdef KMEM_JIFFIES_VARIABLE
/* For drivers that give the name to something of their own, such as a member: a variable, which a thread keeps up to date while
 * a module that was compiled so is loaded.  In virtual time the clock then advances by a tick each millisecond. */
static __attribute__((__constructor__)) void kmem_begin_jiffies(void) { kmem_driver_jiffies_wanted(1); }
static __attribute__((__destructor__)) void kmem_end_jiffies(void) { kmem_driver_jiffies_wanted(0); }
#define jiffies kmem_driver_jiffies_now
#else
#define jiffies kmem_driver_jiffies()
#endif
#define jiffies_64 get_jiffies_64()

/** Right across an overflow, as long as the two are not half the range apart. */
#define time_after(a, b) ((long)((unsigned long)(b) - (unsigned long)(a)) < 0)
#define time_before(a, b) time_after(b, a)
#define time_after_eq(a, b) ((long)((unsigned long)(a) - (unsigned long)(b)) >= 0)
#define time_before_eq(a, b) time_after_eq(b, a)
#define time_in_range(a, b, c) (time_after_eq(a, b) && time_before_eq(a, c))
#define time_in_range_open(a, b, c) (time_after_eq(a, b) && time_before(a, c))
#define time_after64(a, b) ((s64)((u64)(b) - (u64)(a)) < 0)
#define time_before64(a, b) time_after64(b, a)
#define time_after_eq64(a, b) ((s64)((u64)(a) - (u64)(b)) >= 0)
#define time_before_eq64(a, b) time_after_eq64(b, a)
#define time_is_before_jiffies(a) time_after(jiffies, a)
#define time_is_after_jiffies(a) time_before(jiffies, a)
#define time_is_before_eq_jiffies(a) time_after_eq(jiffies, a)
#define time_is_after_eq_jiffies(a) time_before_eq(jiffies, a)

#endif
