// A hundred million steps: profile_pairs.h.

#include "unit/system/profile_pairs.h"

namespace kmem {
namespace {

TEST(ProfilePairs, EachFreeOfASampleFollowsItsAllocation) { expect_pairs(100'000'000, 500); }

}  // namespace
}  // namespace kmem
