#ifndef KMEM_LINUX_PERCPU_REFCOUNT_H
#define KMEM_LINUX_PERCPU_REFCOUNT_H
/* A reference count for what lives long and is used by all CPUs.
 *
 * While it lives, getting and putting a reference touches this CPU's memory only, by a restartable sequence.  Before
 * the end its owner calls percpu_ref_kill(): from then on all CPUs count together, and whoever puts the last reference
 * calls release().  That step waits for nobody but, for some microseconds, the other CPUs; so
 * percpu_ref_kill_and_confirm() and percpu_ref_switch_to_atomic() call back before they return.
 *
 * get, put and their kin: any context.  The others: task context.
 *
 * Meaning: the kernel's <linux/percpu-refcount.h>. */
#include <kmem/c_face.h>
#include <linux/gfp_types.h>
#include <linux/types.h>

struct percpu_ref;
/** Called by whoever puts the last reference, in that one's context. */
typedef void(percpu_ref_func_t)(struct percpu_ref*);

enum {
  PERCPU_REF_INIT_ATOMIC = 1,  /* all CPUs count together until percpu_ref_switch_to_percpu() */
  PERCPU_REF_INIT_DEAD = 2,    /* no reference until percpu_ref_reinit() */
  PERCPU_REF_ALLOW_REINIT = 4, /* always allowed here */
};

/** Its fields are kmem's. */
struct percpu_ref {
  uint64_t mode;
  int64_t count;
  void* counts;
  percpu_ref_func_t* release;
  uint32_t switching;
};

KMEM_BEGIN_C

/** With one reference, the owner's, which percpu_ref_kill() puts.  0, or -ENOMEM. */
KMEM_API int percpu_ref_init(struct percpu_ref* ref, percpu_ref_func_t* release, unsigned int flags,
                             gfp_t gfp) KMEM_NOTHROW KMEM_MUST_CHECK;
/** Gives its memory back.  The counts must not be used any more. */
KMEM_API void percpu_ref_exit(struct percpu_ref* ref) KMEM_NOTHROW;
/** A reference for who has one. */
KMEM_API void percpu_ref_get_many(struct percpu_ref* ref, unsigned long n) KMEM_NOTHROW;
KMEM_API void percpu_ref_put_many(struct percpu_ref* ref, unsigned long n);
/** A reference unless there is none left. */
KMEM_API bool percpu_ref_tryget_many(struct percpu_ref* ref, unsigned long n) KMEM_NOTHROW;
/** A reference unless it was killed. */
KMEM_API bool percpu_ref_tryget_live(struct percpu_ref* ref);
/** Puts the owner's reference; a second time it is reported, and nothing happens. */
KMEM_API void percpu_ref_kill_and_confirm(struct percpu_ref* ref, percpu_ref_func_t* confirm);
/** Makes a dead one live again; with a count that must be zero. */
KMEM_API void percpu_ref_reinit(struct percpu_ref* ref) KMEM_NOTHROW;
/** The same while references may still be there. */
KMEM_API void percpu_ref_resurrect(struct percpu_ref* ref) KMEM_NOTHROW;
KMEM_API void percpu_ref_switch_to_atomic(struct percpu_ref* ref, percpu_ref_func_t* confirm);
KMEM_API void percpu_ref_switch_to_atomic_sync(struct percpu_ref* ref) KMEM_NOTHROW;
KMEM_API void percpu_ref_switch_to_percpu(struct percpu_ref* ref) KMEM_NOTHROW;
KMEM_API bool percpu_ref_is_dying(struct percpu_ref* ref) KMEM_NOTHROW;
/** Is the count zero?  Certain only when it was killed. */
KMEM_API bool percpu_ref_is_zero(struct percpu_ref* ref) KMEM_NOTHROW;

static inline void percpu_ref_get(struct percpu_ref* ref) { percpu_ref_get_many(ref, 1); }
static inline void percpu_ref_put(struct percpu_ref* ref) { percpu_ref_put_many(ref, 1); }
static inline bool percpu_ref_tryget(struct percpu_ref* ref) { return percpu_ref_tryget_many(ref, 1); }
static inline void percpu_ref_kill(struct percpu_ref* ref) { percpu_ref_kill_and_confirm(ref, NULL); }

KMEM_END_C

#endif
