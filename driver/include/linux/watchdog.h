/* Watchdogs: devices that restart the machine unless they are fed.  A driver registers its functions, and programs have
 * /dev/watchdog<n>, the first also as /dev/watchdog: who opens it starts it, who writes feeds it, who writes a V before closing
 * stops it (where the device says WDIOF_MAGICCLOSE); otherwise it runs on.  The ioctls are the system's.
 *
 * A device that cannot wait as long as the program's time-out (`max_hw_heartbeat_ms`), or one that cannot be stopped and that
 * nobody has opened, is fed by a work item meanwhile.
 *
 * Task context.  What differs: nothing restarts, so restart handlers and stopping at a restart are kept and not used; there are
 * no pretimeout governors: the event is logged, as by a kernel without them.
 * Meaning: the kernel's Documentation/watchdog/watchdog-kernel-api.rst. */
#if __has_include_next(<linux/watchdog.h>)
#include_next <linux/watchdog.h>
#endif

#ifndef KMEM_LINUX_WATCHDOG_H
#define KMEM_LINUX_WATCHDOG_H
#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/device.h>
#include <linux/notifier.h>

/* Whether a watchdog that was started can be stopped again, as a kernel without CONFIG_WATCHDOG_NOWAYOUT has it. */
#define WATCHDOG_NOWAYOUT 0
#define WATCHDOG_NOWAYOUT_INIT_STATUS 0

struct watchdog_device;
struct watchdog_info;

/** `start` is needed, and `stop` or `max_hw_heartbeat_ms`.  Without `ping`, `start` feeds. */
struct watchdog_ops {
  struct module* owner;
  int (*start)(struct watchdog_device* wdd);
  int (*stop)(struct watchdog_device* wdd);
  int (*ping)(struct watchdog_device* wdd);
  unsigned int (*status)(struct watchdog_device* wdd);
  int (*set_timeout)(struct watchdog_device* wdd, unsigned int seconds);
  int (*set_pretimeout)(struct watchdog_device* wdd, unsigned int seconds);
  unsigned int (*get_timeleft)(struct watchdog_device* wdd);
  int (*restart)(struct watchdog_device* wdd, unsigned long action, void* data);
  long (*ioctl)(struct watchdog_device* wdd, unsigned int command, unsigned long argument); /* -ENOIOCTLCMD: not mine */
};

struct kmem_watchdog;
/** Times are in seconds where nothing else is said; a limit of 0 is none. */
struct watchdog_device {
  int id;
  struct device* parent;
  const struct attribute_group** groups;
  const struct watchdog_info* info;
  const struct watchdog_ops* ops;
  unsigned int bootstatus;
  unsigned int timeout, pretimeout;
  unsigned int min_timeout, max_timeout;
  unsigned int min_hw_heartbeat_ms, max_hw_heartbeat_ms;
  void* driver_data;
  unsigned long status; /* bits, below */
  struct kmem_watchdog* wd_data;
};
#define WDOG_ACTIVE 0 /* a program has started it */
#define WDOG_NO_WAY_OUT 1
#define WDOG_STOP_ON_REBOOT 2
#define WDOG_HW_RUNNING 3 /* it runs, whoever has started it */
#define WDOG_STOP_ON_UNREGISTER 4

KMEM_BEGIN_C
/** 0; -EINVAL: no info, or functions that are needed are missing; -ENOMEM and so on. */
KMEM_API int watchdog_register_device(struct watchdog_device* wdd) KMEM_DRIVER_NAME(watchdog_register_device);
/** A program that still has it open gets -ENODEV from then on. */
KMEM_API void watchdog_unregister_device(struct watchdog_device* wdd) KMEM_DRIVER_NAME(watchdog_unregister_device);
KMEM_API int devm_watchdog_register_device(struct device* dev, struct watchdog_device* wdd)
    KMEM_DRIVER_NAME(devm_watchdog_register_device);
/** Takes `seconds` as the time-out; -EINVAL, and the time-out stays: it cannot be. 0: leaves it as it is. */
KMEM_API int watchdog_init_timeout(struct watchdog_device* wdd, unsigned int seconds, struct device* dev)
    KMEM_DRIVER_NAME(watchdog_init_timeout);
KMEM_API void watchdog_notify_pretimeout(struct watchdog_device* wdd) KMEM_DRIVER_NAME(watchdog_notify_pretimeout);
KMEM_END_C

static inline bool watchdog_active(struct watchdog_device* wdd) { return test_bit(WDOG_ACTIVE, &wdd->status); }
static inline bool watchdog_hw_running(struct watchdog_device* wdd) { return test_bit(WDOG_HW_RUNNING, &wdd->status); }
static inline void watchdog_set_nowayout(struct watchdog_device* wdd, bool nowayout) {
  if (nowayout) set_bit(WDOG_NO_WAY_OUT, &wdd->status);
}
static inline void watchdog_stop_on_reboot(struct watchdog_device* wdd) { set_bit(WDOG_STOP_ON_REBOOT, &wdd->status); }
static inline void watchdog_stop_on_unregister(struct watchdog_device* wdd) { set_bit(WDOG_STOP_ON_UNREGISTER, &wdd->status); }
/** Where the device is fed by the core, programs may choose longer times than it can wait. */
static inline bool watchdog_timeout_invalid(struct watchdog_device* wdd, unsigned int seconds) {
  return seconds > 0xffffffffU / 1000 || seconds < wdd->min_timeout ||
         (!wdd->max_hw_heartbeat_ms && wdd->max_timeout && seconds > wdd->max_timeout);
}
static inline bool watchdog_pretimeout_invalid(struct watchdog_device* wdd, unsigned int seconds) {
  return seconds && wdd->timeout && seconds >= wdd->timeout;
}
static inline void watchdog_set_drvdata(struct watchdog_device* wdd, void* data) { wdd->driver_data = data; }
static inline void* watchdog_get_drvdata(struct watchdog_device* wdd) { return wdd->driver_data; }
/** No effect: nothing restarts. */
static inline void watchdog_set_restart_priority(struct watchdog_device* wdd, int priority) { (void)wdd, (void)priority; }
#endif
