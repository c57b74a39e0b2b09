#ifndef KMEM_PR_LEVELS_H
#define KMEM_PR_LEVELS_H
/* pr_err() and related macros, for both versions of <linux/printk.h>, which define the printk() that they call. */
#include <linux/kern_levels.h>

#ifndef pr_fmt
#define pr_fmt(format) format
#endif
/* pr_fmt() gets the format alone, so the macros must know whether arguments follow it: up to 16. */
#define KMEM_PR_ONE_(level, format) printk(level pr_fmt(format))
#define KMEM_PR_MORE_(level, format, ...) printk(level pr_fmt(format), __VA_ARGS__)
#define KMEM_PR_PICK_(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, name, ...) name
#define KMEM_PR_BY_COUNT_(one, more, ...) \
  KMEM_PR_PICK_(__VA_ARGS__, more, more, more, more, more, more, more, more, more, more, more, more, more, more, more, one, 0)
#define KMEM_PR_(level, ...) KMEM_PR_BY_COUNT_(KMEM_PR_ONE_, KMEM_PR_MORE_, __VA_ARGS__)(level, __VA_ARGS__)

#define pr_emerg(...) KMEM_PR_(KERN_EMERG, __VA_ARGS__)
#define pr_alert(...) KMEM_PR_(KERN_ALERT, __VA_ARGS__)
#define pr_crit(...) KMEM_PR_(KERN_CRIT, __VA_ARGS__)
#define pr_err(...) KMEM_PR_(KERN_ERR, __VA_ARGS__)
#define pr_warn(...) KMEM_PR_(KERN_WARNING, __VA_ARGS__)
#define pr_notice(...) KMEM_PR_(KERN_NOTICE, __VA_ARGS__)
#define pr_info(...) KMEM_PR_(KERN_INFO, __VA_ARGS__)
/** Continues the last message. */
#define pr_cont(...) printk(KERN_CONT __VA_ARGS__)

#endif
