#ifndef KMEM_KUNIT_TEST_H
#define KMEM_KUNIT_TEST_H
/* Unit tests as the kernel writes them: suites of cases, run when their module is loaded (<kmem/driver.h>), with results as
 * KTAP in the log.
 *
 * An expectation that fails is reported and the case goes on; an assertion ends the case.  The resources of a case are released
 * when it ends, the last first. Task context. What differs: a case runs in the task that loads the module, and has no time
 * limit.
 * Meaning: the kernel's Documentation/dev-tools/kunit. */
#include <kmem/driver_face.h>
#include <kunit/resource.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/types.h>

struct kunit;

#define KUNIT_PARAM_DESC_SIZE 128
#define KUNIT_STATUS_COMMENT_SIZE 256
#define TEST_LOGLEVEL KERN_INFO

enum kunit_status { KUNIT_SUCCESS, KUNIT_FAILURE, KUNIT_SKIPPED };

struct kunit_case {
  void (*run_case)(struct kunit* test);
  const char* name;
  /** Returns the first parameter if `prev` is NULL, else the next one; NULL past the last. Writes its description. */
  const void* (*generate_params)(const void* prev, char* description);
};
struct kunit_suite {
  char name[256];
  int (*suite_init)(struct kunit_suite* suite);
  void (*suite_exit)(struct kunit_suite* suite);
  /** Called before and after each case; a non-zero result of init fails the case. */
  int (*init)(struct kunit* test);
  void (*exit)(struct kunit* test);
  struct kunit_case* test_cases;
};
/** One case that runs. */
struct kunit {
  void* priv; /* the test's own */
  const char* name;
  const void* param_value;
  int param_index;
  enum kunit_status status;
  char status_comment[KUNIT_STATUS_COMMENT_SIZE];
  spinlock_t lock; /* of the resources */
  struct list_head resources;
  /* kmem's own */
  void* kmem_end;
  int kmem_indent;
};

#define KUNIT_CASE(function) \
  { function, #function, 0 }
#define KUNIT_CASE_PARAM(function, generate) \
  { function, #function, generate }
#define KUNIT_CASE_SLOW(function) KUNIT_CASE(function)
/** A generator over an array; describe(element, text) names one, or its member does. */
#define KUNIT_ARRAY_PARAM(name, array, describe)                                        \
  static const void* name##_gen_params(const void* prev, char* text) {                  \
    __typeof__(&(array)[0]) next = prev ? (__typeof__(&(array)[0]))prev + 1 : (array);  \
    void (*const kmem_describe)(__typeof__(next) element, char* name_of_it) = describe; \
    if (next - (array) >= (long)(sizeof(array) / sizeof((array)[0]))) return NULL;      \
    if (kmem_describe) kmem_describe(next, text);                                       \
    return next;                                                                        \
  }
#define KUNIT_ARRAY_PARAM_DESC(name, array, member)                                    \
  static const void* name##_gen_params(const void* prev, char* text) {                 \
    __typeof__(&(array)[0]) next = prev ? (__typeof__(&(array)[0]))prev + 1 : (array); \
    if (next - (array) >= (long)(sizeof(array) / sizeof((array)[0]))) return NULL;     \
    strscpy(text, next->member, KUNIT_PARAM_DESC_SIZE);                                \
    return next;                                                                       \
  }

KMEM_BEGIN_C

/** Runs suites: 0, or -EINVAL if a case failed. */
KMEM_API int kmem_kunit_run(struct kunit_suite* const* suites, int n) KMEM_NOTHROW;
/** The case that the calling task runs; NULL. */
KMEM_API struct kunit* kunit_get_current_test(void) KMEM_DRIVER_NAME(kunit_get_current_test);
/** Failures: the text of the check, and how the case goes on. */
KMEM_API void kmem_kunit_fail(struct kunit* test, bool assertion, const char* file, int line, const char* format, ...)
    KMEM_PRINTF_LIKE(5, 6);
KMEM_API void kmem_kunit_fail_binary(struct kunit* test, bool assertion, const char* file, int line, const char* left,
                                     const char* op, const char* right, bool pointers, long long left_value,
                                     long long right_value, const char* message);
KMEM_API void kmem_kunit_fail_text(struct kunit* test, bool assertion, const char* file, int line, const char* left,
                                   const char* op, const char* right, const char* left_text, const char* right_text,
                                   const char* message);
