#ifndef KMEM_LINUX_PRINTK_H
#define KMEM_LINUX_PRINTK_H
/* Messages with levels, kept in a log (kmem_driver_log() of <kmem/driver.h>); those whose level is below console_loglevel, 7
 * unless it is changed, are written out too.  pr_debug() and dev_dbg() are dynamic debug: off unless DEBUG is defined where
 * they are compiled, or kmem_driver_debug() switches the place on.
 *
 * The kernel's conversions: %pe %pS %ps %pB %pV %pM %pm %pI4 %pi4 %pI6 %pI6c %pU[bBlL] %ph[CDN] %*pb[l] %pa[pd] %pr %pR %px
 * %pK.
 * %p is the address, not a hash of it.  Any context.
 * Meaning: the kernel's Documentation/core-api/printk-basics.rst and printk-formats.rst. */
#include <kmem/driver_face.h>
#include <kmem/pr_levels.h>
#include <linux/build_bug.h>
#include <linux/ratelimit.h>
#include <linux/types.h>
#include <stdarg.h>

#ifndef KBUILD_MODNAME
#define KBUILD_MODNAME "driver"
#endif

/** The argument of %pV. */
struct va_format {
  const char* fmt;
  va_list* va;
};

/** A call site of a debug message; internal to kmem. */
struct kmem_debug_site {
  const char *module, *function, *file, *format;
  unsigned int line;
  unsigned int flags; /* KMEM_DEBUG_... */
};
#define KMEM_DEBUG_PRINT 1u
#define KMEM_DEBUG_MODULE 2u
#define KMEM_DEBUG_FUNCTION 4u
#define KMEM_DEBUG_LINE 8u
#define KMEM_DEBUG_THREAD 16u
#define KMEM_DEBUG_FILE 32u
#ifdef DEBUG
#define KMEM_DEBUG_AT_FIRST KMEM_DEBUG_PRINT
#else
#define KMEM_DEBUG_AT_FIRST 0u
#endif

struct device;

KMEM_BEGIN_C

/** Returns the number of characters. */
KMEM_API int printk(const char* format, ...) KMEM_DRIVER_NAME(printk) KMEM_PRINTF_LIKE(1, 2);
KMEM_API int vprintk(const char* format, va_list arguments) KMEM_DRIVER_NAME(vprintk) KMEM_PRINTF_LIKE(1, 0);
/** True if one more message is within the limit that all callers share. */
KMEM_API int __printk_ratelimit(const char* function) KMEM_DRIVER_NAME(__printk_ratelimit);
/** Messages whose level is below this are written out. */
extern KMEM_API int kmem_console_loglevel;
#define console_loglevel kmem_console_loglevel

KMEM_API void kmem_driver_debug_print(const struct kmem_debug_site* site, const struct device* dev, const char* format, ...)
    KMEM_PRINTF_LIKE(3, 4);
KMEM_API void kmem_driver_note_debug_sites(struct kmem_debug_site* first, struct kmem_debug_site* end) KMEM_NOTHROW;

/** The calling task and its call trace, into the log. */
KMEM_API void dump_stack(void) KMEM_DRIVER_NAME(dump_stack);

enum { DUMP_PREFIX_NONE, DUMP_PREFIX_ADDRESS, DUMP_PREFIX_OFFSET };
/** Formats one line of at most 16 or 32 bytes; returns the length that it has, or would need. */
KMEM_API int hex_dump_to_buffer(const void* bytes, size_t length, int per_line, int group, char* line, size_t line_size,
                                bool ascii) KMEM_DRIVER_NAME(hex_dump_to_buffer);
KMEM_API void print_hex_dump(const char* level, const char* prefix, int prefix_type, int per_line, int group, const void* bytes,
                             size_t length, bool ascii) KMEM_DRIVER_NAME(print_hex_dump);

/** The same conversions into memory; returns the length that the text has, or would have. */
KMEM_API int kmem_driver_vsnprintf(char* buffer, size_t size, const char* format, va_list arguments) KMEM_NOTHROW
    KMEM_PRINTF_LIKE(3, 0);

KMEM_END_C

#define pr_warning(...) pr_warn(__VA_ARGS__)
#define printk_deferred(...) printk(__VA_ARGS__)
/** Type-checked by the compiler, and never printed. */
#define no_printk(...)          \
  __extension__({               \
    if (0) printk(__VA_ARGS__); \
    0;                          \
  })
#ifdef DEBUG
#define pr_devel(...) KMEM_PR_(KERN_DEBUG, __VA_ARGS__)
#else
#define pr_devel(...) no_printk(__VA_ARGS__)
#endif

