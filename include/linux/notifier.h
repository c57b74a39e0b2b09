#ifndef KMEM_LINUX_NOTIFIER_H
#define KMEM_LINUX_NOTIFIER_H
/* Notifiers: the block that a caller registers, and its return values.
 *
 * Of the kernel's notifier chains kmem has the out-of-memory one, in <linux/oom.h>. */
#include <kmem/c_face.h>

struct notifier_block;
typedef int (*notifier_fn_t)(struct notifier_block* block, unsigned long action, void* data);

/** Filled in by its owner and registered. The owner keeps it, and must not move it until it is unregistered. */
struct notifier_block {
  notifier_fn_t notifier_call;
  /** The kernel's link; not used. */
  struct notifier_block* next;
  /** The highest is called first. */
  int priority;
  /** kmem's own. */
  unsigned long kmem_room[4];
};

/** The notifier does not care. */
#define NOTIFY_DONE 0x0000
/** Handled; continue with the others. */
#define NOTIFY_OK 0x0001
/** Stop: the others are not called. */
#define NOTIFY_STOP_MASK 0x8000
#define NOTIFY_BAD (NOTIFY_STOP_MASK | 0x0002)
#define NOTIFY_STOP (NOTIFY_OK | NOTIFY_STOP_MASK)

#endif
