#ifndef KMEM_CONSTANT_H
#define KMEM_CONSTANT_H
/* For the macros of <linux/minmax.h>, <linux/math.h> and <linux/build_bug.h>: detects constant expressions, for which the
 * result stays constant, while other arguments are evaluated once, by a function. */
#include <kmem/c_face.h>

#define KMEM_JOIN__(a, b) a##b
#define KMEM_JOIN_(a, b) KMEM_JOIN__(a, b)
#define KMEM_PICK_THIRD_(a, b, third, ...) third

#ifdef __cplusplus
#define KMEM_IS_CONSTANT_(x) __builtin_constant_p(x)
#else
/** 1 for an integer constant expression, else 0: only a null pointer constant takes the other pointer's type.  Evaluates
 *  nothing. */
#define KMEM_IS_CONSTANT_(x) __extension__(_Generic((8 ? (void*)((long)(x)*0l) : (int*)8), int* : 1, void* : 0))

/** One of the functions name_int() ... name_llong(), by the type that `sample` has after its promotions. */
#define KMEM_INTEGER_FUNCTION_(name, sample)  \
  _Generic((sample), int                      \
           : name##_int, unsigned             \
           : name##_uint, long                \
           : name##_long, unsigned long       \
           : name##_ulong, long long          \
           : name##_llong, unsigned long long \
           : name##_ullong)
/** Defines them: f(type, name) for each type. */
#define KMEM_FOR_INTEGERS_(f)                 \
  f(int, int) f(unsigned, uint) f(long, long) \
      f(unsigned long, ulong) __extension__ f(long long, llong) __extension__ f(unsigned long long, ullong)
#endif

#endif
