// Assertions: that they stop a debug build and say both values, and that a release build does not even look.

#include "base/check.h"

#include <gtest/gtest.h>

#include <csignal>

#include "death/in_child.h"
#include "sync/index_stack.h"
#include "sync/sheaf.h"

namespace kmem {
namespace {

#ifdef KMEM_DEBUG
constexpr bool kOn = true;
#else
constexpr bool kOn = false;
#endif

/// What is said of a failed assertion; nothing where it did not stop the process.
template <typename F>
std::string said(F f) {
  const test::Outcome outcome = test::run_in_child([&] {
    f();
    return 0;
  });
  if (!kOn) {
    EXPECT_EQ(outcome.status, 0) << outcome.text;
    return {};
  }
  EXPECT_TRUE(WIFSIGNALED(outcome.status) && WTERMSIG(outcome.status) == SIGABRT) << outcome.status;
  return outcome.text;
}

bool has(const std::string& text, const char* part) { return !kOn || text.find(part) != std::string::npos; }

TEST(Check, a_failed_assertion_names_its_place_and_both_values) {
  const unsigned count = 65, capacity = 64;
  const std::string text = said([&] { KMEM_ASSERT(count, <=, capacity); });
  EXPECT_TRUE(has(text, "ASSERT: ")) << text;
  EXPECT_TRUE(has(text, "check_test.cc:")) << text;
  EXPECT_TRUE(has(text, "count <= capacity: 65 (0x41) against 64 (0x40)")) << text;
}

TEST(Check, pointers_and_enumerations_can_be_compared) {
  enum class Kind : uint8_t { One = 1, Two = 2 };
  int there = 0;
  int* const p = &there;
  KMEM_ASSERT(p, !=, nullptr);
  KMEM_ASSERT(Kind::One, ==, Kind::One);
  EXPECT_TRUE(has(said([] { KMEM_ASSERT(Kind::One, ==, Kind::Two); }), "1 (0x1) against 2 (0x2)"));
}

TEST(Check, each_side_is_evaluated_once_in_a_debug_build_and_never_in_another) {
  int left = 0, right = 0;
  KMEM_ASSERT(++left, ==, ++right);
  EXPECT_EQ(left, kOn ? 1 : 0);
  EXPECT_EQ(right, kOn ? 1 : 0);
}

struct Links {
  Atomic<uint32_t>& link(uint32_t index) { return links[index]; }
  Atomic<uint32_t> links[8];
};

TEST(Check, an_index_that_is_pushed_twice_stops_the_program) {
  EXPECT_TRUE(has(said([] {
                    Links links;
                    IndexStack stack;
                    stack.push(links, 3);
                    stack.push(links, 3);
                  }),
                  "index_stack.h"));
}

TEST(Check, a_sheaf_takes_no_more_than_it_has_room_for) {
  // In a release build the word would be written below the sheaf: here there is a word.
  EXPECT_TRUE(has(said([] {
                    static uint64_t words[kSheafCapacity + 8];
                    Sheaf sheaf = Sheaf::cut(words + 4, 2);
                    int there[3];
                    sheaf.put(&there[0]);
                    sheaf.put(&there[1]);
                    if (kOn) sheaf.put(&there[2]);
                  }),
                  "sheaf.h"));
}

}  // namespace
}  // namespace kmem
