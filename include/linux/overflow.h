#ifndef KMEM_LINUX_OVERFLOW_H
#define KMEM_LINUX_OVERFLOW_H
/* Arithmetic on sizes that says when it overflowed.  Any context.
 * Meaning: the kernel's Documentation/process/deprecated.rst, "open-coded arithmetic in allocator arguments". */
#include <kmem/c_face.h>
#include <linux/types.h>

/** True if a + b, a - b, a * b does not fit into *result, which then holds the low bits. */
#define check_add_overflow(a, b, result) __builtin_add_overflow((a), (b), (result))
#define check_sub_overflow(a, b, result) __builtin_sub_overflow((a), (b), (result))
#define check_mul_overflow(a, b, result) __builtin_mul_overflow((a), (b), (result))

KMEM_BEGIN_C

/** Products and sums of sizes that stick at SIZE_MAX, which no allocator serves. */
static inline size_t size_mul(size_t a, size_t b) {
  size_t product;
  return __builtin_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}
static inline size_t size_add(size_t a, size_t b) {
  size_t sum;
  return __builtin_add_overflow(a, b, &sum) ? SIZE_MAX : sum;
}
/** A difference that does so when it would be below 0, or when one side already stuck. */
static inline size_t size_sub(size_t a, size_t b) { return a == SIZE_MAX || b == SIZE_MAX || b > a ? SIZE_MAX : a - b; }

KMEM_END_C

#define array_size(n, bytes) size_mul((n), (bytes))
#define array3_size(n, m, bytes) size_mul(size_mul((n), (m)), (bytes))
/** Bytes of the flexible array at the end of a struct, and of the struct with it. */
#define flex_array_size(pointer, member, n) size_mul((n), sizeof(*(pointer)->member))
#define struct_size(pointer, member, n) size_add(sizeof(*(pointer)), flex_array_size(pointer, member, n))

#endif
