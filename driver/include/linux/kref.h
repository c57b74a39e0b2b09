#ifndef KMEM_LINUX_KREF_H
#define KMEM_LINUX_KREF_H
/* A reference count embedded in the object; dropping the last reference calls `release`. Any context that `release` allows.
 * Meaning: the kernel's Documentation/core-api/kref.rst. */
#include <linux/container_of.h>
#include <linux/refcount.h>

struct kref {
  refcount_t refcount;
};
#define KREF_INIT(n) \
  { REFCOUNT_INIT(n) }

static inline void kref_init(struct kref* kref) { refcount_set(&kref->refcount, 1); }
static inline unsigned int kref_read(const struct kref* kref) { return refcount_read(&kref->refcount); }
static inline void kref_get(struct kref* kref) { refcount_inc(&kref->refcount); }
/** 1: it was the last reference, and the object is released. */
static inline int kref_put(struct kref* kref, void (*release)(struct kref* kref)) {
  if (!refcount_dec_and_test(&kref->refcount)) return 0;
  release(kref);
  return 1;
}
/** The same with a lock held while `release` runs, which unlocks it. */
#define kref_put_mutex(kref, release, lock) (refcount_dec_and_mutex_lock(&(kref)->refcount, lock) ? ((release)(kref), 1) : 0)
#define kref_put_lock(kref, release, lock) (refcount_dec_and_lock(&(kref)->refcount, lock) ? ((release)(kref), 1) : 0)
/** Non-zero: the caller has a reference now. */
static inline int __attribute__((__warn_unused_result__)) kref_get_unless_zero(struct kref* kref) {
  return refcount_inc_not_zero(&kref->refcount);
}
#endif
