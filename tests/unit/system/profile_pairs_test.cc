// A million steps: profile_pairs.h.

#include "unit/system/profile_pairs.h"

namespace kmem {
namespace {

TEST(ProfilePairs, EachFreeOfASampleFollowsItsAllocation) { expect_pairs(1'000'000, 20); }

}  // namespace
}  // namespace kmem
