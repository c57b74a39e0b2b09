#ifndef KMEM_LINUX_BUILD_BUG_H
#define KMEM_LINUX_BUILD_BUG_H
/* Compile-time checks; they cost nothing at run time.
 *
 *   BUILD_BUG_ON(c)        a statement: the program does not compile if c holds.  An optimised build also evaluates conditions
 *                          that are no constant expressions, and ignores unreachable code, as in the kernel; other builds check
 *                          constant expressions only
 *   BUILD_BUG_ON_ZERO(c)   an expression, 0 of type int: for initialisers and array sizes
 *   static_assert(c)       a declaration, at file scope, in a struct or in a block: the opposite; a text may follow
 *
 * Meaning: the kernel's <linux/build_bug.h>. */
#include <kmem/constant.h>

#ifdef __cplusplus
extern "C++" { /* a C library's <signal.h> may include <linux/types.h> */
template <bool wrong>
struct kmem_build_bug;
template <>
struct kmem_build_bug<false> {
  enum : int { zero = 0 };
};
}
#define KMEM_BUILD_BUG_ON_ZERO_(condition, text) (int{kmem_build_bug<!!(condition)>::zero})
#define KMEM_STATIC_ASSERT_CONSTANT_(condition, text) \
  static_assert(!(__builtin_constant_p(!!(condition)) && !!(condition)), text)
#else
#define KMEM_BUILD_BUG_ON_ZERO_(condition, text) \
  ((int)(0 * sizeof(struct {                     \
           _Static_assert(!(condition), text);   \
           char kmem_member;                     \
         })))
#define KMEM_STATIC_ASSERT_CONSTANT_(condition, text) \
  _Static_assert(!__builtin_choose_expr(KMEM_IS_CONSTANT_(!!(condition)), !!(condition), 0), text)
/* The C standard's version requires a text before C23, and <assert.h> defines it again. */
#undef static_assert
#define static_assert(...) KMEM_PICK_THIRD_(__VA_ARGS__, _Static_assert, KMEM_STATIC_ASSERT_ONE_, )(__VA_ARGS__)
#define KMEM_STATIC_ASSERT_ONE_(condition) _Static_assert(condition, #condition)
#endif

/* The optimiser removes the call, or the call is an error. Without optimisation only constant expressions are checked, except a
 * condition that is written as the single character 1, which stands in unreachable code. */
#ifdef __OPTIMIZE__
#define KMEM_BUILD_BUG_ON_(condition, written, text) \
  KMEM_BUILD_BUG_CALL_(condition, text, KMEM_JOIN_(kmem_build_bug_on_, __COUNTER__))
#define KMEM_BUILD_BUG_CALL_(condition, text, name)          \
  do {                                                       \
    extern void name(void) __attribute__((__error__(text))); \
    if (condition) name();                                   \
  } while (0)
#else
#define KMEM_BUILD_BUG_ON_(condition, written, text)                        \
  do {                                                                      \
    KMEM_STATIC_ASSERT_CONSTANT_(sizeof(written) > 2 && (condition), text); \
  } while (0)
#endif

#define BUILD_BUG_ON_MSG(condition, text) KMEM_BUILD_BUG_ON_(condition, #condition, text)
#define BUILD_BUG_ON(condition) KMEM_BUILD_BUG_ON_(condition, #condition, "BUILD_BUG_ON failed: " #condition)
/** For code that the compiler must be able to remove. */
#define BUILD_BUG() KMEM_BUILD_BUG_ON_(1, "1", "BUILD_BUG failed")
#define compiletime_assert(condition, text) KMEM_BUILD_BUG_ON_(!(condition), #condition "!", text)

/** A second argument is the text of the error. */
#define BUILD_BUG_ON_ZERO(...) KMEM_BUILD_BUG_ON_ZERO_PICK_(__VA_ARGS__, #__VA_ARGS__ " is not 0", )
#define KMEM_BUILD_BUG_ON_ZERO_PICK_(condition, text, ...) KMEM_BUILD_BUG_ON_ZERO_(condition, text)
/** `e` must compile, but generates no code. */
#define BUILD_BUG_ON_INVALID(e) ((void)(sizeof((long)(e))))
#define __BUILD_BUG_ON_NOT_POWER_OF_2(n) BUILD_BUG_ON(KMEM_IS_NO_POWER_OF_2_(n))
#define BUILD_BUG_ON_NOT_POWER_OF_2(n) BUILD_BUG_ON((n) == 0 || KMEM_IS_NO_POWER_OF_2_(n))
#define KMEM_IS_NO_POWER_OF_2_(n) (((n) & ((n)-1)) != 0)

#endif
