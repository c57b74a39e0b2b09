#ifndef KMEM_LINUX_ATOMIC_H
#define KMEM_LINUX_ATOMIC_H
/* Counters that several CPUs change at once: atomic_t (int), atomic64_t and atomic_long_t (64 bits here).
 *
 * Order, by the name: a function that returns nothing orders nothing; one that returns a value is a full barrier, or with
 * _acquire, _release, _relaxed so much less.  One that can fail (cmpxchg, add_unless) orders nothing when it fails.
 * Overflow wraps.  Any context.
 *
 * Meaning: the kernel's Documentation/atomic_t.txt and core-api/wrappers/atomic_t.rst. */
#include <asm/barrier.h>
#include <asm/cmpxchg.h>
#include <linux/types.h>

#define ATOMIC_INIT(value) \
  { (value) }
#define ATOMIC64_INIT(value) \
  { (value) }
#define ATOMIC_LONG_INIT(value) \
  { (value) }

#define KMEM_ATOMIC_INLINE_ static inline __attribute__((__unused__, __always_inline__))

/* name##_order: the operation; returns the old or the new value. */
#define KMEM_ATOMIC_FETCH_(prefix, type, word, name, builtin, suffix, order, after)                \
  KMEM_ATOMIC_INLINE_ word prefix##_fetch_##name##suffix(word change, type* v) {                   \
    const word old = __atomic_fetch_##builtin(&v->counter, (__typeof__(v->counter))change, order); \
    after;                                                                                         \
    return old;                                                                                    \
  }
#define KMEM_ATOMIC_RETURN_(prefix, type, word, name, builtin, suffix, order, after)                 \
  KMEM_ATOMIC_INLINE_ word prefix##_##name##_return##suffix(word change, type* v) {                  \
    const word now = __atomic_##builtin##_fetch(&v->counter, (__typeof__(v->counter))change, order); \
    after;                                                                                           \
    return now;                                                                                      \
  }
/* The one-argument forms, of the two-argument ones. */
#define KMEM_ATOMIC_BY_ONE_(prefix, type, word, suffix)                                                                       \
  KMEM_ATOMIC_INLINE_ word prefix##_inc_return##suffix(type* v) { return prefix##_add_return##suffix(1, v); }                 \
  KMEM_ATOMIC_INLINE_ word prefix##_dec_return##suffix(type* v) { return prefix##_sub_return##suffix(1, v); }                 \
  KMEM_ATOMIC_INLINE_ word prefix##_fetch_inc##suffix(type* v) { return prefix##_fetch_add##suffix(1, v); }                   \
  KMEM_ATOMIC_INLINE_ word prefix##_fetch_dec##suffix(type* v) { return prefix##_fetch_sub##suffix(1, v); }                   \
  KMEM_ATOMIC_INLINE_ word prefix##_fetch_andnot##suffix(word bits, type* v) { return prefix##_fetch_and##suffix(~bits, v); } \
  KMEM_ATOMIC_INLINE_ bool prefix##_add_negative##suffix(word change, type* v) {                                              \
    return prefix##_add_return##suffix(change, v) < 0;                                                                        \
  }
#define KMEM_ATOMIC_EXCHANGE_(prefix, type, word, suffix)                                                          \
  KMEM_ATOMIC_INLINE_ word prefix##_xchg##suffix(type* v, word value) { return xchg##suffix(&v->counter, value); } \
  /** Returns the old value; if it was `expected`, stores `value`. */                                              \
  KMEM_ATOMIC_INLINE_ word prefix##_cmpxchg##suffix(type* v, word expected, word value) {                          \
    return cmpxchg##suffix(&v->counter, expected, value);                                                          \
  }                                                                                                                \
  /** True: stored.  False: sets *expected to the current value. */                                                \
  KMEM_ATOMIC_INLINE_ bool prefix##_try_cmpxchg##suffix(type* v, word* expected, word value) {                     \
    const word wanted = *expected;                                                                                 \
    *expected = cmpxchg##suffix(&v->counter, wanted, value);                                                       \
    return *expected == wanted;                                                                                    \
  }
