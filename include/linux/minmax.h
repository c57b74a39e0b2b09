#ifndef KMEM_LINUX_MINMAX_H
#define KMEM_LINUX_MINMAX_H
/* The smaller and the larger of two.  Each argument is evaluated once, and constants give a constant expression, for array
 * sizes and initialisers at file scope too.
 *
 * min(), max(), clamp() and swap() are macros in C only: they would break C++'s std::min and similar functions.  In C min() and
 * max() of a signed and an unsigned number do not compile, as in the kernel, unless the signed one is a nonnegative constant:
 * cast one, or use min_t(type, a, b).
 *
 * Meaning: the kernel's <linux/minmax.h>. */
#include <kmem/constant.h>
#include <linux/build_bug.h>

#define KMEM_MIN_(a, b) ((a) < (b) ? (a) : (b))
#define KMEM_MAX_(a, b) ((a) > (b) ? (a) : (b))

#ifdef __cplusplus

template <class T>
constexpr T kmem_min(T a, T b) {
  return KMEM_MIN_(a, b);
}
template <class T>
constexpr T kmem_max(T a, T b) {
  return KMEM_MAX_(a, b);
}
template <class T>
constexpr T kmem_clamp(T value, T low, T high) {
  return KMEM_MIN_(KMEM_MAX_(value, low), high);
}
#define min_t(type, a, b) (kmem_min<type>((type)(a), (type)(b)))
#define max_t(type, a, b) (kmem_max<type>((type)(a), (type)(b)))
#define clamp_t(type, value, low, high) (kmem_clamp<type>((type)(value), (type)(low), (type)(high)))
#define clamp_val(value, low, high) clamp_t(__typeof__(0 ? (value) : (value)), value, low, high)
#define umin(a, b) (kmem_min((a) + 0ull, (b) + 0ull))
#define umax(a, b) (kmem_max((a) + 0ull, (b) + 0ull))

#else

#define KMEM_MINMAX_OF_TYPE_(type, suffix)                                         \
  static inline type kmem_min_##suffix(type a, type b) { return KMEM_MIN_(a, b); } \
  static inline type kmem_max_##suffix(type a, type b) { return KMEM_MAX_(a, b); }
KMEM_FOR_INTEGERS_(KMEM_MINMAX_OF_TYPE_)
KMEM_MINMAX_OF_TYPE_(float, float)
KMEM_MINMAX_OF_TYPE_(double, double)
KMEM_MINMAX_OF_TYPE_(long double, ldouble)
#undef KMEM_MINMAX_OF_TYPE_
static inline void* kmem_min_pointer(const volatile void* a, const volatile void* b) { return (void*)KMEM_MIN_(a, b); }
static inline void* kmem_max_pointer(const volatile void* a, const volatile void* b) { return (void*)KMEM_MAX_(a, b); }

#define KMEM_MINMAX_FUNCTION_(name, sample)   \
  _Generic((sample), int                      \
           : name##_int, unsigned             \
           : name##_uint, long                \
           : name##_long, unsigned long       \
           : name##_ulong, long long          \
           : name##_llong, unsigned long long \
           : name##_ullong, float             \
           : name##_float, double             \
           : name##_double, long double       \
           : name##_ldouble, default          \
           : name##_pointer)

/* Bit 0: may be compared as signed, bit 1: as unsigned. */
#define KMEM_SIGNED_OR_BOTH_(x) (__builtin_choose_expr(KMEM_IS_CONSTANT_(x), (unsigned long long)(x) >> 63, 1) ? 1 : 3)
#define KMEM_SIGNS_(x)                          \
  _Generic((x), signed char                     \
           : KMEM_SIGNED_OR_BOTH_(x), short     \
           : KMEM_SIGNED_OR_BOTH_(x), int       \
           : KMEM_SIGNED_OR_BOTH_(x), long      \
           : KMEM_SIGNED_OR_BOTH_(x), long long \
           : KMEM_SIGNED_OR_BOTH_(x), unsigned : 2, unsigned long : 2, unsigned long long : 2, default : 3)
#define KMEM_SAME_SIGN_(a, b)                                       \
  (0 == KMEM_BUILD_BUG_ON_ZERO_(!(KMEM_SIGNS_(a) & KMEM_SIGNS_(b)), \
                                "min() or max() of signed and unsigned: cast one, or use min_t() or max_t()"))

#define KMEM_MINMAX_(name, formula, a, b, check)                                                          \
  __extension__(__builtin_choose_expr((check)&KMEM_IS_CONSTANT_(a) & KMEM_IS_CONSTANT_(b), formula(a, b), \
                                      (__typeof__(1 ? (a) : (b)))KMEM_MINMAX_FUNCTION_(name, 1 ? (a) : (b))((a), (b))))

#ifndef min
#define min(a, b) KMEM_MINMAX_(kmem_min, KMEM_MIN_, a, b, KMEM_SAME_SIGN_(a, b))
#endif
#ifndef max
#define max(a, b) KMEM_MINMAX_(kmem_max, KMEM_MAX_, a, b, KMEM_SAME_SIGN_(a, b))
#endif
#define min_t(type, a, b) KMEM_MINMAX_(kmem_min, KMEM_MIN_, (type)(a), (type)(b), 1)
#define max_t(type, a, b) KMEM_MINMAX_(kmem_max, KMEM_MAX_, (type)(a), (type)(b), 1)
/** For nonnegative arguments of any integer types. */
#define umin(a, b) KMEM_MINMAX_(kmem_min, KMEM_MIN_, (a) + 0ull, (b) + 0ull, 1)
#define umax(a, b) KMEM_MINMAX_(kmem_max, KMEM_MAX_, (a) + 0ull, (b) + 0ull, 1)
/* The kernel's for constants; <sys/param.h> has two of them as well. */
#ifndef MIN
#define MIN(a, b) KMEM_MINMAX_(kmem_min, KMEM_MIN_, a, b, 1)
#define MAX(a, b) KMEM_MINMAX_(kmem_max, KMEM_MAX_, a, b, 1)
#endif
#define MIN_T(type, a, b) min_t(type, a, b)
#define MAX_T(type, a, b) max_t(type, a, b)
#define min3(a, b, c) min(min(a, b), c)
#define max3(a, b, c) max(max(a, b), c)
/** The smaller one that is not 0; 0 if both are. */
#define min_not_zero(a, b)                                                                        \
  __extension__({                                                                                 \
    __typeof__(a) kmem_first = (a);                                                               \
    __typeof__(b) kmem_second = (b);                                                              \
    kmem_first == 0 ? kmem_second : kmem_second == 0 ? kmem_first : min(kmem_first, kmem_second); \
  })
/** `value` limited to the bounds. */
#ifndef clamp
#define clamp(value, low, high) min(max(value, low), high)
#endif
#define clamp_t(type, value, low, high) min_t(type, max_t(type, value, low), high)
#define clamp_val(value, low, high) clamp_t(__typeof__(value), value, low, high)
#ifndef swap
#define swap(a, b)                  \
  do {                              \
    __typeof__(a) kmem_old_a = (a); \
    (a) = (b);                      \
    (b) = kmem_old_a;               \
  } while (0)
#endif

#endif

#endif