/* A section of its own, so that all places of a program or a shared object can be found. */
#define KMEM_DEBUG_SITE_(format_text)                                                                \
  static struct kmem_debug_site __attribute__((__section__("kmem_debug"), __used__, __aligned__(8))) \
  kmem_site = {KBUILD_MODNAME, __func__, __FILE__, format_text, __LINE__, KMEM_DEBUG_AT_FIRST}
#define KMEM_DEBUG_IF_(dev, format, ...)                                                             \
  do {                                                                                               \
    KMEM_DEBUG_SITE_(format);                                                                        \
    if (__builtin_expect(__atomic_load_n(&kmem_site.flags, __ATOMIC_RELAXED) & KMEM_DEBUG_PRINT, 0)) \
      kmem_driver_debug_print(&kmem_site, dev, __VA_ARGS__);                                         \
  } while (0)
#define KMEM_PR_DEBUG_ONE_(format) KMEM_DEBUG_IF_(NULL, format, pr_fmt(format))
#define KMEM_PR_DEBUG_MORE_(format, ...) KMEM_DEBUG_IF_(NULL, format, pr_fmt(format), __VA_ARGS__)
#define pr_debug(...) KMEM_PR_BY_COUNT_(KMEM_PR_DEBUG_ONE_, KMEM_PR_DEBUG_MORE_, __VA_ARGS__)(__VA_ARGS__)
#define dynamic_pr_debug(...) pr_debug(__VA_ARGS__)

#define KMEM_ONCE_(call)                                             \
  __extension__({                                                    \
    static char kmem_once;                                           \
    if (!__atomic_exchange_n(&kmem_once, 1, __ATOMIC_RELAXED)) call; \
  })
#define KMEM_LIMITED_(call)                                                                         \
  __extension__({                                                                                   \
    static DEFINE_RATELIMIT_STATE(kmem_limit, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST); \
    if (__ratelimit(&kmem_limit)) call;                                                             \
  })
#define printk_once(...) KMEM_ONCE_(printk(__VA_ARGS__))
#define printk_ratelimited(...) KMEM_LIMITED_(printk(__VA_ARGS__))
#define printk_ratelimit() __printk_ratelimit(__func__)
#define pr_emerg_once(...) KMEM_ONCE_(pr_emerg(__VA_ARGS__))
#define pr_alert_once(...) KMEM_ONCE_(pr_alert(__VA_ARGS__))
#define pr_crit_once(...) KMEM_ONCE_(pr_crit(__VA_ARGS__))
#define pr_err_once(...) KMEM_ONCE_(pr_err(__VA_ARGS__))
#define pr_warn_once(...) KMEM_ONCE_(pr_warn(__VA_ARGS__))
#define pr_notice_once(...) KMEM_ONCE_(pr_notice(__VA_ARGS__))
#define pr_info_once(...) KMEM_ONCE_(pr_info(__VA_ARGS__))
#define pr_debug_once(...) KMEM_ONCE_(pr_debug(__VA_ARGS__))
#define pr_emerg_ratelimited(...) KMEM_LIMITED_(pr_emerg(__VA_ARGS__))
#define pr_alert_ratelimited(...) KMEM_LIMITED_(pr_alert(__VA_ARGS__))
#define pr_crit_ratelimited(...) KMEM_LIMITED_(pr_crit(__VA_ARGS__))
#define pr_err_ratelimited(...) KMEM_LIMITED_(pr_err(__VA_ARGS__))
#define pr_warn_ratelimited(...) KMEM_LIMITED_(pr_warn(__VA_ARGS__))
#define pr_notice_ratelimited(...) KMEM_LIMITED_(pr_notice(__VA_ARGS__))
#define pr_info_ratelimited(...) KMEM_LIMITED_(pr_info(__VA_ARGS__))
#define pr_debug_ratelimited(...) KMEM_LIMITED_(pr_debug(__VA_ARGS__))

#define print_hex_dump_bytes(prefix, prefix_type, bytes, length) \
  print_hex_dump(KERN_DEBUG, prefix, prefix_type, 16, 1, bytes, length, true)
#define print_hex_dump_debug(prefix, prefix_type, per_line, group, bytes, length, ascii)      \
  do {                                                                                        \
    KMEM_DEBUG_SITE_("hexdump");                                                              \
    if (__atomic_load_n(&kmem_site.flags, __ATOMIC_RELAXED) & KMEM_DEBUG_PRINT)               \
      print_hex_dump(KERN_DEBUG, prefix, prefix_type, per_line, group, bytes, length, ascii); \
  } while (0)

#endif
