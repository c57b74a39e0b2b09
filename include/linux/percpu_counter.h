#ifndef KMEM_LINUX_PERCPU_COUNTER_H
#define KMEM_LINUX_PERCPU_COUNTER_H
/* A number that many add to and few read: each CPU counts for itself, up to a batch.
 *
 * percpu_counter_read() is off by up to the batch times the number of CPUs; percpu_counter_sum() is exact, but for what
 * is added while it looks.  Adding: any context, no lock.  Initialising and destroying: as alloc_percpu() and
 * free_percpu().
 *
 * Meaning: the kernel's <linux/percpu_counter.h>. */
#include <kmem/c_face.h>
#include <linux/gfp_types.h>
#include <linux/types.h>

/** Its fields are kmem's. */
struct percpu_counter {
  int64_t count;
  int64_t* counters;
  uint32_t folds[2];
};

KMEM_BEGIN_C

/** What a CPU keeps for itself: 32, or twice the number of CPUs where that is more. */
KMEM_API int kmem_percpu_counter_batch(void) KMEM_NOTHROW;
#define percpu_counter_batch kmem_percpu_counter_batch()

/** 0, or -ENOMEM. */
KMEM_API int percpu_counter_init(struct percpu_counter* counter, int64_t amount,
                                 gfp_t flags) KMEM_NOTHROW KMEM_MUST_CHECK;
/** It may be one that was never initialised but is zero. */
KMEM_API void percpu_counter_destroy(struct percpu_counter* counter) KMEM_NOTHROW;
/** `nr` of them in a row, or none. */
KMEM_API int percpu_counter_init_many(struct percpu_counter* counters, int64_t amount, gfp_t flags,
                                      uint32_t nr) KMEM_NOTHROW KMEM_MUST_CHECK;
KMEM_API void percpu_counter_destroy_many(struct percpu_counter* counters, uint32_t nr) KMEM_NOTHROW;
KMEM_API void percpu_counter_add_batch(struct percpu_counter* counter, int64_t amount, int32_t batch) KMEM_NOTHROW;
KMEM_API void percpu_counter_set(struct percpu_counter* counter, int64_t amount) KMEM_NOTHROW;
/** What this CPU has kept for itself goes over into what percpu_counter_read() answers. */
KMEM_API void percpu_counter_sync(struct percpu_counter* counter) KMEM_NOTHROW;
/** Exact. */
KMEM_API int64_t __percpu_counter_sum(struct percpu_counter* counter) KMEM_NOTHROW;
/** Less than 0, 0 or more, as the counter's exact sum is less than, equal to or more than `value`; looked up exactly
 * only where that is needed. */
KMEM_API int __percpu_counter_compare(struct percpu_counter* counter, int64_t value, int32_t batch) KMEM_NOTHROW;
/** Adds, unless the sum would then be beyond the limit (above it for an amount above 0, else below).  Was it added?
 *  Of several callers that meet at the limit some may be refused that would have fitted one by one. */
KMEM_API bool percpu_counter_limited_add(struct percpu_counter* counter, int64_t limit, int64_t amount) KMEM_NOTHROW;

static inline bool percpu_counter_initialized(const struct percpu_counter* counter) {
  return counter->counters != NULL;
}
static inline void percpu_counter_add(struct percpu_counter* counter, int64_t amount) {
  percpu_counter_add_batch(counter, amount, percpu_counter_batch);
}
/** Keeps all of it on this CPU, for counters that are never read but by their sum. */
static inline void percpu_counter_add_local(struct percpu_counter* counter, int64_t amount) {
  percpu_counter_add_batch(counter, amount, 0x7fffffff);
}
static inline void percpu_counter_sub(struct percpu_counter* counter, int64_t amount) {
  percpu_counter_add(counter, -amount);
}
static inline void percpu_counter_sub_local(struct percpu_counter* counter, int64_t amount) {
  percpu_counter_add_local(counter, -amount);
}
static inline void percpu_counter_inc(struct percpu_counter* counter) { percpu_counter_add(counter, 1); }
static inline void percpu_counter_dec(struct percpu_counter* counter) { percpu_counter_add(counter, -1); }
static inline int64_t percpu_counter_sum(struct percpu_counter* counter) { return __percpu_counter_sum(counter); }
static inline int64_t percpu_counter_sum_positive(struct percpu_counter* counter) {
  const int64_t sum = __percpu_counter_sum(counter);
  return sum < 0 ? 0 : sum;
}
/** About. */
static inline int64_t percpu_counter_read(struct percpu_counter* counter) {
  return __atomic_load_n(&counter->count, __ATOMIC_RELAXED);
}
/** The same, of one that cannot really be below 0. */
static inline int64_t percpu_counter_read_positive(struct percpu_counter* counter) {
  const int64_t count = percpu_counter_read(counter);
  return count < 0 ? 0 : count;
}
static inline int percpu_counter_compare(struct percpu_counter* counter, int64_t value) {
  return __percpu_counter_compare(counter, value, percpu_counter_batch);
}

KMEM_END_C

#endif
