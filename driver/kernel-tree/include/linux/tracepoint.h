#ifndef KMEM_TREE_LINUX_TRACEPOINT_H
#define KMEM_TREE_LINUX_TRACEPOINT_H
/* Trace points that are never on, as in a kernel without CONFIG_TRACEPOINTS: trace_NAME() takes its arguments and does
 * nothing. */
#include <linux/types.h>
#define TP_PROTO(...) __VA_ARGS__
#define TP_ARGS(...) __VA_ARGS__
#define TP_STRUCT__entry(...)
#define TP_fast_assign(...)
#define TP_printk(...)
#define TP_CONDITION(...) __VA_ARGS__
#define PARAMS(...) __VA_ARGS__
#define DECLARE_TRACE(name, proto, args)                                                  \
  static inline void trace_##name(proto) {}                                               \
  static inline void trace_##name##_rcuidle(proto) {}                                     \
  static inline bool trace_##name##_enabled(void) { return false; }                       \
  static inline int register_trace_##name(void (*probe)(void* data, proto), void* data) { \
    (void)probe, (void)data;                                                              \
    return -38; /* ENOSYS */                                                              \
  }
#define TRACE_EVENT(name, proto, args, ...) DECLARE_TRACE(name, PARAMS(proto), PARAMS(args))
#define TRACE_EVENT_FN(name, proto, args, ...) DECLARE_TRACE(name, PARAMS(proto), PARAMS(args))
#define TRACE_EVENT_CONDITION(name, proto, args, ...) DECLARE_TRACE(name, PARAMS(proto), PARAMS(args))
#define DECLARE_EVENT_CLASS(name, ...)
#define DEFINE_EVENT(class, name, proto, args) DECLARE_TRACE(name, PARAMS(proto), PARAMS(args))
#define DEFINE_EVENT_PRINT(class, name, proto, args, ...) DECLARE_TRACE(name, PARAMS(proto), PARAMS(args))
#define DEFINE_EVENT_CONDITION(class, name, proto, args, ...) DECLARE_TRACE(name, PARAMS(proto), PARAMS(args))
#define EXPORT_TRACEPOINT_SYMBOL(name) struct kmem_no_tracepoint
#define EXPORT_TRACEPOINT_SYMBOL_GPL(name) struct kmem_no_tracepoint
#define TRACE_DEFINE_ENUM(name)
#define tracepoint_string(text) (text)
#define tracepoint_enabled(name) false
#define tracepoint_synchronize_unregister() ((void)0)
#endif
