#ifndef KMEM_LINUX_PERCPU_COUNTER_H
#define KMEM_LINUX_PERCPU_COUNTER_H
/* A counter with many writers and few readers: each CPU counts in its own part, up to a batch.
 *
 * percpu_counter_read() is off by up to the batch times the number of CPUs; percpu_counter_sum() is exact, except for
 * concurrent additions. Adding: any context, no lock. Initialising: context by the flags.  Destroying: any context.
 *
 * Meaning: the kernel's <linux/percpu_counter.h>. */
#include <kmem/c_face.h>
#include <linux/gfp_types.h>
#include <linux/types.h>

/** The fields are private. */
struct percpu_counter {
  long long count;
  long long* counters;
  uint32_t folds[2];
};

KMEM_BEGIN_C

/** The default batch: 32, or twice the number of CPUs if that is more. */
KMEM_API int kmem_percpu_counter_batch(void) KMEM_NOTHROW;
#define percpu_counter_batch kmem_percpu_counter_batch()

/** 0, or -ENOMEM. */
KMEM_API int percpu_counter_init(struct percpu_counter* counter, long long amount, gfp_t flags)
    KMEM_NOTHROW_NAME(percpu_counter_init) KMEM_MUST_CHECK;
/** Also accepts a zeroed counter that was never initialised. */
KMEM_API void percpu_counter_destroy(struct percpu_counter* counter) KMEM_NOTHROW_NAME(percpu_counter_destroy);
/** Initialises `nr` contiguous counters, or none. */
KMEM_API int percpu_counter_init_many(struct percpu_counter* counters, long long amount, gfp_t flags, uint32_t nr)
    KMEM_NOTHROW_NAME(percpu_counter_init_many) KMEM_MUST_CHECK;
KMEM_API void percpu_counter_destroy_many(struct percpu_counter* counters, uint32_t nr)
    KMEM_NOTHROW_NAME(percpu_counter_destroy_many);
KMEM_API void percpu_counter_add_batch(struct percpu_counter* counter, long long amount, int32_t batch)
    KMEM_NOTHROW_NAME(percpu_counter_add_batch);
KMEM_API void percpu_counter_set(struct percpu_counter* counter, long long amount) KMEM_NOTHROW_NAME(percpu_counter_set);
/** Adds this CPU's part to the common count, which percpu_counter_read() returns. */
KMEM_API void percpu_counter_sync(struct percpu_counter* counter) KMEM_NOTHROW_NAME(percpu_counter_sync);
/** Exact. */
KMEM_API long long __percpu_counter_sum(struct percpu_counter* counter) KMEM_NOTHROW_NAME(__percpu_counter_sum);
/** Less than 0, 0 or greater, as the counter's exact sum is less than, equal to or greater than `value`; computes the exact sum
 * only if needed. */
KMEM_API int __percpu_counter_compare(struct percpu_counter* counter, long long value, int32_t batch)
    KMEM_NOTHROW_NAME(__percpu_counter_compare);
/** Adds, unless the sum would exceed the limit (be above it for a positive amount, else below it). Returns whether it was
 *  added. Near the limit, concurrent callers may be refused that would have fitted one after the other. */
KMEM_API bool percpu_counter_limited_add(struct percpu_counter* counter, long long limit, long long amount)
    KMEM_NOTHROW_NAME(percpu_counter_limited_add);

static inline bool percpu_counter_initialized(const struct percpu_counter* counter) { return counter->counters != NULL; }
static inline void percpu_counter_add(struct percpu_counter* counter, long long amount) {
  percpu_counter_add_batch(counter, amount, percpu_counter_batch);
}
/** Adds to this CPU's part only, for counters that are only read by their sum. */
static inline void percpu_counter_add_local(struct percpu_counter* counter, long long amount) {
  percpu_counter_add_batch(counter, amount, 0x7fffffff);
}
static inline void percpu_counter_sub(struct percpu_counter* counter, long long amount) {
  percpu_counter_add(counter, -amount);
}
static inline void percpu_counter_sub_local(struct percpu_counter* counter, long long amount) {
  percpu_counter_add_local(counter, -amount);
}
static inline void percpu_counter_inc(struct percpu_counter* counter) { percpu_counter_add(counter, 1); }
static inline void percpu_counter_dec(struct percpu_counter* counter) { percpu_counter_add(counter, -1); }
static inline long long percpu_counter_sum(struct percpu_counter* counter) { return __percpu_counter_sum(counter); }
static inline long long percpu_counter_sum_positive(struct percpu_counter* counter) {
  const long long sum = __percpu_counter_sum(counter);
  return sum < 0 ? 0 : sum;
}
/** Approximate. */
static inline long long percpu_counter_read(struct percpu_counter* counter) {
  return __atomic_load_n(&counter->count, __ATOMIC_RELAXED);
}
/** The same, but at least 0. */
static inline long long percpu_counter_read_positive(struct percpu_counter* counter) {
  const long long count = percpu_counter_read(counter);
  return count < 0 ? 0 : count;
}
static inline int percpu_counter_compare(struct percpu_counter* counter, long long value) {
  return __percpu_counter_compare(counter, value, percpu_counter_batch);
}

KMEM_END_C

#endif
