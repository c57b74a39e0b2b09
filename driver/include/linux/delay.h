#ifndef KMEM_LINUX_DELAY_H
#define KMEM_LINUX_DELAY_H
/* Waiting for some time: the msleep() kind sleeps, the udelay() kind computes meanwhile.  On virtual time neither takes any.
 * Meaning: the kernel's Documentation/timers/delay_sleep_functions.rst. */
#include <kmem/driver_face.h>
#include <linux/jiffies.h>
#include <linux/sched.h>

KMEM_BEGIN_C
/** At least so long, whatever signals come.  May sleep. */
KMEM_API void msleep(unsigned int ms) KMEM_DRIVER_NAME(msleep);
/** A signal ends it; returns the milliseconds that are left. */
KMEM_API unsigned long msleep_interruptible(unsigned int ms) KMEM_DRIVER_NAME(msleep_interruptible);
KMEM_API void usleep_range_state(unsigned long least, unsigned long most, unsigned int state)
    KMEM_DRIVER_NAME(usleep_range_state);
static inline void usleep_range(unsigned long least, unsigned long most) {
  usleep_range_state(least, most, TASK_UNINTERRUPTIBLE);
}
static inline void usleep_idle_range(unsigned long least, unsigned long most) { usleep_range_state(least, most, TASK_IDLE); }
static inline void ssleep(unsigned int seconds) { msleep(seconds * 1000); }
static inline void fsleep(unsigned long us) { usleep_range(us, us + us / 4); }
/** Any context. */
KMEM_API void ndelay(unsigned long ns) KMEM_DRIVER_NAME(ndelay);
static inline void udelay(unsigned long us) { ndelay(us * 1000); }
static inline void mdelay(unsigned long ms) { ndelay(ms * 1000000); }
static inline void __udelay(unsigned long us) { udelay(us); }
KMEM_END_C
#endif