#define KMEM_ATOMIC_ORDER_(prefix, type, word, suffix, order, after)      \
  KMEM_ATOMIC_FETCH_(prefix, type, word, add, add, suffix, order, after)  \
  KMEM_ATOMIC_FETCH_(prefix, type, word, sub, sub, suffix, order, after)  \
  KMEM_ATOMIC_FETCH_(prefix, type, word, and, and, suffix, order, after)  \
  KMEM_ATOMIC_FETCH_(prefix, type, word, or, or, suffix, order, after)    \
  KMEM_ATOMIC_FETCH_(prefix, type, word, xor, xor, suffix, order, after)  \
  KMEM_ATOMIC_RETURN_(prefix, type, word, add, add, suffix, order, after) \
  KMEM_ATOMIC_RETURN_(prefix, type, word, sub, sub, suffix, order, after) \
  KMEM_ATOMIC_BY_ONE_(prefix, type, word, suffix)                         \
  KMEM_ATOMIC_EXCHANGE_(prefix, type, word, suffix)

/* Steps that are taken only while a condition holds. */
#define KMEM_ATOMIC_CONDITIONAL_(prefix, type, word)                                                                   \
  /** Adds unless the value is `unless`; returns the old value. */                                                     \
  KMEM_ATOMIC_INLINE_ word prefix##_fetch_add_unless(type* v, word change, word unless) {                              \
    word old = prefix##_read(v);                                                                                       \
    while (old != unless && !prefix##_try_cmpxchg(v, &old, (word)((unsigned long)old + (unsigned long)change)))        \
      ;                                                                                                                \
    return old;                                                                                                        \
  }                                                                                                                    \
  KMEM_ATOMIC_INLINE_ bool prefix##_add_unless(type* v, word change, word unless) {                                    \
    return prefix##_fetch_add_unless(v, change, unless) != unless;                                                     \
  }                                                                                                                    \
  KMEM_ATOMIC_INLINE_ bool prefix##_inc_not_zero(type* v) { return prefix##_add_unless(v, 1, 0); }                     \
  KMEM_ATOMIC_INLINE_ bool prefix##_inc_unless_negative(type* v) {                                                     \
    word old = prefix##_read(v);                                                                                       \
    while (old >= 0 && !prefix##_try_cmpxchg(v, &old, (word)((unsigned long)old + 1)))                                 \
      ;                                                                                                                \
    return old >= 0;                                                                                                   \
  }                                                                                                                    \
  KMEM_ATOMIC_INLINE_ bool prefix##_dec_unless_positive(type* v) {                                                     \
    word old = prefix##_read(v);                                                                                       \
    while (old <= 0 && !prefix##_try_cmpxchg(v, &old, (word)((unsigned long)old - 1)))                                 \
      ;                                                                                                                \
    return old <= 0;                                                                                                   \
  }                                                                                                                    \
  /** Returns the value less 1, and stores it unless it is below 0. */                                                 \
  KMEM_ATOMIC_INLINE_ word prefix##_dec_if_positive(type* v) {                                                         \
    word old = prefix##_read(v);                                                                                       \
    while (old > 0 && !prefix##_try_cmpxchg(v, &old, old - 1))                                                         \
      ;                                                                                                                \
    return (word)((unsigned long)old - 1);                                                                             \
  }                                                                                                                    \
  KMEM_ATOMIC_INLINE_ bool prefix##_sub_and_test(word change, type* v) { return prefix##_sub_return(change, v) == 0; } \
  KMEM_ATOMIC_INLINE_ bool prefix##_dec_and_test(type* v) { return prefix##_dec_return(v) == 0; }                      \
  KMEM_ATOMIC_INLINE_ bool prefix##_inc_and_test(type* v) { return prefix##_inc_return(v) == 0; }

