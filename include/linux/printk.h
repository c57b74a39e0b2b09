#ifndef KMEM_LINUX_PRINTK_H
#define KMEM_LINUX_PRINTK_H
/* Messages to kmem's log: in a process its standard error, or where KMEM's boot words send it.
 * Any context; allocates nothing.  A message is at most 1024 characters, the rest is cut. */
#include <kmem/c_face.h>

/* The level of a message, in front of its text.  It is not printed. */
#define KERN_SOH "\001"
#define KERN_EMERG KERN_SOH "0"
#define KERN_ALERT KERN_SOH "1"
#define KERN_CRIT KERN_SOH "2"
#define KERN_ERR KERN_SOH "3"
#define KERN_WARNING KERN_SOH "4"
#define KERN_NOTICE KERN_SOH "5"
#define KERN_INFO KERN_SOH "6"
#define KERN_DEBUG KERN_SOH "7"
#define KERN_DEFAULT ""
/** Goes on where the last message ended: nothing is put in front of it. */
#define KERN_CONT KERN_SOH "c"

KMEM_BEGIN_C

/** Conversions: %d %i %u %x %X %o %c %s %p with flags, width, precision and lengths.  The number of characters. */
KMEM_API int printk(const char* format, ...) KMEM_PRINTF_LIKE(1, 2);

KMEM_END_C

#ifndef pr_fmt
#define pr_fmt(format) format
#endif
/* pr_fmt() is asked for the format alone, which takes knowing whether anything follows it: up to 16 arguments. */
#define KMEM_PR_ONE_(level, format) printk(level pr_fmt(format))
#define KMEM_PR_MORE_(level, format, ...) printk(level pr_fmt(format), __VA_ARGS__)
#define KMEM_PR_PICK_(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, name, ...) name
#define KMEM_PR_(level, ...)                                                                                           \
  KMEM_PR_PICK_(__VA_ARGS__, KMEM_PR_MORE_, KMEM_PR_MORE_, KMEM_PR_MORE_, KMEM_PR_MORE_, KMEM_PR_MORE_, KMEM_PR_MORE_, \
                KMEM_PR_MORE_, KMEM_PR_MORE_, KMEM_PR_MORE_, KMEM_PR_MORE_, KMEM_PR_MORE_, KMEM_PR_MORE_,              \
                KMEM_PR_MORE_, KMEM_PR_MORE_, KMEM_PR_MORE_, KMEM_PR_ONE_, 0)                                          \
  (level, __VA_ARGS__)

#define pr_emerg(...) KMEM_PR_(KERN_EMERG, __VA_ARGS__)
#define pr_alert(...) KMEM_PR_(KERN_ALERT, __VA_ARGS__)
#define pr_crit(...) KMEM_PR_(KERN_CRIT, __VA_ARGS__)
#define pr_err(...) KMEM_PR_(KERN_ERR, __VA_ARGS__)
#define pr_warn(...) KMEM_PR_(KERN_WARNING, __VA_ARGS__)
#define pr_notice(...) KMEM_PR_(KERN_NOTICE, __VA_ARGS__)
#define pr_info(...) KMEM_PR_(KERN_INFO, __VA_ARGS__)
#define pr_cont(...) printk(KERN_CONT __VA_ARGS__)

#endif
