#ifndef KMEM_LINUX_MATH_H
#define KMEM_LINUX_MATH_H
/* Division and rounding of whole numbers.  Each argument is evaluated once, and constants give a constant expression, for
 * array sizes and initialisers at file scope too.  Divisors are above 0; nothing is checked for overflow.
 *
 * Meaning: the kernel's <linux/math.h>. */
#include <kmem/constant.h>
#include <linux/align.h>

/** Rounding to powers of two. */
#define round_up(value, to) ((((value)-1) | ((__typeof__(value))(to)-1)) + 1)
#define round_down(value, to) ((value) & ~((__typeof__(value))(to)-1))

#define KMEM_DIV_ROUND_UP_(n, d) (((n) + (d)-1) / (d))
#define KMEM_ROUNDUP_(n, d) ((((n) + (d)-1) / (d)) * (d))
#define KMEM_ROUNDDOWN_(n, d) ((n) - (n) % (d))

#ifdef __cplusplus
template <class N, class D>
constexpr auto kmem_div_round_up(N n, D d) {
  return KMEM_DIV_ROUND_UP_(n, d);
}
template <class N, class D>
constexpr auto kmem_roundup(N n, D d) {
  return KMEM_ROUNDUP_(n, d);
}
template <class N, class D>
constexpr auto kmem_rounddown(N n, D d) {
  return KMEM_ROUNDDOWN_(n, d);
}
#define KMEM_MATH_(name, formula, n, d) name((n), (d))
#else
#define KMEM_MATH_OF_TYPE_(type, suffix)                                                                   \
  static inline type kmem_div_round_up_##suffix(type n, type d) { return (type)KMEM_DIV_ROUND_UP_(n, d); } \
  static inline type kmem_roundup_##suffix(type n, type d) { return (type)KMEM_ROUNDUP_(n, d); }           \
  static inline type kmem_rounddown_##suffix(type n, type d) { return (type)KMEM_ROUNDDOWN_(n, d); }
KMEM_FOR_INTEGERS_(KMEM_MATH_OF_TYPE_)
#undef KMEM_MATH_OF_TYPE_
#define KMEM_MATH_(name, formula, n, d)                                                           \
  __extension__(__builtin_choose_expr(KMEM_IS_CONSTANT_(n) & KMEM_IS_CONSTANT_(d), formula(n, d), \
                                      KMEM_INTEGER_FUNCTION_(name, (n) + (d))((n), (d))))
#endif

/** To the next whole number at or above the quotient; to the next multiple at or above, and at or below.  The system's
 *  <sys/param.h> has a roundup() as well, which evaluates twice. */
#ifndef DIV_ROUND_UP
#define DIV_ROUND_UP(n, d) KMEM_MATH_(kmem_div_round_up, KMEM_DIV_ROUND_UP_, n, d)
#endif
#undef roundup
#define roundup(value, to) KMEM_MATH_(kmem_roundup, KMEM_ROUNDUP_, value, to)
#define rounddown(value, to) KMEM_MATH_(kmem_rounddown, KMEM_ROUNDDOWN_, value, to)

#endif
