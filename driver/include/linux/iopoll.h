#ifndef KMEM_LINUX_IOPOLL_H
#define KMEM_LINUX_IOPOLL_H
/* Asks a register again and again until a condition holds or a time-out is over: 0 or -ETIMEDOUT, with the value last read.
 * Meaning: the kernel's <linux/iopoll.h>. */
#include <asm/io.h>
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/ktime.h>

#define KMEM_POLL_(op, val, condition, pause, timeout_us, ...)            \
  __extension__({                                                         \
    const u64 kmem_limit = (u64)(timeout_us);                             \
    const ktime_t kmem_end = ktime_add_us(ktime_get(), kmem_limit);       \
    int kmem_late;                                                        \
    for (;;) {                                                            \
      kmem_late = kmem_limit && ktime_compare(ktime_get(), kmem_end) > 0; \
      (val) = op(__VA_ARGS__);                                            \
      if ((condition) || kmem_late) break;                                \
      pause;                                                              \
    }                                                                     \
    (condition) ? 0 : -ETIMEDOUT;                                         \
  })
#define read_poll_timeout(op, val, condition, sleep_us, timeout_us, sleep_first, ...)                                         \
  __extension__({                                                                                                             \
    const unsigned long kmem_pause = (unsigned long)(sleep_us);                                                               \
    if ((sleep_first) && kmem_pause) usleep_range((kmem_pause >> 2) + 1, kmem_pause);                                         \
    KMEM_POLL_(op, val, condition, if (kmem_pause) usleep_range((kmem_pause >> 2) + 1, kmem_pause), timeout_us, __VA_ARGS__); \
  })
#define read_poll_timeout_atomic(op, val, condition, delay_us, timeout_us, delay_first, ...)     \
  __extension__({                                                                                \
    const unsigned long kmem_pause = (unsigned long)(delay_us);                                  \
    if ((delay_first) && kmem_pause) udelay(kmem_pause);                                         \
    KMEM_POLL_(op, val, condition, if (kmem_pause) udelay(kmem_pause), timeout_us, __VA_ARGS__); \
  })
#define readx_poll_timeout(op, addr, val, condition, sleep_us, timeout_us) \
  read_poll_timeout(op, val, condition, sleep_us, timeout_us, false, addr)
#define readx_poll_timeout_atomic(op, addr, val, condition, delay_us, timeout_us) \
  read_poll_timeout_atomic(op, val, condition, delay_us, timeout_us, false, addr)
#define readb_poll_timeout(addr, ...) readx_poll_timeout(readb, addr, __VA_ARGS__)
#define readw_poll_timeout(addr, ...) readx_poll_timeout(readw, addr, __VA_ARGS__)
#define readl_poll_timeout(addr, ...) readx_poll_timeout(readl, addr, __VA_ARGS__)
#define readq_poll_timeout(addr, ...) readx_poll_timeout(readq, addr, __VA_ARGS__)
#define readl_poll_timeout_atomic(addr, ...) readx_poll_timeout_atomic(readl, addr, __VA_ARGS__)
#endif
