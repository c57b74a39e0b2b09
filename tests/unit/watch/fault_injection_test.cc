#include "watch/fault_injection.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "port/task.h"
#define KMEM_TEST_BRINGS_TASKS
#include "unit/stub_port.h"

namespace {
thread_local kmem::TaskState task;
const char* module_of_all_code = nullptr;
}  // namespace

extern "C" {
kmem::TaskState* kmem_port_task(void) { return &task; }
uint64_t kmem_port_entropy(void) { return 0x1234; }
bool kmem_port_locate(const void*, char* file, size_t room, uint64_t* offset) {
  if (!module_of_all_code) return false;
  strncpy(file, module_of_all_code, room);
  *offset = 0x10;
  return true;
}
bool kmem_port_save_stack(kmem::SavedStack* out) {
  out->pc = 0x400000;
  return true;
}
}

namespace kmem {
namespace {

using test::stub;

constexpr uint32_t kKernel = 0x3c0, kAtomic = 0x220;
constexpr size_t kSize = 64;

bool asks(FaultPoint point = FaultPoint::Slab, uint32_t gfp = kKernel, size_t size = kSize, const char* cache = "kmalloc-64") {
  return should_fail(point, gfp, size, cache);
}

/// 'x' for a failure, '.' for none.
std::string asked(unsigned times) {
  std::string pattern;
  while (times--) pattern += asks() ? 'x' : '.';
  return pattern;
}

int times_switched = 0;
bool is_closed = false;
void faults_changed(Faults now) {
  is_closed = now == Faults::Injected;
  ++times_switched;
}

class FaultTest : public testing::Test {
 protected:
  void SetUp() override {
    stub = {};
    times_switched = 0;
    set_fault_listener(faults_changed);
    always_.on = true;
    always_.probability = 100;
    always_.times = -1;
    always_.verbose = 0;
    always_.seed = 1;
  }
  void TearDown() override {
    reset_faults();
    set_fault_listener(nullptr);
    module_of_all_code = nullptr;
  }
  FaultSettings always_;
};

TEST_F(FaultTest, nothing_fails_until_somebody_says_so) {
  EXPECT_FALSE(faults_armed());
  EXPECT_EQ(asked(3), "...");
}

TEST_F(FaultTest, only_the_point_that_was_set_fails) {
  set_fault(FaultPoint::Pages, always_);
  EXPECT_FALSE(asks(FaultPoint::Slab));
  EXPECT_TRUE(asks(FaultPoint::Pages));
  EXPECT_EQ(nr_faults_injected(FaultPoint::Pages), 1u);
}

TEST_F(FaultTest, a_call_that_must_not_fail_does_not) {
  set_fault(FaultPoint::Slab, always_);
  set_task_fail_nth(1);
  EXPECT_FALSE(asks(FaultPoint::Slab, kKernel | kFaultGfpNoFail));
  EXPECT_EQ(task_fail_nth(), 1u) << "nor is it counted";
}

TEST_F(FaultTest, the_fast_paths_are_closed_while_anything_is_on) {
  set_fault(FaultPoint::Pages, always_);
  set_fault(FaultPoint::Slab, always_);
  EXPECT_TRUE(is_closed);
  set_fault(FaultPoint::Pages, {});
  EXPECT_TRUE(is_closed);
  set_fault(FaultPoint::Slab, {});
  EXPECT_FALSE(is_closed);
  set_task_fail_nth(5);
  EXPECT_TRUE(is_closed);
  set_task_fail_nth(7);
  set_task_fail_nth(0);
  EXPECT_FALSE(is_closed);
}

// ---- attributes ----

TEST_F(FaultTest, interval_lets_all_but_every_nth_through) {
  always_.interval = 3;
  set_fault(FaultPoint::Slab, always_);
  EXPECT_EQ(asked(7), "..x..x.");
}

TEST_F(FaultTest, times_is_how_often_it_fails) {
  always_.times = 2;
  set_fault(FaultPoint::Slab, always_);
  EXPECT_EQ(asked(5), "xx...");
}

TEST_F(FaultTest, space_is_given_before_the_first_failure) {
  always_.space = 3 * kSize + 1;
  set_fault(FaultPoint::Slab, always_);
  EXPECT_EQ(asked(5), "...xx");
}

TEST_F(FaultTest, probability_is_in_percent_and_one_seed_is_one_sequence) {
  always_.probability = 10;
  set_fault(FaultPoint::Slab, always_);
  const std::string first = asked(10000);
  const auto failures = std::count(first.begin(), first.end(), 'x');
  EXPECT_GT(failures, 800);
  EXPECT_LT(failures, 1200);
  set_fault(FaultPoint::Slab, always_);
  EXPECT_EQ(asked(10000), first);
  always_.seed = 2;
  set_fault(FaultPoint::Slab, always_);
  EXPECT_NE(asked(10000), first);
}

TEST_F(FaultTest, a_seed_is_chosen_and_told_where_none_is_given) {
  always_.seed = 0;
  always_.verbose = 1;
  set_fault(FaultPoint::Slab, always_);
  EXPECT_TRUE(asks());
  EXPECT_NE(stub.log.find("seed 0x1235"), std::string::npos) << stub.log;
}

TEST_F(FaultTest, filters_by_cache) {
  strcpy(always_.caches[0], "dentry");
  strcpy(always_.caches[1], "kmalloc-64");
  set_fault(FaultPoint::Slab, always_);
  EXPECT_TRUE(asks(FaultPoint::Slab, kKernel, 64, "kmalloc-64"));
  EXPECT_TRUE(asks(FaultPoint::Slab, kKernel, 64, "dentry"));
  EXPECT_FALSE(asks(FaultPoint::Slab, kKernel, 64, "kmalloc-6"));
  EXPECT_FALSE(asks(FaultPoint::Slab, kKernel, 64, nullptr));
}

TEST_F(FaultTest, filters_by_flags) {
  always_.ignore_gfp_wait = true;
  set_fault(FaultPoint::Slab, always_);
  EXPECT_FALSE(asks(FaultPoint::Slab, kKernel));
  EXPECT_TRUE(asks(FaultPoint::Slab, kAtomic));
  always_.ignore_gfp_wait = false;
  always_.gfp_required = 0x4000;
  always_.gfp_rejected = 0x400;
  set_fault(FaultPoint::Slab, always_);
  EXPECT_FALSE(asks(FaultPoint::Slab, kKernel));
  EXPECT_TRUE(asks(FaultPoint::Slab, kKernel | 0x4000));
  EXPECT_FALSE(asks(FaultPoint::Slab, kKernel | 0x4400));
  always_.gfp_required = always_.gfp_rejected = 0;
  always_.ignore_gfp_highmem = true;
  set_fault(FaultPoint::Pages, always_);
  EXPECT_FALSE(asks(FaultPoint::Pages, kKernel | kFaultGfpHighMem));
  EXPECT_TRUE(asks(FaultPoint::Pages, kKernel));
}

TEST_F(FaultTest, filters_by_order) {
  always_.min_order = 2;
  set_fault(FaultPoint::Pages, always_);
  EXPECT_FALSE(asks(FaultPoint::Pages, kKernel, kPageSize));
  EXPECT_FALSE(asks(FaultPoint::Pages, kKernel, 2 * kPageSize));
  EXPECT_TRUE(asks(FaultPoint::Pages, kKernel, 3 * kPageSize));
  EXPECT_TRUE(asks(FaultPoint::Pages, kKernel, 4 * kPageSize));
}

TEST_F(FaultTest, filters_by_task) {
  always_.task_filter = true;
  set_fault(FaultPoint::Slab, always_);
  EXPECT_FALSE(asks());
  set_task_make_it_fail(true);
  EXPECT_TRUE(asks());
  std::thread([] { EXPECT_FALSE(asks()); }).join();
}

TEST_F(FaultTest, filters_by_call_site) {
  stub.nr_frames = 4;  // 0x400000 to 0x400003
  always_.nr_required = 1;
  always_.required[0] = {0x400003, 0x400010, {}};
  set_fault(FaultPoint::Slab, always_);
  EXPECT_TRUE(asks());
  stub.nr_frames = 3;
  EXPECT_FALSE(asks()) << "no frame lies there";
  stub.nr_frames = 4;
  always_.nr_rejected = 1;
  always_.rejected[0] = {0x400000, 0x400001, {}};
  set_fault(FaultPoint::Slab, always_);
  EXPECT_FALSE(asks()) << "one rejected frame is too much";
}

TEST_F(FaultTest, a_trace_is_looked_at_as_deep_as_asked) {
  stub.nr_frames = 4;
  always_.stacktrace_depth = 2;
  always_.nr_required = 1;
  always_.required[0] = {0x400002, 0x400010, {}};
  set_fault(FaultPoint::Slab, always_);
  EXPECT_FALSE(asks());
}

TEST_F(FaultTest, filters_by_the_file_that_code_came_from) {
  stub.nr_frames = 2;
  always_.nr_required = 1;
  strcpy(always_.required[0].module, "libfoo.so");
  set_fault(FaultPoint::Slab, always_);
  EXPECT_FALSE(asks());
  module_of_all_code = "/usr/lib/libfoo.so";
  EXPECT_TRUE(asks());
  module_of_all_code = "/usr/lib/libfoo.so.1";
  EXPECT_FALSE(asks());
}

// ---- the n-th ----

TEST_F(FaultTest, the_nth_point_of_a_task_fails_once) {
  set_task_fail_nth(3);
  EXPECT_EQ(asked(6), "..x...");
  EXPECT_EQ(task_fail_nth(), 0u);
}

TEST_F(FaultTest, another_tasks_points_are_not_counted) {
  set_task_fail_nth(1);
  std::thread([] { EXPECT_FALSE(asks()); }).join();
  EXPECT_TRUE(asks());
}

TEST_F(FaultTest, the_nth_point_of_the_program_fails_once_or_from_then_on) {
  set_fail_nth({.on = true, .n = 3, .verbose = 0}, nullptr);
  EXPECT_EQ(asked(6), "..x...");
  EXPECT_EQ(fault_record().nr_points.peek(), 6u);
  EXPECT_EQ(fault_record().nr_failed.peek(), 1u);
  set_fail_nth({.on = true, .n = 3, .forever = true, .verbose = 0}, nullptr);
  EXPECT_EQ(asked(6), "..xxxx");
}

TEST_F(FaultTest, points_can_be_counted_alone) {
  set_fail_nth({.on = true, .verbose = 0}, nullptr);
  EXPECT_EQ(asked(3), "...");
  EXPECT_EQ(fault_record().nr_points.peek(), 3u);
}

TEST_F(FaultTest, every_point_and_every_thread_counts) {
  set_fail_nth({.on = true, .n = 2, .verbose = 0}, nullptr);
  std::thread([] { EXPECT_FALSE(asks(FaultPoint::Sheaf)); }).join();
  EXPECT_TRUE(asks(FaultPoint::Section));
}

TEST_F(FaultTest, the_first_failure_is_described) {
  stub.nr_frames = 2;
  module_of_all_code = "/bin/program";
  static SharedFaultRecord record;
  set_fail_nth({.on = true, .n = 2, .forever = true, .verbose = 0}, &record);
  EXPECT_EQ(asked(1), ".");
  EXPECT_EQ(record.described.peek(), FaultRecord::Nothing);
  EXPECT_TRUE(asks(FaultPoint::Slab, kAtomic, 100, "kmalloc-128"));
  EXPECT_TRUE(asks(FaultPoint::Pages, kKernel, kPageSize, nullptr));
  EXPECT_EQ(record.described.peek(), FaultRecord::Whole);
  EXPECT_EQ(record.point, static_cast<uint32_t>(FaultPoint::Slab));
  EXPECT_EQ(record.gfp, kAtomic);
  EXPECT_EQ(record.size, 100u);
  EXPECT_STREQ(record.cache, "kmalloc-128");
  EXPECT_EQ(record.stack.pc, 0x400000u);
  EXPECT_EQ(record.nr_failed.peek(), 2u);
}

TEST_F(FaultTest, what_is_exempt_neither_fails_nor_counts) {
  set_fail_nth({.on = true, .n = 1, .verbose = 0}, nullptr);
  {
    const FaultExempt exempt;
    const FaultExempt inner;
    EXPECT_FALSE(asks());
  }
  {
    const FaultExempt unwanted(false);
    EXPECT_TRUE(asks());
  }
}

TEST_F(FaultTest, an_exemption_ends_as_it_began_whatever_is_switched_meanwhile) {
  {
    const FaultExempt before_it_was_on;
    set_fail_nth({.on = true, .n = 1, .verbose = 0}, nullptr);
  }
  EXPECT_TRUE(asks());
  {
    const FaultExempt while_it_was_on;
    reset_faults();
  }
  set_fail_nth({.on = true, .n = 1, .verbose = 0}, nullptr);
  EXPECT_TRUE(asks());
}

// ---- what is said ----

TEST_F(FaultTest, a_failure_is_told_in_the_kernels_words) {
  always_.verbose = 2;
  always_.times = 5;
  stub.nr_frames = 1;
  set_fault(FaultPoint::Slab, always_);
  EXPECT_TRUE(asks());
  EXPECT_EQ(stub.log,
            "FAULT_INJECTION: forcing a failure.\n"
            "name failslab, interval 1, probability 100, space 0, times 4\n"
            "function kmem_cache_alloc, size 64, gfp 0x3c0, seed 0x1, cache kmalloc-64\n"
            "Call Trace:\n [<0000000000400000>]\n");
}

TEST_F(FaultTest, verbose_1_is_without_a_trace_and_0_is_silent) {
  stub.nr_frames = 1;
  always_.verbose = 1;
  set_fault(FaultPoint::Slab, always_);
  EXPECT_TRUE(asks());
  EXPECT_EQ(stub.log.find("Call Trace"), std::string::npos);
  stub.log.clear();
  always_.verbose = 0;
  set_fault(FaultPoint::Slab, always_);
  EXPECT_TRUE(asks());
  EXPECT_EQ(stub.log, "");
}

TEST_F(FaultTest, threads_together_fail_as_often_as_told) {
  always_.times = 1000;
  set_fault(FaultPoint::Slab, always_);
  std::vector<std::thread> threads;
  Atomic<uint32_t> failures;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) failures.fetch_add(asks());
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures.peek(), 1000u);
}

}  // namespace
}  // namespace kmem
