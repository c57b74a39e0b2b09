#ifndef KMEM_LINUX_DEV_PRINTK_H
#define KMEM_LINUX_DEV_PRINTK_H
/* Messages about a device: in front of the text stand its driver's or bus's name and its own.
 * Any context.  Meaning: the kernel's <linux/dev_printk.h>. */
#include <linux/printk.h>

#ifndef dev_fmt
#define dev_fmt(format) format
#endif

KMEM_BEGIN_C
/** dev may be NULL. */
KMEM_API void kmem_driver_dev_printk(const char* level, const struct device* dev, const char* format, ...)
    KMEM_PRINTF_LIKE(3, 4);
/** Logs an error, at debug level if it is -EPROBE_DEFER; returns it. */
KMEM_API int dev_err_probe(const struct device* dev, int error, const char* format, ...) KMEM_DRIVER_NAME(dev_err_probe)
    KMEM_PRINTF_LIKE(3, 4);
KMEM_END_C

#define dev_printk(level, dev, ...) kmem_driver_dev_printk(level, dev, __VA_ARGS__)
#define KMEM_DEV_ONE_(level, dev, format) kmem_driver_dev_printk(level, dev, dev_fmt(format))
#define KMEM_DEV_MORE_(level, dev, format, ...) kmem_driver_dev_printk(level, dev, dev_fmt(format), __VA_ARGS__)
#define KMEM_DEV_(level, dev, ...) KMEM_PR_BY_COUNT_(KMEM_DEV_ONE_, KMEM_DEV_MORE_, __VA_ARGS__)(level, dev, __VA_ARGS__)
#define dev_emerg(dev, ...) KMEM_DEV_(KERN_EMERG, dev, __VA_ARGS__)
#define dev_alert(dev, ...) KMEM_DEV_(KERN_ALERT, dev, __VA_ARGS__)
#define dev_crit(dev, ...) KMEM_DEV_(KERN_CRIT, dev, __VA_ARGS__)
#define dev_err(dev, ...) KMEM_DEV_(KERN_ERR, dev, __VA_ARGS__)
#define dev_warn(dev, ...) KMEM_DEV_(KERN_WARNING, dev, __VA_ARGS__)
#define dev_notice(dev, ...) KMEM_DEV_(KERN_NOTICE, dev, __VA_ARGS__)
#define dev_info(dev, ...) KMEM_DEV_(KERN_INFO, dev, __VA_ARGS__)
#define KMEM_DEV_DEBUG_ONE_(dev, format) KMEM_DEBUG_IF_(dev, format, dev_fmt(format))
#define KMEM_DEV_DEBUG_MORE_(dev, format, ...) KMEM_DEBUG_IF_(dev, format, dev_fmt(format), __VA_ARGS__)
#define dev_dbg(dev, ...) KMEM_PR_BY_COUNT_(KMEM_DEV_DEBUG_ONE_, KMEM_DEV_DEBUG_MORE_, __VA_ARGS__)(dev, __VA_ARGS__)
#ifdef VERBOSE_DEBUG
#define dev_vdbg(dev, ...) dev_dbg(dev, __VA_ARGS__)
#else
#define dev_vdbg(dev, ...) ((void)(dev), no_printk(__VA_ARGS__))
#endif
#define dev_emerg_once(dev, ...) KMEM_ONCE_(dev_emerg(dev, __VA_ARGS__))
#define dev_err_once(dev, ...) KMEM_ONCE_(dev_err(dev, __VA_ARGS__))
#define dev_warn_once(dev, ...) KMEM_ONCE_(dev_warn(dev, __VA_ARGS__))
#define dev_notice_once(dev, ...) KMEM_ONCE_(dev_notice(dev, __VA_ARGS__))
#define dev_info_once(dev, ...) KMEM_ONCE_(dev_info(dev, __VA_ARGS__))
#define dev_dbg_once(dev, ...) KMEM_ONCE_(dev_dbg(dev, __VA_ARGS__))
#define dev_emerg_ratelimited(dev, ...) KMEM_LIMITED_(dev_emerg(dev, __VA_ARGS__))
#define dev_err_ratelimited(dev, ...) KMEM_LIMITED_(dev_err(dev, __VA_ARGS__))
#define dev_warn_ratelimited(dev, ...) KMEM_LIMITED_(dev_warn(dev, __VA_ARGS__))
#define dev_notice_ratelimited(dev, ...) KMEM_LIMITED_(dev_notice(dev, __VA_ARGS__))
#define dev_info_ratelimited(dev, ...) KMEM_LIMITED_(dev_info(dev, __VA_ARGS__))
#define dev_dbg_ratelimited(dev, ...) KMEM_LIMITED_(dev_dbg(dev, __VA_ARGS__))
#define dev_WARN(dev, ...) WARN(1, __VA_ARGS__)
#define dev_WARN_ONCE(dev, condition, ...) WARN_ONCE(condition, __VA_ARGS__)

#endif