#define KMEM_ATOMIC_VOID_(prefix, type, word)                                                                                \
  KMEM_ATOMIC_INLINE_ word prefix##_read(const type* v) { return __atomic_load_n(&v->counter, __ATOMIC_RELAXED); }           \
  KMEM_ATOMIC_INLINE_ word prefix##_read_acquire(const type* v) { return __atomic_load_n(&v->counter, __ATOMIC_ACQUIRE); }   \
  KMEM_ATOMIC_INLINE_ void prefix##_set(type* v, word value) { __atomic_store_n(&v->counter, value, __ATOMIC_RELAXED); }     \
  KMEM_ATOMIC_INLINE_ void prefix##_set_release(type* v, word value) {                                                       \
    __atomic_store_n(&v->counter, value, __ATOMIC_RELEASE);                                                                  \
  }                                                                                                                          \
  KMEM_ATOMIC_INLINE_ void prefix##_add(word change, type* v) { __atomic_fetch_add(&v->counter, change, __ATOMIC_RELAXED); } \
  KMEM_ATOMIC_INLINE_ void prefix##_sub(word change, type* v) { __atomic_fetch_sub(&v->counter, change, __ATOMIC_RELAXED); } \
  KMEM_ATOMIC_INLINE_ void prefix##_inc(type* v) { prefix##_add(1, v); }                                                     \
  KMEM_ATOMIC_INLINE_ void prefix##_dec(type* v) { prefix##_sub(1, v); }                                                     \
  KMEM_ATOMIC_INLINE_ void prefix##_and(word bits, type* v) { __atomic_fetch_and(&v->counter, bits, __ATOMIC_RELAXED); }     \
  KMEM_ATOMIC_INLINE_ void prefix##_or(word bits, type* v) { __atomic_fetch_or(&v->counter, bits, __ATOMIC_RELAXED); }       \
  KMEM_ATOMIC_INLINE_ void prefix##_xor(word bits, type* v) { __atomic_fetch_xor(&v->counter, bits, __ATOMIC_RELAXED); }     \
  KMEM_ATOMIC_INLINE_ void prefix##_andnot(word bits, type* v) { prefix##_and(~bits, v); }

#define KMEM_ATOMIC_(prefix, type, word)                                           \
  KMEM_ATOMIC_VOID_(prefix, type, word)                                            \
  KMEM_ATOMIC_ORDER_(prefix, type, word, _relaxed, __ATOMIC_RELAXED, (void)0)      \
  KMEM_ATOMIC_ORDER_(prefix, type, word, _acquire, __ATOMIC_ACQUIRE, (void)0)      \
  KMEM_ATOMIC_ORDER_(prefix, type, word, _release, __ATOMIC_RELEASE, (void)0)      \
  KMEM_ATOMIC_ORDER_(prefix, type, word, , __ATOMIC_SEQ_CST, KMEM_FULL_BARRIER_()) \
  KMEM_ATOMIC_CONDITIONAL_(prefix, type, word)

typedef atomic64_t atomic_long_t;
KMEM_ATOMIC_(atomic, atomic_t, int)
KMEM_ATOMIC_(atomic64, atomic64_t, s64)
KMEM_ATOMIC_(atomic_long, atomic_long_t, long)

#undef KMEM_ATOMIC_
#undef KMEM_ATOMIC_VOID_
#undef KMEM_ATOMIC_ORDER_
#undef KMEM_ATOMIC_CONDITIONAL_
#undef KMEM_ATOMIC_EXCHANGE_
#undef KMEM_ATOMIC_BY_ONE_
#undef KMEM_ATOMIC_RETURN_
#undef KMEM_ATOMIC_FETCH_

/** Spins until the condition on VAL, the current value, holds; returns the value. */
#define atomic_cond_read_relaxed(v, condition) smp_cond_load_relaxed(&(v)->counter, condition)
#define atomic_cond_read_acquire(v, condition) smp_cond_load_acquire(&(v)->counter, condition)
#define atomic64_cond_read_relaxed(v, condition) smp_cond_load_relaxed(&(v)->counter, condition)
#define atomic64_cond_read_acquire(v, condition) smp_cond_load_acquire(&(v)->counter, condition)
#define atomic_long_cond_read_relaxed(v, condition) smp_cond_load_relaxed(&(v)->counter, condition)
#define atomic_long_cond_read_acquire(v, condition) smp_cond_load_acquire(&(v)->counter, condition)
/* Barriers beside a function that returns nothing. */
#define smp_mb__before_atomic() smp_mb()
#define smp_mb__after_atomic() smp_mb()
#define smp_acquire__after_ctrl_dep() smp_rmb()

#endif
