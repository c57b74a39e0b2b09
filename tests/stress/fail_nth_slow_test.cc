// Each and every failure point, once and from then on for ever.

#include "fail_nth_sweep.h"

namespace kmem::fail_nth {
namespace {

TEST_F(FailNthSweep, each_point_failing_once_leaves_nothing_behind) { sweep(false, 1); }
TEST_F(FailNthSweep, all_points_failing_from_each_on_leave_nothing_behind) { sweep(true, 1); }

}  // namespace
}  // namespace kmem::fail_nth

int main(int argc, char** argv) { return kmem::fail_nth::sweep_main(argc, argv); }
