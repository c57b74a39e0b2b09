#ifndef KMEM_LINUX_PM_H
#define KMEM_LINUX_PM_H
/* Power management callbacks of a driver. A process does not suspend: the functions are compiled, and never called.
 * Meaning: the kernel's <linux/pm.h>. */
#include <linux/completion.h>
#include <linux/types.h>

struct device;
typedef struct pm_message {
  int event;
} pm_message_t;

struct dev_pm_ops {
  int (*prepare)(struct device* dev);
  void (*complete)(struct device* dev);
  int (*suspend)(struct device* dev);
  int (*resume)(struct device* dev);
  int (*freeze)(struct device* dev);
  int (*thaw)(struct device* dev);
  int (*poweroff)(struct device* dev);
  int (*restore)(struct device* dev);
  int (*suspend_late)(struct device* dev);
  int (*resume_early)(struct device* dev);
  int (*suspend_noirq)(struct device* dev);
  int (*resume_noirq)(struct device* dev);
  int (*runtime_suspend)(struct device* dev);
  int (*runtime_resume)(struct device* dev);
  int (*runtime_idle)(struct device* dev);
};

#define SYSTEM_SLEEP_PM_OPS(suspend_it, resume_it)                                                                       \
  .suspend = (suspend_it), .resume = (resume_it), .freeze = (suspend_it), .thaw = (resume_it), .poweroff = (suspend_it), \
  .restore = (resume_it),
#define RUNTIME_PM_OPS(suspend_it, resume_it, idle_it) \
  .runtime_suspend = (suspend_it), .runtime_resume = (resume_it), .runtime_idle = (idle_it),
#define SET_SYSTEM_SLEEP_PM_OPS(suspend_it, resume_it) SYSTEM_SLEEP_PM_OPS(suspend_it, resume_it)
#define SET_RUNTIME_PM_OPS(suspend_it, resume_it, idle_it) RUNTIME_PM_OPS(suspend_it, resume_it, idle_it)
#define DEFINE_SIMPLE_DEV_PM_OPS(name, suspend_it, resume_it) \
  const struct dev_pm_ops name = {SYSTEM_SLEEP_PM_OPS(suspend_it, resume_it)}
#define SIMPLE_DEV_PM_OPS(name, suspend_it, resume_it) \
  const struct dev_pm_ops __maybe_unused name = {SYSTEM_SLEEP_PM_OPS(suspend_it, resume_it)}
#define pm_ptr(operations) (operations)
#define pm_sleep_ptr(operations) (operations)
#define PMSG_SUSPEND ((struct pm_message){0x0002})
#define PMSG_ON ((struct pm_message){0x0000})
#endif
