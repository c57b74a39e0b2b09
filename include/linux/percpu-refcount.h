#ifndef KMEM_LINUX_PERCPU_REFCOUNT_H
#define KMEM_LINUX_PERCPU_REFCOUNT_H
/* A reference count for objects that live long and are used by all CPUs.
 *
 * While it lives, getting and putting a reference touches this CPU's memory only, by a restartable sequence.  At the end its
 * owner calls percpu_ref_kill(): from then on all CPUs use one count, and the call that puts the last reference runs release().
 * This switch waits only for the other CPUs, some microseconds; so percpu_ref_kill_and_confirm() and
 * percpu_ref_switch_to_atomic() call back before they return.
 *
 * percpu_ref_switch_to_atomic_sync() may sleep: task context.  percpu_ref_init() may if its flags allow it.  The others: any
 * context.
 *
 * Meaning: the kernel's <linux/percpu-refcount.h>. */
#include <kmem/c_face.h>
#include <linux/gfp_types.h>
#include <linux/types.h>

struct percpu_ref;
/** Runs in the context of the call that puts the last reference. */
typedef void(percpu_ref_func_t)(struct percpu_ref*);

enum {
  PERCPU_REF_INIT_ATOMIC = 1,  /* all CPUs count together until percpu_ref_switch_to_percpu() */
  PERCPU_REF_INIT_DEAD = 2,    /* no reference until percpu_ref_reinit() */
  PERCPU_REF_ALLOW_REINIT = 4, /* always allowed here */
};

/** The fields are private. */
struct percpu_ref {
  uint64_t mode;
  int64_t count;
  void* counts;
  percpu_ref_func_t* release;
  uint32_t switching;
};

KMEM_BEGIN_C

/** Initialises it with one reference, the owner's, which percpu_ref_kill() puts.  0, or -ENOMEM. */
KMEM_API int percpu_ref_init(struct percpu_ref* ref, percpu_ref_func_t* release, unsigned int flags, gfp_t gfp)
    KMEM_NOTHROW_NAME(percpu_ref_init) KMEM_MUST_CHECK;
/** Frees its memory.  The count must not be used any more. */
KMEM_API void percpu_ref_exit(struct percpu_ref* ref) KMEM_NOTHROW_NAME(percpu_ref_exit);
/** Gets a reference; the caller already holds one. */
KMEM_API void percpu_ref_get_many(struct percpu_ref* ref, unsigned long n) KMEM_NOTHROW_NAME(percpu_ref_get_many);
KMEM_API void percpu_ref_put_many(struct percpu_ref* ref, unsigned long n) KMEM_NAME(percpu_ref_put_many);
/** Gets a reference, unless none is left. */
KMEM_API bool percpu_ref_tryget_many(struct percpu_ref* ref, unsigned long n) KMEM_NOTHROW_NAME(percpu_ref_tryget_many);
/** Gets a reference, unless the count was killed. */
KMEM_API bool percpu_ref_tryget_live(struct percpu_ref* ref) KMEM_NAME(percpu_ref_tryget_live);
/** Puts the owner's reference; a second time it is reported, and nothing happens. */
KMEM_API void percpu_ref_kill_and_confirm(struct percpu_ref* ref, percpu_ref_func_t* confirm)
    KMEM_NAME(percpu_ref_kill_and_confirm);
/** Revives a dead one, whose count must be zero. */
KMEM_API void percpu_ref_reinit(struct percpu_ref* ref) KMEM_NOTHROW_NAME(percpu_ref_reinit);
/** The same while references may remain. */
KMEM_API void percpu_ref_resurrect(struct percpu_ref* ref) KMEM_NOTHROW_NAME(percpu_ref_resurrect);
KMEM_API void percpu_ref_switch_to_atomic(struct percpu_ref* ref, percpu_ref_func_t* confirm)
    KMEM_NAME(percpu_ref_switch_to_atomic);
KMEM_API void percpu_ref_switch_to_atomic_sync(struct percpu_ref* ref) KMEM_NOTHROW_NAME(percpu_ref_switch_to_atomic_sync);
KMEM_API void percpu_ref_switch_to_percpu(struct percpu_ref* ref) KMEM_NOTHROW_NAME(percpu_ref_switch_to_percpu);
KMEM_API bool percpu_ref_is_dying(struct percpu_ref* ref) KMEM_NOTHROW_NAME(percpu_ref_is_dying);
/** Is the count zero?  Exact only after it was killed. */
KMEM_API bool percpu_ref_is_zero(struct percpu_ref* ref) KMEM_NOTHROW_NAME(percpu_ref_is_zero);

/** The same, for a caller that is under rcu_read_lock() anyway. */
static inline bool percpu_ref_tryget_live_rcu(struct percpu_ref* ref) { return percpu_ref_tryget_live(ref); }
static inline void percpu_ref_get(struct percpu_ref* ref) { percpu_ref_get_many(ref, 1); }
static inline void percpu_ref_put(struct percpu_ref* ref) { percpu_ref_put_many(ref, 1); }
static inline bool percpu_ref_tryget(struct percpu_ref* ref) { return percpu_ref_tryget_many(ref, 1); }
static inline void percpu_ref_kill(struct percpu_ref* ref) { percpu_ref_kill_and_confirm(ref, NULL); }

KMEM_END_C

#endif
