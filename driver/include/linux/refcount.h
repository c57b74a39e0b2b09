#ifndef KMEM_LINUX_REFCOUNT_H
#define KMEM_LINUX_REFCOUNT_H
/* Reference counts that never wrap: on a wrong step the count becomes REFCOUNT_SATURATED, which is reported once, and stays so;
 * the object leaks instead of being used after it was freed.  Getting orders nothing; the last put is ordered behind all
 * others.
 *
 * Any context.  Meaning: the kernel's Documentation/core-api/refcount-vs-atomic.rst. */
#include <kmem/driver_face.h>
#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/types.h>

typedef struct refcount_struct {
  atomic_t refs;
} refcount_t;

#define REFCOUNT_INIT(n) \
  { ATOMIC_INIT(n) }
#define REFCOUNT_MAX 0x7fffffff
#define REFCOUNT_SATURATED (-0x40000000)

enum refcount_saturation_type {
  REFCOUNT_ADD_NOT_ZERO_OVF,
  REFCOUNT_ADD_OVF,
  REFCOUNT_ADD_UAF,
  REFCOUNT_SUB_UAF,
  REFCOUNT_DEC_LEAK,
};

struct mutex;
KMEM_BEGIN_C
/** Saturates the count and reports why, once for each reason. */
KMEM_API void refcount_warn_saturate(refcount_t* r, enum refcount_saturation_type why) KMEM_DRIVER_NAME(refcount_warn_saturate)
    __attribute__((__cold__));
KMEM_END_C

static inline void refcount_set(refcount_t* r, int n) { atomic_set(&r->refs, n); }
static inline unsigned int refcount_read(const refcount_t* r) { return (unsigned int)atomic_read(&r->refs); }

/** False: the count was 0 and is unchanged. Stores the old count in *old unless `old` is NULL. */
static inline bool __refcount_add_not_zero(int n, refcount_t* r, int* old) {
  int was = atomic_read(&r->refs);
  while (was != 0 && !atomic_try_cmpxchg_relaxed(&r->refs, &was, (int)((unsigned)was + (unsigned)n)))
    ;
  if (old) *old = was;
  if (unlikely(was < 0 || (int)((unsigned)was + (unsigned)n) < 0)) refcount_warn_saturate(r, REFCOUNT_ADD_NOT_ZERO_OVF);
  return was != 0;
}
static inline bool refcount_add_not_zero(int n, refcount_t* r) { return __refcount_add_not_zero(n, r, 0); }
static inline bool refcount_inc_not_zero(refcount_t* r) { return refcount_add_not_zero(1, r); }
static inline void refcount_add(int n, refcount_t* r) {
  const int was = atomic_fetch_add_relaxed(n, &r->refs);
  if (unlikely(was == 0)) refcount_warn_saturate(r, REFCOUNT_ADD_UAF);
  else if (unlikely(was < 0 || (int)((unsigned)was + (unsigned)n) < 0)) refcount_warn_saturate(r, REFCOUNT_ADD_OVF);
}
static inline void refcount_inc(refcount_t* r) { refcount_add(1, r); }
/** True: that was the last reference, and the caller frees the object. */
static inline bool refcount_sub_and_test(int n, refcount_t* r) {
  const int was = atomic_fetch_sub_release(n, &r->refs);
  if (was == n) {
    (void)atomic_read_acquire(&r->refs); /* a fence would do; thread checkers understand a load */
    return true;
  }
  if (unlikely(was < 0 || was - n < 0)) refcount_warn_saturate(r, REFCOUNT_SUB_UAF);
  return false;
}
static inline bool refcount_dec_and_test(refcount_t* r) { return refcount_sub_and_test(1, r); }
/** Must not drop the last reference: that is reported. */
static inline void refcount_dec(refcount_t* r) {
  if (unlikely(atomic_fetch_sub_release(1, &r->refs) <= 1)) refcount_warn_saturate(r, REFCOUNT_DEC_LEAK);
}
/** From 1 to 0, or not at all. */
static inline bool refcount_dec_if_one(refcount_t* r) {
  int one = 1;
  return atomic_try_cmpxchg_release(&r->refs, &one, 0);
}
/** False: the count was 1 and is unchanged. */
static inline bool refcount_dec_not_one(refcount_t* r) {
  int was = atomic_read(&r->refs);
  do {
    if (unlikely(was == REFCOUNT_SATURATED)) return true;
    if (was == 1) return false;
    if (was < 1) {
      refcount_warn_saturate(r, REFCOUNT_SUB_UAF);
      return true;
    }
  } while (!atomic_try_cmpxchg_release(&r->refs, &was, was - 1));
  return true;
}
/** True: it was the last reference, and the lock is held. */
#define KMEM_REFCOUNT_AND_LOCK_(r, take, give) \
  __extension__({                              \
    bool kmem_last = false;                    \
    if (!refcount_dec_not_one(r)) {            \
      take;                                    \
      kmem_last = refcount_dec_and_test(r);    \
      if (!kmem_last) give;                    \
    }                                          \
    kmem_last;                                 \
  })
#define refcount_dec_and_lock(r, lock) KMEM_REFCOUNT_AND_LOCK_(r, spin_lock(lock), spin_unlock(lock))
#define refcount_dec_and_mutex_lock(r, lock) KMEM_REFCOUNT_AND_LOCK_(r, mutex_lock(lock), mutex_unlock(lock))
#define refcount_dec_and_lock_irqsave(r, lock, flags) \
  KMEM_REFCOUNT_AND_LOCK_(r, spin_lock_irqsave(lock, *(flags)), spin_unlock_irqrestore(lock, *(flags)))
#endif
