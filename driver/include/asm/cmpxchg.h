#ifndef KMEM_ASM_CMPXCHG_H
#define KMEM_ASM_CMPXCHG_H
/* Exchanging a variable of 1, 2, 4 or 8 bytes, a number or a pointer, in one step.
 *
 * Without a suffix a full barrier; _acquire, _release and _relaxed order so much less; a cmpxchg that fails orders nothing that
 * code may count on.  _local: against handlers on the same CPU alone; here it is the full one.  Any context. */

/* A read-modify-write of the compiler's strongest order is a full barrier on x86; elsewhere it takes one more. */
#if defined(__x86_64__) || defined(__i386__)
#define KMEM_FULL_BARRIER_() (void)0
#else
#define KMEM_FULL_BARRIER_() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif

#define KMEM_XCHG_(pointer, value, order, after)                                                                    \
  __extension__({                                                                                                   \
    __typeof__(*(pointer)) const kmem_was = __atomic_exchange_n((pointer), (__typeof__(*(pointer)))(value), order); \
    after;                                                                                                          \
    kmem_was;                                                                                                       \
  })
#define xchg(pointer, value) KMEM_XCHG_(pointer, value, __ATOMIC_SEQ_CST, KMEM_FULL_BARRIER_())
#define xchg_acquire(pointer, value) KMEM_XCHG_(pointer, value, __ATOMIC_ACQUIRE, (void)0)
#define xchg_release(pointer, value) KMEM_XCHG_(pointer, value, __ATOMIC_RELEASE, (void)0)
#define xchg_relaxed(pointer, value) KMEM_XCHG_(pointer, value, __ATOMIC_RELAXED, (void)0)

/** Returns the old value; if it was `expected`, stores `value`. */
#define KMEM_CMPXCHG_(pointer, expected, value, order, after)                                                               \
  __extension__({                                                                                                           \
    __typeof__(*(pointer)) kmem_found = (__typeof__(*(pointer)))(expected);                                                 \
    (void)__atomic_compare_exchange_n((pointer), &kmem_found, (__typeof__(*(pointer)))(value), 0, order, __ATOMIC_RELAXED); \
    after;                                                                                                                  \
    kmem_found;                                                                                                             \
  })
#define cmpxchg(pointer, expected, value) KMEM_CMPXCHG_(pointer, expected, value, __ATOMIC_SEQ_CST, KMEM_FULL_BARRIER_())
#define cmpxchg_acquire(pointer, expected, value) KMEM_CMPXCHG_(pointer, expected, value, __ATOMIC_ACQUIRE, (void)0)
#define cmpxchg_release(pointer, expected, value) KMEM_CMPXCHG_(pointer, expected, value, __ATOMIC_RELEASE, (void)0)
#define cmpxchg_relaxed(pointer, expected, value) KMEM_CMPXCHG_(pointer, expected, value, __ATOMIC_RELAXED, (void)0)
#define cmpxchg64(pointer, expected, value) cmpxchg(pointer, expected, value)
#define cmpxchg64_relaxed(pointer, expected, value) cmpxchg_relaxed(pointer, expected, value)
#define cmpxchg_local(pointer, expected, value) cmpxchg(pointer, expected, value)
#define cmpxchg64_local(pointer, expected, value) cmpxchg(pointer, expected, value)
#define sync_cmpxchg(pointer, expected, value) cmpxchg(pointer, expected, value)

/** True: stored. False: sets *expected to the current value. */
#define KMEM_TRY_CMPXCHG_(pointer, expected, value, order, after)                                                        \
  __extension__({                                                                                                        \
    __typeof__(expected) kmem_expected = (expected);                                                                     \
    __typeof__(*(pointer)) kmem_seen = (__typeof__(*(pointer)))*kmem_expected;                                           \
    const bool kmem_done =                                                                                               \
        __atomic_compare_exchange_n((pointer), &kmem_seen, (__typeof__(*(pointer)))(value), 0, order, __ATOMIC_RELAXED); \
    after;                                                                                                               \
    if (!kmem_done) *kmem_expected = kmem_seen;                                                                          \
    kmem_done;                                                                                                           \
  })
#define try_cmpxchg(pointer, expected, value) \
  KMEM_TRY_CMPXCHG_(pointer, expected, value, __ATOMIC_SEQ_CST, KMEM_FULL_BARRIER_())
#define try_cmpxchg_acquire(pointer, expected, value) KMEM_TRY_CMPXCHG_(pointer, expected, value, __ATOMIC_ACQUIRE, (void)0)
#define try_cmpxchg_release(pointer, expected, value) KMEM_TRY_CMPXCHG_(pointer, expected, value, __ATOMIC_RELEASE, (void)0)
#define try_cmpxchg_relaxed(pointer, expected, value) KMEM_TRY_CMPXCHG_(pointer, expected, value, __ATOMIC_RELAXED, (void)0)
#define try_cmpxchg_local(pointer, expected, value) try_cmpxchg(pointer, expected, value)
#define try_cmpxchg64(pointer, expected, value) try_cmpxchg(pointer, expected, value)

#endif
