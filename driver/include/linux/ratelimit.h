#ifndef KMEM_LINUX_RATELIMIT_H
#define KMEM_LINUX_RATELIMIT_H
/* Allows at most `burst` events in `interval` ticks.  Any context.  Meaning: the kernel's <linux/ratelimit.h>. */
#include <kmem/driver_face.h>
#include <linux/types.h>

#define DEFAULT_RATELIMIT_INTERVAL (5 * 1000)
#define DEFAULT_RATELIMIT_BURST 10
#define RATELIMIT_MSG_ON_RELEASE 1ul

struct ratelimit_state {
  int interval; /* ticks; 0: no limit */
  int burst;
  int printed;
  int missed;
  unsigned long long kmem_begin; /* of the interval, in ns; 0: none has begun */
  unsigned int kmem_busy;
  unsigned long flags;
};
#define RATELIMIT_STATE_INIT_FLAGS(name, interval_ticks, most, more) \
  { interval_ticks, most, 0, 0, 0, 0, more }
#define RATELIMIT_STATE_INIT(name, interval_ticks, most) RATELIMIT_STATE_INIT_FLAGS(name, interval_ticks, most, 0)
#define DEFINE_RATELIMIT_STATE(name, interval_ticks, most) \
  struct ratelimit_state name = RATELIMIT_STATE_INIT(name, interval_ticks, most)

KMEM_BEGIN_C

/** 1: allowed. 0: too many; the next interval begins with a message that says how many of `function` were suppressed. */
KMEM_API int ___ratelimit(struct ratelimit_state* state, const char* function) KMEM_DRIVER_NAME(___ratelimit);
static inline void ratelimit_state_init(struct ratelimit_state* state, int interval, int burst) {
  const struct ratelimit_state begin = RATELIMIT_STATE_INIT(begin, interval, burst);
  *state = begin;
}
static inline void ratelimit_default_init(struct ratelimit_state* state) {
  ratelimit_state_init(state, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);
}
static inline void ratelimit_set_flags(struct ratelimit_state* state, unsigned long flags) { state->flags = flags; }
/** Logs how many were suppressed, if RATELIMIT_MSG_ON_RELEASE is set. */
KMEM_API void ratelimit_state_exit(struct ratelimit_state* state) KMEM_DRIVER_NAME(ratelimit_state_exit);

KMEM_END_C
#define __ratelimit(state) ___ratelimit(state, __func__)
#endif
