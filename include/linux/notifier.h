#ifndef KMEM_LINUX_NOTIFIER_H
#define KMEM_LINUX_NOTIFIER_H
/* Being told of what happens: the block that a caller registers, and what it may answer.
 *
 * Of the kernel's chains kmem has the one for being out of memory, in <linux/oom.h>. */
#include <kmem/c_face.h>

struct notifier_block;
typedef int (*notifier_fn_t)(struct notifier_block* block, unsigned long action, void* data);

/** Filled by its owner and registered; it stays the owner's, and stays where it is until it is unregistered. */
struct notifier_block {
  notifier_fn_t notifier_call;
  /** The kernel's link; not used. */
  struct notifier_block* next;
  /** The highest is called first. */
  int priority;
  /** kmem's own. */
  unsigned long kmem_room[4];
};

/** It was none of mine. */
#define NOTIFY_DONE 0x0000
/** Done, go on with the others. */
#define NOTIFY_OK 0x0001
/** The others are not called. */
#define NOTIFY_STOP_MASK 0x8000
#define NOTIFY_BAD (NOTIFY_STOP_MASK | 0x0002)
#define NOTIFY_STOP (NOTIFY_OK | NOTIFY_STOP_MASK)

#endif
