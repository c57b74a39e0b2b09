// <kunit/test.h>: what suites say, and what is given back.
#include <gtest/gtest.h>

#include <string>

#include <kmem/driver.h>

extern "C" int released[8], nr_released, cleaned;

namespace {

std::string log() {
  std::string text(1 << 17, 0);
  kmem_driver_log(text.data(), text.size());
  return text.c_str();
}
bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

/// One load for all tests: a module is loaded once.
struct Kunit : testing::Test {
  static void SetUpTestSuite() {
    kmem_driver_log_clear();
    result = kmem_driver_insmod("");
    text = log();
  }
  static inline int result;
  static inline std::string text;
};

TEST_F(Kunit, a_failed_case_fails_the_load) { EXPECT_EQ(result, -22); }
TEST_F(Kunit, results_are_ktap) {
  for (const char* line :
       {"KTAP version 1", "1..2", "    # Subtest: good", "    1..5", "    ok 1 passes", "    # passes: about to end",
        "    ok 2 skips # SKIP no hardware here", "    ok 3 gives_back_the_last_first", "    ok 4 a_named_resource_is_one",
        "    ok 5 devices_give_back_what_was_noted", "# good: pass:4 fail:0 skip:1 total:5", "ok 1 good",
        "# bad: pass:0 fail:3 skip:0 total:3", "not ok 2 bad"}) {
    EXPECT_TRUE(has(text, line)) << line << " in\n" << text;
  }
}
TEST_F(Kunit, a_failure_says_what_was_compared) {
  EXPECT_TRUE(has(text, "# goes_on_behind_an_expectation: EXPECTATION FAILED at ")) << text;
  EXPECT_TRUE(has(text, "Expected 7 == 8, but"));
  EXPECT_TRUE(has(text, "7 == 7 (0x7)"));
  EXPECT_TRUE(has(text, "value of x"));
  EXPECT_TRUE(has(text, "\"b\" == \"b\""));
  EXPECT_TRUE(has(text, "# ends_at_an_assertion: ASSERTION FAILED at "));
  EXPECT_TRUE(has(text, "Expected nr_released == 99 to be true, but is false"));
}
TEST_F(Kunit, each_parameter_is_a_result) {
  EXPECT_TRUE(has(text, "        ok 1 number 2"));
  EXPECT_TRUE(has(text, "        not ok 3 number 5"));
  EXPECT_TRUE(has(text, "# is_even: pass:2 fail:1 skip:0 total:3"));
  EXPECT_TRUE(has(text, "    not ok 3 is_even"));
}
TEST_F(Kunit, what_a_case_took_is_given_back_the_last_first) {
  EXPECT_EQ(nr_released, 4);
  EXPECT_EQ(released[0], 3);
  EXPECT_EQ(released[1], 1);
  EXPECT_EQ(released[2], 4);  // the device's
  EXPECT_EQ(released[3], 7);  // behind the expectation that failed; 8 and 9 never came
  EXPECT_EQ(cleaned, 5);
}

}  // namespace
