#ifndef KMEM_LINUX_KTIME_H
#define KMEM_LINUX_KTIME_H
/* Time in nanoseconds.  Any context.  Meaning: the kernel's Documentation/core-api/timekeeping.rst. */
#include <kmem/driver_face.h>
#include <linux/jiffies.h>
#include <linux/types.h>
#include <time.h>

typedef s64 ktime_t;
#define NSEC_PER_SEC 1000000000L
#define NSEC_PER_MSEC 1000000L
#define NSEC_PER_USEC 1000L
#define USEC_PER_SEC 1000000L
#define USEC_PER_MSEC 1000L
#define MSEC_PER_SEC 1000L
#define PSEC_PER_NSEC 1000L
#define FSEC_PER_SEC 1000000000000000LL
#define KTIME_MAX ((s64) ~((u64)1 << 63))
#define KTIME_MIN (-KTIME_MAX - 1)
#define KTIME_SEC_MAX (KTIME_MAX / NSEC_PER_SEC)

struct timespec64 {
  s64 tv_sec;
  long tv_nsec;
};
typedef s64 time64_t;

KMEM_BEGIN_C
/** Time since a fixed moment: never goes back. */
KMEM_API ktime_t ktime_get(void) KMEM_DRIVER_NAME(ktime_get);
/** Calendar time since 1970: the host's, advanced with virtual time. */
KMEM_API ktime_t ktime_get_real(void) KMEM_DRIVER_NAME(ktime_get_real);
static inline ktime_t ktime_get_boottime(void) { return ktime_get(); }
static inline ktime_t ktime_get_raw(void) { return ktime_get(); }
static inline ktime_t ktime_get_coarse(void) { return ktime_get(); }
static inline ktime_t ktime_get_clocktai(void) { return ktime_get_real(); }
static inline u64 ktime_get_ns(void) { return (u64)ktime_get(); }
static inline u64 ktime_get_raw_ns(void) { return (u64)ktime_get(); }
static inline u64 ktime_get_boottime_ns(void) { return (u64)ktime_get(); }
static inline u64 ktime_get_real_ns(void) { return (u64)ktime_get_real(); }
static inline u64 ktime_get_mono_fast_ns(void) { return (u64)ktime_get(); }
static inline u64 local_clock(void) { return (u64)ktime_get(); }
static inline u64 sched_clock(void) { return (u64)ktime_get(); }
static inline time64_t ktime_get_seconds(void) { return ktime_get() / NSEC_PER_SEC; }
static inline time64_t ktime_get_real_seconds(void) { return ktime_get_real() / NSEC_PER_SEC; }
static inline time64_t ktime_get_boottime_seconds(void) { return ktime_get_seconds(); }

static inline ktime_t ktime_set(s64 seconds, unsigned long ns) {
  return seconds >= KTIME_SEC_MAX ? KTIME_MAX : seconds * NSEC_PER_SEC + (s64)ns;
}
static inline struct timespec64 ns_to_timespec64(s64 ns) {
  struct timespec64 t;
  t.tv_sec = ns / NSEC_PER_SEC;
  t.tv_nsec = (long)(ns % NSEC_PER_SEC);
  if (t.tv_nsec < 0) {
    t.tv_nsec += NSEC_PER_SEC;
    --t.tv_sec;
  }
  return t;
}
static inline s64 timespec64_to_ns(const struct timespec64* t) { return t->tv_sec * NSEC_PER_SEC + t->tv_nsec; }
static inline void ktime_get_ts64(struct timespec64* t) { *t = ns_to_timespec64(ktime_get()); }
static inline void ktime_get_real_ts64(struct timespec64* t) { *t = ns_to_timespec64(ktime_get_real()); }
static inline void ktime_get_coarse_real_ts64(struct timespec64* t) { ktime_get_real_ts64(t); }
static inline void ktime_get_boottime_ts64(struct timespec64* t) { ktime_get_ts64(t); }
static inline struct timespec64 ktime_to_timespec64(ktime_t t) { return ns_to_timespec64(t); }
static inline ktime_t timespec64_to_ktime(struct timespec64 t) { return ktime_set(t.tv_sec, (unsigned long)t.tv_nsec); }
static inline struct timespec64 timespec64_sub(struct timespec64 a, struct timespec64 b) {
  return ns_to_timespec64(timespec64_to_ns(&a) - timespec64_to_ns(&b));
}
static inline struct timespec64 timespec64_add(struct timespec64 a, struct timespec64 b) {
  return ns_to_timespec64(timespec64_to_ns(&a) + timespec64_to_ns(&b));
}
static inline ktime_t ns_to_ktime(u64 ns) { return (ktime_t)ns; }
static inline ktime_t us_to_ktime(u64 us) { return (ktime_t)(us * NSEC_PER_USEC); }
static inline ktime_t ms_to_ktime(u64 ms) { return (ktime_t)(ms * NSEC_PER_MSEC); }
static inline s64 ktime_to_ns(ktime_t t) { return t; }
static inline s64 ktime_to_us(ktime_t t) { return t / NSEC_PER_USEC; }
static inline s64 ktime_to_ms(ktime_t t) { return t / NSEC_PER_MSEC; }
static inline ktime_t ktime_add_safe(ktime_t a, ktime_t b) {
  s64 sum;
  return __builtin_add_overflow(a, b, &sum) ? KTIME_MAX : sum;
}
static inline int ktime_compare(ktime_t a, ktime_t b) { return a < b ? -1 : a > b; }
static inline bool ktime_after(ktime_t a, ktime_t b) { return a > b; }
static inline bool ktime_before(ktime_t a, ktime_t b) { return a < b; }
static inline s64 ktime_divns(ktime_t t, s64 by) { return t / by; }
static inline s64 ktime_us_delta(ktime_t later, ktime_t earlier) { return ktime_to_us(later - earlier); }
static inline s64 ktime_ms_delta(ktime_t later, ktime_t earlier) { return ktime_to_ms(later - earlier); }
KMEM_END_C

#define ktime_add(a, b) ((a) + (b))
#define ktime_sub(a, b) ((a) - (b))
#define ktime_add_ns(t, ns) ((t) + (s64)(ns))
#define ktime_sub_ns(t, ns) ((t) - (s64)(ns))
#define ktime_add_us(t, us) ((t) + (s64)(us)*NSEC_PER_USEC)
#define ktime_sub_us(t, us) ((t) - (s64)(us)*NSEC_PER_USEC)
#define ktime_add_ms(t, ms) ((t) + (s64)(ms)*NSEC_PER_MSEC)
#define ktime_sub_ms(t, ms) ((t) - (s64)(ms)*NSEC_PER_MSEC)
#endif
