#ifndef KMEM_LINUX_WIN_MINMAX_H
#define KMEM_LINUX_WIN_MINMAX_H
/* The largest, or the smallest, of the samples within a window of time, of which three are kept.  Times only grow, and may
 * wrap.  The
 * caller has the lock; any context. */
#include <kmem/driver_face.h>
#include <linux/types.h>

struct minmax_sample {
  u32 t; /* when it was taken */
  u32 v;
};
/** The best, and the best of those after it; the newest is the last. */
struct minmax {
  struct minmax_sample s[3];
};

KMEM_BEGIN_C
static inline u32 minmax_get(const struct minmax* m) { return m->s[0].v; }
/** One sample alone. */
static inline u32 minmax_reset(struct minmax* m, u32 time, u32 value) {
  const struct minmax_sample only = {time, value};
  m->s[0] = m->s[1] = m->s[2] = only;
  return value;
}
/** A sample more; returns the best of the window. */
KMEM_API u32 minmax_running_max(struct minmax* m, u32 window, u32 time, u32 value) KMEM_DRIVER_NAME(minmax_running_max);
KMEM_API u32 minmax_running_min(struct minmax* m, u32 window, u32 time, u32 value) KMEM_DRIVER_NAME(minmax_running_min);
KMEM_END_C
#endif