/** Logs a line of the case, at its place in the results. */
KMEM_API void kmem_kunit_log(const struct kunit* test, const char* level, const char* format, ...) KMEM_PRINTF_LIKE(3, 4);
/** Formats a message into memory of the case. */
KMEM_API const char* kmem_kunit_message(struct kunit* test, const char* format, ...) KMEM_PRINTF_LIKE(2, 3);
/** Ends the case now; the second only says what its result is. */
KMEM_API void kmem_kunit_abort(struct kunit* test) __attribute__((__noreturn__));

KMEM_API void* kunit_kmalloc_array(struct kunit* test, size_t n, size_t size, gfp_t gfp) KMEM_DRIVER_NAME(kunit_kmalloc_array);
KMEM_API void kunit_kfree(struct kunit* test, const void* pointer) KMEM_DRIVER_NAME(kunit_kfree);

static inline void* kunit_kmalloc(struct kunit* test, size_t size, gfp_t gfp) {
  return kunit_kmalloc_array(test, 1, size, gfp);
}
static inline void* kunit_kzalloc(struct kunit* test, size_t size, gfp_t gfp) {
  return kunit_kmalloc(test, size, gfp | __GFP_ZERO);
}
static inline void* kunit_kcalloc(struct kunit* test, size_t n, size_t size, gfp_t gfp) {
  return kunit_kmalloc_array(test, n, size, gfp | __GFP_ZERO);
}

KMEM_END_C

