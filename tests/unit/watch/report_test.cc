#include "watch/report.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "unit/stub_port.h"
#include "watch/counters.h"

namespace kmem {
namespace {

using test::stub;

class WatchTest : public testing::Test {
 protected:
  void SetUp() override { stub = {}; }
  void TearDown() override {
    set_panic_on_warn(false);
    set_panic_on_bug(false);
    set_report_facts(nullptr);
  }
};

TEST_F(WatchTest, lines_are_collected_and_logged_in_one_piece) {
  {
    Report report;
    report.line("Slab %s", "kmalloc-64").line("objects %u", 3u);
    EXPECT_EQ(stub.log_calls, 0u);
  }
  EXPECT_EQ(stub.log, "kmem: Slab kmalloc-64\nkmem: objects 3\n");
  EXPECT_EQ(stub.log_calls, 1u);
}

TEST_F(WatchTest, an_empty_report_logs_nothing) {
  { Report report; }
  EXPECT_EQ(stub.log_calls, 0u);
}

TEST_F(WatchTest, a_sent_report_starts_over) {
  Report report;
  report.line("one").send();
  report.line("two").send();
  EXPECT_EQ(stub.log, "kmem: one\nkmem: two\n");
}

TEST_F(WatchTest, the_prefix_can_be_another_or_none) {
  { Report("").line("MEMBLOCK configuration:"); }
  EXPECT_EQ(stub.log, "MEMBLOCK configuration:\n");
}

TEST_F(WatchTest, a_report_too_long_says_how_much_is_missing) {
  const std::string line(100, 'x');
  {
    Report report("");
    for (int i = 0; i < 100; ++i) report.line("%s", line.c_str());
  }
  EXPECT_LE(stub.log.size(), Report::kBytes);
  const size_t last = stub.log.rfind("... ");
  ASSERT_NE(last, std::string::npos);
  const size_t kept = last - 1;
  EXPECT_EQ(stub.log.substr(last), "... " + std::to_string(101 * 100 - kept) + " characters cut\n");
}

TEST_F(WatchTest, a_long_prefix_leaves_the_end_of_a_cut_report_in_place) {
  const std::string prefix(200, 'p');
  {
    Report report(prefix.c_str());
    for (int i = 0; i < 100; ++i) report.line("abc");
  }
  EXPECT_LE(stub.log.size(), Report::kBytes);
  EXPECT_EQ(stub.log.back(), '\n');
}

TEST_F(WatchTest, a_call_trace_has_one_address_a_line) {
  stub.nr_frames = 2;
  { Report().call_trace(); }
  EXPECT_EQ(stub.log, "kmem: Call Trace:\nkmem:  [<0000000000400000>]\nkmem:  [<0000000000400001>]\n");
}

TEST_F(WatchTest, a_call_trace_that_is_not_known_is_not_announced) {
  { Report().call_trace(); }
  EXPECT_EQ(stub.log, "");
}

TEST_F(WatchTest, a_bug_report_names_its_kind_and_its_callers) {
  stub.nr_frames = 1;
  bug_report(Trouble::Bug, "double free of %p", reinterpret_cast<void*>(0x10));
  EXPECT_EQ(stub.log, "kmem: BUG: double free of 0000000000000010\nkmem: Call Trace:\nkmem:  [<0000000000400000>]\n");
  stub = {};
  bug_report(Trouble::Warning, "order %d is too high", 11);
  EXPECT_EQ(stub.log, "kmem: WARNING: order 11 is too high\n");
}

TEST_F(WatchTest, the_facts_of_the_machine_are_in_every_bug_report) {
  set_report_facts("CPU stacks: rseq");
  bug_report(Trouble::Bug, "x");
  EXPECT_EQ(stub.log, "kmem: BUG: x\nkmem: CPU stacks: rseq\n");
}

TEST_F(WatchTest, a_note_is_one_line) {
  note("%u ranges", 2u);
  EXPECT_EQ(stub.log, "kmem: 2 ranges\n");
}

TEST_F(WatchTest, without_the_setting_a_report_goes_on) {
  EXPECT_FALSE(panic_on_warn());
  EXPECT_FALSE(test::panics([] { bug_report(Trouble::Bug, "x"); }));
}

TEST_F(WatchTest, panic_on_warn_ends_the_program_after_the_report) {
  set_panic_on_warn(true);
  EXPECT_TRUE(test::panics([] { bug_report(Trouble::Warning, "x"); }));
  EXPECT_EQ(stub.log, "kmem: WARNING: x\nkmem: Kernel panic - not syncing: panic_on_warn set ...\n");
}

TEST_F(WatchTest, panic_on_bug_ends_the_program_after_a_bug_and_not_after_a_warning) {
  set_panic_on_bug(true);
  EXPECT_FALSE(test::panics([] { bug_report(Trouble::Warning, "x"); }));
  stub.log.clear();
  EXPECT_TRUE(test::panics([] { bug_report(Trouble::Bug, "y"); }));
  EXPECT_EQ(stub.log, "kmem: BUG: y\nkmem: Kernel panic - not syncing: Fatal exception\n");
  EXPECT_FALSE(test::panics([] { bug_report(Trouble::Bug, "z"); })) << "the panic is the last";
}

TEST_F(WatchTest, what_the_panic_itself_finds_is_no_second_panic) {
  set_panic_on_warn(true);
  EXPECT_TRUE(test::panics([] { bug_report(Trouble::Warning, "x"); }));
  EXPECT_FALSE(test::panics([] { bug_report(Trouble::Warning, "y"); }));
}

TEST_F(WatchTest, panic_on_warn_holds_for_a_suppressed_report_too) {
  RateLimit limit(0, 1000);
  set_panic_on_warn(true);
  EXPECT_TRUE(test::panics([&] { bug_report_limited(limit, Trouble::Bug, "x"); }));
}

TEST_F(WatchTest, a_rate_limit_lets_ten_through_in_five_seconds) {
  RateLimit limit;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(limit.ask().allowed);
  for (int i = 0; i < 7; ++i) EXPECT_FALSE(limit.ask().allowed);
  stub.now_ns += 5'000'000'000;
  EXPECT_FALSE(limit.ask().allowed) << "the window ends after five seconds, not at them";
  stub.now_ns += 1'000'000;
  const RateLimit::Verdict verdict = limit.ask();
  EXPECT_TRUE(verdict.allowed);
  EXPECT_EQ(verdict.suppressed, 8u);
  for (int i = 0; i < 9; ++i) EXPECT_EQ(limit.ask().suppressed, 0u);
  EXPECT_FALSE(limit.ask().allowed);
}

TEST_F(WatchTest, a_rate_limit_works_from_the_first_instant_of_the_clock) {
  stub.now_ns = 0;
  RateLimit limit(2, 1000);
  EXPECT_TRUE(limit.ask().allowed);
  EXPECT_TRUE(limit.ask().allowed);
  EXPECT_FALSE(limit.ask().allowed);
}

TEST_F(WatchTest, a_limited_report_tells_what_was_suppressed) {
  RateLimit limit(1, 1000);
  for (int i = 0; i < 4; ++i) bug_report_limited(limit, Trouble::Bug, "round %d", i);
  stub.now_ns += 2'000'000'000;
  bug_report_limited(limit, Trouble::Bug, "later");
  EXPECT_EQ(stub.log, "kmem: BUG: round 0\nkmem: bug_report: 3 callbacks suppressed\nkmem: BUG: later\n");
}

TEST_F(WatchTest, threads_that_ask_at_once_get_no_more_than_the_burst) {
  RateLimit limit(100, 1000);
  std::vector<std::thread> threads;
  Counter allowed, asked;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i, asked.add())
        if (limit.ask().allowed) allowed.add();
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(allowed.value(), 100u);
  EXPECT_EQ(asked.value(), 40'000u);
}

TEST_F(WatchTest, once_is_true_once) {
  Once once;
  EXPECT_TRUE(once.first());
  EXPECT_FALSE(once.first());
  EXPECT_FALSE(once.first());
}

/// How many frames of a trace, the innermost first, are kmem's own.
unsigned own_of(std::vector<const char*> names) {
  stub.code_is_text = true;
  std::vector<void*> frames;
  for (const char* name : names) frames.push_back(const_cast<char*>(name));
  return own_frames(frames.data(), static_cast<unsigned>(frames.size()));
}

TEST_F(WatchTest, a_trace_begins_behind_the_functions_that_programs_call) {
  EXPECT_EQ(own_of({"_ZN4kmem5Cache4freeEPv+0x10/0x80", "kmem_own_free+0x92/0xa3", "main+0x2cf/0x2ff"}), 2u);
  EXPECT_EQ(own_of({"free+0x92/0xa3", "main+0x2cf/0x2ff"}), 1u);
  EXPECT_EQ(own_of({"_ZdlPvm+0x9/0xa", "main+0x2cf/0x2ff"}), 1u);
}

TEST_F(WatchTest, a_function_of_a_program_is_not_ours_because_it_begins_with_free) {
  EXPECT_EQ(own_of({"free+0x92/0xa3", "free_tree+0x12/0x40", "main+0x2cf/0x2ff"}), 1u);
  EXPECT_EQ(own_of({"malloc_or_die+0x92/0xa3", "main+0x2cf/0x2ff"}), 0u);
}

TEST_F(WatchTest, functions_that_our_headers_have_inline_are_left_out_behind_a_library_without_names) {
  stub.nr_own_frames = 2;
  EXPECT_EQ(own_of({"", "", "kmem_cache_zalloc+0x25/0x27", "main+0x2cf/0x2ff"}), 3u);
  EXPECT_EQ(own_of({"", "", "main+0x2cf/0x2ff"}), 2u);
}

TEST_F(WatchTest, a_trace_of_nothing_but_our_own_is_shown_whole) {
  EXPECT_EQ(own_of({"kmem_kfree+0x1/0x2", "free+0x1/0x2"}), 0u);
}

TEST(Counter, counts_up_down_and_keeps_the_highest) {
  Counter counter;
  counter.add();
  counter.add(9);
  counter.sub(3);
  EXPECT_EQ(counter.value(), 7u);
  counter.add_alone(3);
  counter.raise_to(5);
  EXPECT_EQ(counter.value(), 10u);
  counter.raise_to(12);
  EXPECT_EQ(counter.take(), 12u);
  EXPECT_EQ(counter.value(), 0u);
}

}  // namespace
}  // namespace kmem
