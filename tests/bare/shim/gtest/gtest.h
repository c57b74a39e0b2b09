#pragma once
#pragma GCC system_header  // its macros nest in each other
// As much of GoogleTest as the tests of kmem's layers use, for a machine that has nothing: the same names, TAP on the console.

#include <stddef.h>
#include <stdint.h>

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace testing {

/// What a failure says besides.
class Message {
 public:
  template <typename T>
  Message& operator<<(const T& value) {
    text += to_text(value);
    return *this;
  }
  std::string text;

  template <typename T>
  static std::string to_text(const T& value) {
    if constexpr (std::is_same_v<T, bool>) return value ? "true" : "false";
    else if constexpr (std::is_same_v<T, char*>) return "0x" + hex(reinterpret_cast<uintptr_t>(value));
    else if constexpr (std::is_null_pointer_v<T>) return "nullptr";
    else if constexpr (std::is_same_v<T, const char*>) return value ? value : "(null)";
    else if constexpr (std::is_convertible_v<T, std::string>) return std::string(value);
    else if constexpr (std::is_enum_v<T>) return number(static_cast<int64_t>(value));
    else if constexpr (std::is_integral_v<T>)
      return std::is_signed_v<T> ? number(static_cast<int64_t>(value)) : positive(value);
    else if constexpr (std::is_pointer_v<T>) return "0x" + hex(reinterpret_cast<uintptr_t>(value));
    else return "(a value)";
  }
  static std::string number(int64_t value);
  static std::string positive(uint64_t value);
  static std::string hex(uint64_t value);
};

class Test {
 public:
  virtual ~Test() = default;
  virtual void SetUp() {}
  virtual void TearDown() {}
  virtual void TestBody() = 0;
  static void SetUpTestSuite() {}
  static bool HasFatalFailure();
  static bool HasFailure();
};

template <typename T>
class TestWithParam : public Test {
 public:
  static const T& GetParam() { return current; }
  static inline T current{};
};
template <typename T>
std::vector<T> Range(T from, T to) {
  std::vector<T> all;
  for (; from < to; ++from) all.push_back(from);
  return all;
}

namespace internal {

struct Registered {
  Registered(const char* suite, const char* name, Test* (*make)(), bool with_parameter = false);
  const char *suite, *name;
  Test* (*make)();
  bool with_parameter;
  Registered* next = nullptr;
};

/// The parameters of a suite.
struct Parameters {
  Parameters(const char* suite, size_t nr, void (*set)(size_t i));
  const char* suite;
  size_t nr;
  void (*set)(size_t i);
  Parameters* next = nullptr;
};

/// Reports when it is assigned to; `=` binds weaker than `<<`.
struct Report {
  const char* file;
  int line;
  std::string what;
  enum { Failure, Fatal, Skip } kind;
  void operator=(const Message& message) const;
};

template <typename A, typename B>
std::string unequal(const char* a, const char* op, const char* b, const A& x, const B& y) {
  return std::string(a) + " " + op + " " + b + ": " + Message::to_text(x) + " and " + Message::to_text(y);
}

struct Comparison {
  bool holds;
  std::string what;
};
#define KMEM_COMPARISON(name, op)                                         \
  template <typename A, typename B>                                       \
  Comparison name(const char* a, const char* b, const A& x, const B& y) { \
    if (x op y) return {true, {}};                                        \
    return {false, unequal(a, #op, b, x, y)};                             \
  }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-compare"
KMEM_COMPARISON(compare_eq, ==)
KMEM_COMPARISON(compare_ne, !=)
KMEM_COMPARISON(compare_lt, <)
KMEM_COMPARISON(compare_le, <=)
KMEM_COMPARISON(compare_gt, >)
KMEM_COMPARISON(compare_ge, >=)
#pragma GCC diagnostic pop
#undef KMEM_COMPARISON
Comparison compare_text(const char* a, const char* b, const char* x, const char* y);

void CaptureStderr();
std::string GetCapturedStderr();

/// Runs what matches ("Suite.name", with * anywhere; null: all): how many failed.
unsigned run_tests(const char* pattern);
/// A test that asks for what this machine does not have: it counts as skipped.
void leave_out(const char* name);
unsigned nr_tests();

}  // namespace internal
}  // namespace testing

#define KMEM_TEST_CLASS(suite, name) suite##_##name##_Test
#define KMEM_TEST(suite, name, base)                                                         \
  class KMEM_TEST_CLASS(suite, name) : public base {                                         \
    void TestBody() override;                                                                \
  };                                                                                         \
  static ::testing::internal::Registered suite##_##name##_registered(                        \
      #suite, #name, []() -> ::testing::Test* { return new KMEM_TEST_CLASS(suite, name); }); \
  void KMEM_TEST_CLASS(suite, name)::TestBody()
#define TEST(suite, name) KMEM_TEST(suite, name, ::testing::Test)
#define TEST_F(suite, name) KMEM_TEST(suite, name, suite)

#define TEST_P(suite, name)                                                                        \
  class KMEM_TEST_CLASS(suite, name) : public suite {                                              \
    void TestBody() override;                                                                      \
  };                                                                                               \
  static ::testing::internal::Registered suite##_##name##_registered(                              \
      #suite, #name, []() -> ::testing::Test* { return new KMEM_TEST_CLASS(suite, name); }, true); \
  void KMEM_TEST_CLASS(suite, name)::TestBody()
#define INSTANTIATE_TEST_SUITE_P(prefix, suite, values)                                             \
  static const auto prefix##_##suite##_values = values;                                             \
  static ::testing::internal::Parameters prefix##_##suite(#suite, prefix##_##suite##_values.size(), \
                                                          [](size_t i) { suite::current = prefix##_##suite##_values[i]; })

#define KMEM_REPORT(kind, what) \
  ::testing::internal::Report{__FILE__, __LINE__, what, ::testing::internal::Report::kind} = ::testing::Message()
#define KMEM_EXPECT(comparison)                                                          \
  if (const ::testing::internal::Comparison kmem_seen = (comparison); kmem_seen.holds) { \
  } else KMEM_REPORT(Failure, kmem_seen.what)
#define KMEM_ASSERT_THAT(comparison)                                                     \
  if (const ::testing::internal::Comparison kmem_seen = (comparison); kmem_seen.holds) { \
  } else return KMEM_REPORT(Fatal, kmem_seen.what)
#define KMEM_TRUTH(x, want) (::testing::internal::Comparison{static_cast<bool>(x) == (want), #x})
#define KMEM_COMPARE(name, a, b) (::testing::internal::compare_##name(#a, #b, a, b))

#define EXPECT_TRUE(x) KMEM_EXPECT(KMEM_TRUTH(x, true))
#define EXPECT_FALSE(x) KMEM_EXPECT(KMEM_TRUTH(x, false))
#define EXPECT_EQ(a, b) KMEM_EXPECT(KMEM_COMPARE(eq, a, b))
#define EXPECT_NE(a, b) KMEM_EXPECT(KMEM_COMPARE(ne, a, b))
#define EXPECT_LT(a, b) KMEM_EXPECT(KMEM_COMPARE(lt, a, b))
#define EXPECT_LE(a, b) KMEM_EXPECT(KMEM_COMPARE(le, a, b))
#define EXPECT_GT(a, b) KMEM_EXPECT(KMEM_COMPARE(gt, a, b))
#define EXPECT_GE(a, b) KMEM_EXPECT(KMEM_COMPARE(ge, a, b))
#define EXPECT_STREQ(a, b) KMEM_EXPECT(::testing::internal::compare_text(#a, #b, a, b))
#define EXPECT_NEAR(a, b, near) KMEM_EXPECT((::testing::internal::Comparison{(a) - (b) <= (near) && (b) - (a) <= (near), #a}))
#define ASSERT_TRUE(x) KMEM_ASSERT_THAT(KMEM_TRUTH(x, true))
#define ASSERT_FALSE(x) KMEM_ASSERT_THAT(KMEM_TRUTH(x, false))
#define ASSERT_EQ(a, b) KMEM_ASSERT_THAT(KMEM_COMPARE(eq, a, b))
#define ASSERT_NE(a, b) KMEM_ASSERT_THAT(KMEM_COMPARE(ne, a, b))
#define ASSERT_LT(a, b) KMEM_ASSERT_THAT(KMEM_COMPARE(lt, a, b))
#define ASSERT_LE(a, b) KMEM_ASSERT_THAT(KMEM_COMPARE(le, a, b))
#define ASSERT_GT(a, b) KMEM_ASSERT_THAT(KMEM_COMPARE(gt, a, b))
#define ASSERT_GE(a, b) KMEM_ASSERT_THAT(KMEM_COMPARE(ge, a, b))
#define ASSERT_STREQ(a, b) KMEM_ASSERT_THAT(::testing::internal::compare_text(#a, #b, a, b))
#define FAIL() return KMEM_REPORT(Fatal, "FAIL()")
#define ADD_FAILURE() KMEM_REPORT(Failure, "ADD_FAILURE()")
#define GTEST_SKIP() return KMEM_REPORT(Skip, "")
#define SUCCEED() (void)0
#define SCOPED_TRACE(x) (void)(x)