/* Suites run when the module is loaded, behind its other init calls. */
#define KMEM_KUNIT_PASTE__(a, b) a##b
#define KMEM_KUNIT_PASTE_(a, b) KMEM_KUNIT_PASTE__(a, b)
#define kunit_test_suites(...) KMEM_KUNIT_SUITES_(KMEM_KUNIT_PASTE_(kmem_kunit_suites_, __LINE__), __VA_ARGS__)
#define KMEM_KUNIT_SUITES_(name, ...) KMEM_KUNIT_SUITES__(name, __VA_ARGS__)
#define KMEM_KUNIT_SUITES__(name, ...)                                                                               \
  static struct kunit_suite* const name##_list[] = {__VA_ARGS__};                                                    \
  static int name(void) { return kmem_kunit_run(name##_list, (int)(sizeof(name##_list) / sizeof(name##_list[0]))); } \
  late_initcall_sync(name) KMEM_KUNIT_EXIT_(name##_exit)
#define KMEM_KUNIT_EXIT_(name) \
  static void name(void) {}    \
  __exitcall(name)
#define kunit_test_suite(suite) kunit_test_suites(&suite)
#define kunit_test_init_section_suites(...) kunit_test_suites(__VA_ARGS__)

#define kunit_log(level, test, format, ...) kmem_kunit_log((test), level, format, ##__VA_ARGS__)
#define kunit_printk(level, test, format, ...) kmem_kunit_log((test), level, "# %s: " format, (test)->name, ##__VA_ARGS__)
#define kunit_info(test, format, ...) kunit_printk(KERN_INFO, test, format, ##__VA_ARGS__)
#define kunit_warn(test, format, ...) kunit_printk(KERN_WARNING, test, format, ##__VA_ARGS__)
#define kunit_err(test, format, ...) kunit_printk(KERN_ERR, test, format, ##__VA_ARGS__)
#define kunit_mark_skipped(test, format, ...) \
  ((test)->status = KUNIT_SKIPPED, scnprintf((test)->status_comment, KUNIT_STATUS_COMMENT_SIZE, format, ##__VA_ARGS__))
#define kunit_skip(test, format, ...)                \
  do {                                               \
    kunit_mark_skipped(test, format, ##__VA_ARGS__); \
    kmem_kunit_abort(test);                          \
  } while (0)
#define kunit_fail_current_test(format, ...)                                                     \
  do {                                                                                           \
    struct kunit* const kmem_test = kunit_get_current_test();                                    \
    if (kmem_test) kmem_kunit_fail(kmem_test, false, __FILE__, __LINE__, format, ##__VA_ARGS__); \
  } while (0)

/* Checks. */

#define KUNIT_SUCCEED(test) ((void)(test))
#define KUNIT_FAIL(test, format, ...) kmem_kunit_fail((test), false, __FILE__, __LINE__, format, ##__VA_ARGS__)
#define KUNIT_FAIL_AND_ABORT(test, format, ...) kmem_kunit_fail((test), true, __FILE__, __LINE__, format, ##__VA_ARGS__)
#define KUNIT_ASSERT_FAILURE(test, format, ...) KUNIT_FAIL_AND_ABORT(test, format, ##__VA_ARGS__)

#define KMEM_KUNIT_MESSAGE_(test, ...) KMEM_KUNIT_MESSAGE__(test, ##__VA_ARGS__)
#define KMEM_KUNIT_MESSAGE__(test, ...) kmem_kunit_message((test), __VA_ARGS__)
#define KMEM_KUNIT_TRUE_(test, assertion, condition, want, text, message)                               \
  do {                                                                                                  \
    if ((!!(condition)) != (want))                                                                      \
      kmem_kunit_fail((test), assertion, __FILE__, __LINE__, "Expected %s to be %s, but is %s%s", text, \
                      (want) ? "true" : "false", (want) ? "false" : "true", message);                   \
  } while (0)
#define KMEM_KUNIT_BINARY_(test, assertion, left, op, right, pointers, message)                                         \
  do {                                                                                                                  \
    __typeof__(left) kmem_left = (left);                                                                                \
    __typeof__(right) kmem_right = (right);                                                                             \
    if (!(kmem_left op kmem_right))                                                                                     \
      kmem_kunit_fail_binary((test), assertion, __FILE__, __LINE__, #left, #op, #right, pointers, (long long)kmem_left, \
                             (long long)kmem_right, message);                                                           \
  } while (0)
#define KMEM_KUNIT_POINTER_(test, assertion, left, op, right, message)                                                    \
  do {                                                                                                                    \
    const void *kmem_left = (const void*)(left), *kmem_right = (const void*)(right);                                      \
    if (!(kmem_left op kmem_right))                                                                                       \
      kmem_kunit_fail_binary((test), assertion, __FILE__, __LINE__, #left, #op, #right, true, (long long)(long)kmem_left, \
                             (long long)(long)kmem_right, message);                                                       \
  } while (0)
#define KMEM_KUNIT_STRING_(test, assertion, left, op, right, message)                                                  \
  do {                                                                                                                 \
    const char *kmem_left = (left), *kmem_right = (right);                                                             \
    if (!kmem_left || !kmem_right || !(strcmp(kmem_left, kmem_right) op 0))                                            \
      kmem_kunit_fail_text((test), assertion, __FILE__, __LINE__, #left, #op, #right, kmem_left, kmem_right, message); \
  } while (0)
#define KMEM_KUNIT_MEMORY_(test, assertion, left, op, right, size, message)                                        \
  do {                                                                                                             \
    const void *kmem_left = (left), *kmem_right = (right);                                                         \
    if (!kmem_left || !kmem_right || !(memcmp(kmem_left, kmem_right, (size)) op 0))                                \
      kmem_kunit_fail((test), assertion, __FILE__, __LINE__, "Expected %s %s %s, %lu bytes%s", #left, #op, #right, \
                      (unsigned long)(size), message);                                                             \
  } while (0)
#define KMEM_KUNIT_NOT_ERR_(test, assertion, pointer, message)                                                        \
  do {                                                                                                                \
    const void* kmem_pointer = (const void*)(pointer);                                                                \
    if (!kmem_pointer)                                                                                                \
      kmem_kunit_fail((test), assertion, __FILE__, __LINE__, "Expected %s is not null, but is%s", #pointer, message); \
    else if (IS_ERR(kmem_pointer))                                                                                    \
      kmem_kunit_fail((test), assertion, __FILE__, __LINE__, "Expected %s is not error, but is: %ld%s", #pointer,     \
                      PTR_ERR(kmem_pointer), message);                                                                \
  } while (0)

/* The case goes on. */
#define KUNIT_EXPECT_TRUE(test, condition) KMEM_KUNIT_TRUE_(test, false, condition, true, #condition, "")
#define KUNIT_EXPECT_FALSE(test, condition) KMEM_KUNIT_TRUE_(test, false, condition, false, #condition, "")
#define KUNIT_EXPECT_TRUE_MSG(test, condition, ...) \
  KMEM_KUNIT_TRUE_(test, false, condition, true, #condition, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_EXPECT_FALSE_MSG(test, condition, ...) \
  KMEM_KUNIT_TRUE_(test, false, condition, false, #condition, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_EXPECT_EQ(test, left, right) KMEM_KUNIT_BINARY_(test, false, left, ==, right, false, "")
#define KUNIT_EXPECT_EQ_MSG(test, left, right, ...) \
  KMEM_KUNIT_BINARY_(test, false, left, ==, right, false, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_EXPECT_NE(test, left, right) KMEM_KUNIT_BINARY_(test, false, left, !=, right, false, "")
#define KUNIT_EXPECT_NE_MSG(test, left, right, ...) \
  KMEM_KUNIT_BINARY_(test, false, left, !=, right, false, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_EXPECT_LT(test, left, right) KMEM_KUNIT_BINARY_(test, false, left, <, right, false, "")
#define KUNIT_EXPECT_LT_MSG(test, left, right, ...) \
  KMEM_KUNIT_BINARY_(test, false, left, <, right, false, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_EXPECT_LE(test, left, right) KMEM_KUNIT_BINARY_(test, false, left, <=, right, false, "")
#define KUNIT_EXPECT_LE_MSG(test, left, right, ...) \
  KMEM_KUNIT_BINARY_(test, false, left, <=, right, false, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_EXPECT_GT(test, left, right) KMEM_KUNIT_BINARY_(test, false, left, >, right, false, "")
#define KUNIT_EXPECT_GT_MSG(test, left, right, ...) \
  KMEM_KUNIT_BINARY_(test, false, left, >, right, false, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_EXPECT_GE(test, left, right) KMEM_KUNIT_BINARY_(test, false, left, >=, right, false, "")
#define KUNIT_EXPECT_GE_MSG(test, left, right, ...) \
  KMEM_KUNIT_BINARY_(test, false, left, >=, right, false, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_EXPECT_PTR_EQ(test, left, right) KMEM_KUNIT_POINTER_(test, false, left, ==, right, "")
#define KUNIT_EXPECT_PTR_EQ_MSG(test, left, right, ...) \
  KMEM_KUNIT_POINTER_(test, false, left, ==, right, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_EXPECT_PTR_NE(test, left, right) KMEM_KUNIT_POINTER_(test, false, left, !=, right, "")
#define KUNIT_EXPECT_PTR_NE_MSG(test, left, right, ...) \
  KMEM_KUNIT_POINTER_(test, false, left, !=, right, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_EXPECT_STREQ(test, left, right) KMEM_KUNIT_STRING_(test, false, left, ==, right, "")
#define KUNIT_EXPECT_STREQ_MSG(test, left, right, ...) \
  KMEM_KUNIT_STRING_(test, false, left, ==, right, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_EXPECT_STRNEQ(test, left, right) KMEM_KUNIT_STRING_(test, false, left, !=, right, "")
#define KUNIT_EXPECT_STRNEQ_MSG(test, left, right, ...) \
  KMEM_KUNIT_STRING_(test, false, left, !=, right, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_EXPECT_MEMEQ(test, left, right, size) KMEM_KUNIT_MEMORY_(test, false, left, ==, right, size, "")
#define KUNIT_EXPECT_MEMEQ_MSG(test, left, right, size, ...) \
  KMEM_KUNIT_MEMORY_(test, false, left, ==, right, size, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_EXPECT_MEMNEQ(test, left, right, size) KMEM_KUNIT_MEMORY_(test, false, left, !=, right, size, "")
#define KUNIT_EXPECT_MEMNEQ_MSG(test, left, right, size, ...) \
  KMEM_KUNIT_MEMORY_(test, false, left, !=, right, size, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_EXPECT_NULL(test, pointer) KMEM_KUNIT_POINTER_(test, false, pointer, ==, NULL, "")
#define KUNIT_EXPECT_NULL_MSG(test, pointer, ...) \
  KMEM_KUNIT_POINTER_(test, false, pointer, ==, NULL, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_EXPECT_NOT_NULL(test, pointer) KMEM_KUNIT_POINTER_(test, false, pointer, !=, NULL, "")
#define KUNIT_EXPECT_NOT_NULL_MSG(test, pointer, ...) \
  KMEM_KUNIT_POINTER_(test, false, pointer, !=, NULL, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_EXPECT_NOT_ERR_OR_NULL(test, pointer) KMEM_KUNIT_NOT_ERR_(test, false, pointer, "")
#define KUNIT_EXPECT_NOT_ERR_OR_NULL_MSG(test, pointer, ...) \
  KMEM_KUNIT_NOT_ERR_(test, false, pointer, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))

/* The case ends. */
#define KUNIT_ASSERT_TRUE(test, condition) KMEM_KUNIT_TRUE_(test, true, condition, true, #condition, "")
#define KUNIT_ASSERT_FALSE(test, condition) KMEM_KUNIT_TRUE_(test, true, condition, false, #condition, "")
#define KUNIT_ASSERT_TRUE_MSG(test, condition, ...) \
  KMEM_KUNIT_TRUE_(test, true, condition, true, #condition, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_ASSERT_FALSE_MSG(test, condition, ...) \
  KMEM_KUNIT_TRUE_(test, true, condition, false, #condition, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_ASSERT_EQ(test, left, right) KMEM_KUNIT_BINARY_(test, true, left, ==, right, false, "")
#define KUNIT_ASSERT_EQ_MSG(test, left, right, ...) \
  KMEM_KUNIT_BINARY_(test, true, left, ==, right, false, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_ASSERT_NE(test, left, right) KMEM_KUNIT_BINARY_(test, true, left, !=, right, false, "")
#define KUNIT_ASSERT_NE_MSG(test, left, right, ...) \
  KMEM_KUNIT_BINARY_(test, true, left, !=, right, false, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_ASSERT_LT(test, left, right) KMEM_KUNIT_BINARY_(test, true, left, <, right, false, "")
#define KUNIT_ASSERT_LT_MSG(test, left, right, ...) \
  KMEM_KUNIT_BINARY_(test, true, left, <, right, false, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_ASSERT_LE(test, left, right) KMEM_KUNIT_BINARY_(test, true, left, <=, right, false, "")
#define KUNIT_ASSERT_LE_MSG(test, left, right, ...) \
  KMEM_KUNIT_BINARY_(test, true, left, <=, right, false, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_ASSERT_GT(test, left, right) KMEM_KUNIT_BINARY_(test, true, left, >, right, false, "")
#define KUNIT_ASSERT_GT_MSG(test, left, right, ...) \
  KMEM_KUNIT_BINARY_(test, true, left, >, right, false, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_ASSERT_GE(test, left, right) KMEM_KUNIT_BINARY_(test, true, left, >=, right, false, "")
#define KUNIT_ASSERT_GE_MSG(test, left, right, ...) \
  KMEM_KUNIT_BINARY_(test, true, left, >=, right, false, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_ASSERT_PTR_EQ(test, left, right) KMEM_KUNIT_POINTER_(test, true, left, ==, right, "")
#define KUNIT_ASSERT_PTR_EQ_MSG(test, left, right, ...) \
  KMEM_KUNIT_POINTER_(test, true, left, ==, right, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_ASSERT_PTR_NE(test, left, right) KMEM_KUNIT_POINTER_(test, true, left, !=, right, "")
#define KUNIT_ASSERT_PTR_NE_MSG(test, left, right, ...) \
  KMEM_KUNIT_POINTER_(test, true, left, !=, right, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_ASSERT_STREQ(test, left, right) KMEM_KUNIT_STRING_(test, true, left, ==, right, "")
#define KUNIT_ASSERT_STREQ_MSG(test, left, right, ...) \
  KMEM_KUNIT_STRING_(test, true, left, ==, right, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_ASSERT_STRNEQ(test, left, right) KMEM_KUNIT_STRING_(test, true, left, !=, right, "")
#define KUNIT_ASSERT_STRNEQ_MSG(test, left, right, ...) \
  KMEM_KUNIT_STRING_(test, true, left, !=, right, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_ASSERT_MEMEQ(test, left, right, size) KMEM_KUNIT_MEMORY_(test, true, left, ==, right, size, "")
#define KUNIT_ASSERT_MEMEQ_MSG(test, left, right, size, ...) \
  KMEM_KUNIT_MEMORY_(test, true, left, ==, right, size, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_ASSERT_MEMNEQ(test, left, right, size) KMEM_KUNIT_MEMORY_(test, true, left, !=, right, size, "")
#define KUNIT_ASSERT_MEMNEQ_MSG(test, left, right, size, ...) \
  KMEM_KUNIT_MEMORY_(test, true, left, !=, right, size, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_ASSERT_NULL(test, pointer) KMEM_KUNIT_POINTER_(test, true, pointer, ==, NULL, "")
#define KUNIT_ASSERT_NULL_MSG(test, pointer, ...) \
  KMEM_KUNIT_POINTER_(test, true, pointer, ==, NULL, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_ASSERT_NOT_NULL(test, pointer) KMEM_KUNIT_POINTER_(test, true, pointer, !=, NULL, "")
#define KUNIT_ASSERT_NOT_NULL_MSG(test, pointer, ...) \
  KMEM_KUNIT_POINTER_(test, true, pointer, !=, NULL, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))
#define KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pointer) KMEM_KUNIT_NOT_ERR_(test, true, pointer, "")
#define KUNIT_ASSERT_NOT_ERR_OR_NULL_MSG(test, pointer, ...) \
  KMEM_KUNIT_NOT_ERR_(test, true, pointer, KMEM_KUNIT_MESSAGE_(test, __VA_ARGS__))

#endif
