#ifndef KMEM_LINUX_OVERFLOW_H
#define KMEM_LINUX_OVERFLOW_H
/* Arithmetic with overflow checks. Any context. Meaning: the kernel's Documentation/process/deprecated.rst, "open-coded
 * arithmetic in allocator arguments". */
#include <kmem/constant.h>
#include <linux/types.h>

/** True if a + b, a - b, a * b does not fit into *result, which then holds the low bits. */
#define check_add_overflow(a, b, result) __builtin_add_overflow((a), (b), (result))
#define check_sub_overflow(a, b, result) __builtin_sub_overflow((a), (b), (result))
#define check_mul_overflow(a, b, result) __builtin_mul_overflow((a), (b), (result))

/** Stores value << shift in *result. True if that is not exact: bits are lost, the sign has changed, the value is negative, or
 *  the shift is out of range. *result then holds the low bits, or for an invalid shift the value. */
#define check_shl_overflow(value, shift, result)                                                                       \
  __extension__({                                                                                                      \
    const __typeof__(value) kmem_value = (value);                                                                      \
    const __typeof__(shift) kmem_shift = (shift);                                                                      \
    __typeof__(result) kmem_result = (result);                                                                         \
    const int kmem_fits = !KMEM_IS_NEGATIVE_(kmem_shift) && (unsigned long long)kmem_shift < 8 * sizeof(*kmem_result); \
    const unsigned kmem_by = kmem_fits ? (unsigned)kmem_shift : 0;                                                     \
    *kmem_result = (__typeof__(*(result)))((unsigned long long)kmem_value << kmem_by);                                 \
    !kmem_fits || KMEM_IS_NEGATIVE_(kmem_value) || KMEM_IS_NEGATIVE_(*kmem_result) ||                                  \
        (unsigned long long)*kmem_result >> kmem_by != (unsigned long long)kmem_value;                                 \
  })
#define KMEM_IS_NEGATIVE_(x) ((x) < 1 && (x) != 0)
/** Does the value not fit into the type? */
#define overflows_type(value, type)                \
  __extension__({                                  \
    __typeof__(type) kmem_low;                     \
    __builtin_add_overflow((value), 0, &kmem_low); \
  })
/** Wrapping arithmetic in the given type. */
#define wrapping_add(type, a, b) KMEM_WRAPPING_(add, type, a, b)
#define wrapping_sub(type, a, b) KMEM_WRAPPING_(sub, type, a, b)
#define wrapping_mul(type, a, b) KMEM_WRAPPING_(mul, type, a, b)
#define KMEM_WRAPPING_(name, type, a, b)                    \
  __extension__({                                           \
    __typeof__(type) kmem_low;                              \
    (void)__builtin_##name##_overflow((a), (b), &kmem_low); \
    kmem_low;                                               \
  })

#ifdef __cplusplus
#define KMEM_CONSTEXPR_ constexpr
#else
#define KMEM_CONSTEXPR_
#endif

KMEM_BEGIN_C

/** Products and sums of sizes that saturate at SIZE_MAX, which no allocator serves. */
static inline KMEM_CONSTEXPR_ size_t size_mul(size_t a, size_t b) {
  size_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}
static inline KMEM_CONSTEXPR_ size_t size_add(size_t a, size_t b) {
  size_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? SIZE_MAX : sum;
}
/** A difference, which saturates if it would be negative or an operand is saturated. */
static inline KMEM_CONSTEXPR_ size_t size_sub(size_t a, size_t b) {
  return a == SIZE_MAX || b == SIZE_MAX || b > a ? SIZE_MAX : a - b;
}

KMEM_END_C

#define array_size(n, bytes) size_mul((n), (bytes))
#define array3_size(n, m, bytes) size_mul(size_mul((n), (m)), (bytes))
/** Bytes of the flexible array at the end of a struct, and of the struct with it. Constant for a constant n. */
#ifdef __cplusplus
#define flex_array_size(pointer, member, n) size_mul((n), sizeof(*(pointer)->member))
#define struct_size(pointer, member, n) size_add(sizeof(*(pointer)), flex_array_size(pointer, member, n))
#else
#define flex_array_size(pointer, member, n)                                                   \
  __extension__(__builtin_choose_expr(KMEM_IS_CONSTANT_(n), (n) * sizeof(*(pointer)->member), \
                                      size_mul((size_t)(n), sizeof(*(pointer)->member))))
#define struct_size(pointer, member, n)                                                                            \
  __extension__(__builtin_choose_expr(KMEM_IS_CONSTANT_(n), sizeof(*(pointer)) + (n) * sizeof(*(pointer)->member), \
                                      size_add(sizeof(*(pointer)), size_mul((size_t)(n), sizeof(*(pointer)->member)))))
#endif
/** The same for a type. */
#define struct_size_t(type, member, n) struct_size((type*)NULL, member, n)

/** A zeroed struct with a flexible array of n elements on the stack; `name` points to it. n must be constant. */
#define DEFINE_RAW_FLEX(type, name, member, n) \
  KMEM_FLEX_ROOM_(type, name, member, n);      \
  type* name = &name##_u.obj
/** The same, with the count in its member `counter`. */
#define DEFINE_FLEX(type, name, member, counter, n) \
  KMEM_FLEX_ROOM_(type, name, member, n);           \
  type* name = (name##_u.obj.counter = (__typeof__(name##_u.obj.counter))(n), &name##_u.obj)
#define KMEM_FLEX_ROOM_(type, name, member, n)           \
  __extension__ union {                                  \
    unsigned char bytes[struct_size_t(type, member, n)]; \
    type obj;                                            \
  } name##_u = {{0}}
/** The number of elements of such an array. */
#define STACK_FLEX_ARRAY_SIZE(name, member) \
  ((sizeof(name##_u) - offsetof(__typeof__(*(name)), member)) / sizeof((name)->member[0]))

#endif
