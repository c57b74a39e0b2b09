// The kernel that tests kmem's layers one by one, and this port's promises, before any kmem is up.

#include "bare.h"
#include "gtest/gtest.h"

namespace {
/// The pattern after `test=` on the command line, up to a blank.
const char* pattern_of(const char* words, char* out, size_t bytes) {
  for (const char* at = words; *at; ++at) {
    if (__builtin_strncmp(at, "test=", 5)) continue;
    size_t n = 0;
    for (at += 5; at[n] && at[n] != ' ' && n + 1 < bytes; ++n) out[n] = at[n];
    out[n] = 0;
    return out;
  }
  return nullptr;
}
}  // namespace

/// Tests have machines of their own, in memory that comes on demand.
extern "C" const uint32_t bare_pool_share;
const uint32_t bare_pool_share = 2;

extern "C" int bare_kernel_main() {
  // It takes addresses away by munmap(), which a host then refuses; here any address may be mapped.
  testing::internal::leave_out("ZoneTest.a_host_that_has_no_more_is_an_empty_zone");
  // Long walks on one CPU, which are the same in a process.
  testing::internal::leave_out("MemblockModel.a_random_walk_agrees_byte_by_byte");
  testing::internal::leave_out("MemblockModel.a_walk_at_the_very_end_of_the_address_space_agrees");
  testing::internal::leave_out("MillionsOfFrames.after_churn_at_half_occupancy_nearly_all_blocks_that_could_be_whole_are");
  testing::internal::leave_out("ManyPages.after_churn_at_half_occupancy_nearly_all_blocks_that_could_be_whole_are");
  testing::internal::leave_out("Vmap.it_serves_256_mib_where_no_block_of_order_4_is_left");
  testing::internal::leave_out("BlockTableTest.a_million_keys_come_and_go");
  testing::internal::leave_out("FrameBitsModelTest.a_random_walk_agrees_with_an_entry_for_each_frame");
  testing::internal::leave_out("PageModelTest.a_random_walk_gives_every_frame_to_one_owner_and_gets_all_back");
  char pattern[128];
  return testing::internal::run_tests(pattern_of(bare::firmware.kernel_words, pattern, sizeof pattern)) ? 1 : 0;
}
