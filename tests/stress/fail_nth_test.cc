// Some of the failure points, evenly spread; fail_nth_slow_test.cc takes all of them.

#include "fail_nth_sweep.h"

namespace kmem::fail_nth {
namespace {

/// Children for each mode: few enough for the ordinary run.
constexpr uint64_t kChildren = 60;

uint64_t stride() {
  static const uint64_t points = count_points();
  return getenv("KMEM_FAIL_NTH") ? 1 : points / kChildren + 1;
}

TEST_F(FailNthSweep, the_scenario_succeeds_where_nothing_fails) { EXPECT_GT(count_points(), 500u); }
// ---- would it be seen? ----

std::string told_of(void (*mistake)()) {
  planted = mistake;
  const Told child = run_child({.on = true, .n = 0, .verbose = 0});
  planted = nullptr;
  return child.what;
}

TEST_F(FailNthSweep, what_is_lost_is_seen) {
  EXPECT_EQ(told_of([] { EXPECT_NE(alloc_pages(GFP_KERNEL, 3), nullptr); }), "after the failure: 8 frames are lost");
  EXPECT_NE(told_of([] { EXPECT_NE(kmalloc(100, GFP_KERNEL), nullptr); }).find("are lost"), std::string::npos);
  EXPECT_NE(told_of([] { EXPECT_NE(slow_malloc(16 << 20, Contents::Any), nullptr); }).find("mapped bytes are lost"),
            std::string::npos);
  EXPECT_EQ(told_of([] { EXPECT_NE(kmem::system().sheaves.get(), nullptr); }), "after the failure: 1 sheaves are lost");
  EXPECT_NE(told_of([] { abort(); }).find("dies of signal 6"), std::string::npos);
}

// Found by the sweep: once its first descriptors could not be had, the window gave no addresses ever again.
TEST_F(FailNthSweep, a_window_that_cannot_be_opened_the_first_time_opens_the_next) {
  const pid_t child = fork();
  if (!child) {
    FaultSettings once;
    once.on = true;
    once.probability = 100;
    once.verbose = 0;
    set_fault(FaultPoint::Map, once);
    void* none = vmalloc(100);
    void* some = vmalloc(100);
    _exit(none || !some);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(FailNthSweep, a_point_failing_once_leaves_nothing_behind) { sweep(false, stride()); }
TEST_F(FailNthSweep, all_points_failing_from_one_on_leave_nothing_behind) { sweep(true, stride()); }

}  // namespace
}  // namespace kmem::fail_nth

int main(int argc, char** argv) { return kmem::fail_nth::sweep_main(argc, argv); }
