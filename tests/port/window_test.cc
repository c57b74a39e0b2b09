// The contract of every port, the window of vmap.

#include <cstring>

#include "port/contract.h"

namespace kmem {
namespace {

TEST_F(Contract, reserved_addresses_are_opened_by_parts_read_as_zero_and_lose_their_contents_when_closed) {
  constexpr size_t kBytes = size_t{1} << 20;
  auto* at = static_cast<char*>(kmem_port_window_reserve(kBytes, kBlockBytes));
  ASSERT_NE(at, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(at) % kBlockBytes, 0u);
  ASSERT_TRUE(kmem_port_window_open(at, 8 * kPageSize, Access::ReadWrite, WindowPages::Small));
  EXPECT_EQ(at[0] | at[8 * kPageSize - 1], 0);
  memset(at, 0x5a, 8 * kPageSize);
  kmem_port_window_close(at, 8 * kPageSize);
  ASSERT_TRUE(kmem_port_window_open(at, 8 * kPageSize, Access::ReadWrite, WindowPages::Small));
  EXPECT_EQ(at[0] | at[8 * kPageSize - 1], 0);
  at[5] = 1;
  EXPECT_TRUE(kmem_port_window_access(at, kPageSize, Access::Read));
  EXPECT_EQ(at[5], 1);
  kmem_port_window_close(at, 8 * kPageSize);
  kmem_port_window_release(at, kBytes);
  EXPECT_EQ(kmem_port_window_reserve(~size_t{0} - kPageSize, kPageSize), nullptr);
}

TEST_F(Contract, chosen_addresses_are_reserved_by_parts_and_used_as_others) {
  constexpr size_t kPart = size_t{1} << 20;
  auto* at = static_cast<char*>(kmem_port_window_choose(8 * kPart, kBlockBytes));
  ASSERT_NE(at, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(at) % kBlockBytes, 0u);
  ASSERT_TRUE(kmem_port_window_take(at, kPart));
  ASSERT_TRUE(kmem_port_window_take(at + 4 * kPart, kPart)) << "the first of another range in it";
  ASSERT_TRUE(kmem_port_window_take(at + kPart, kPart));
  // An area across two parts.
  ASSERT_TRUE(kmem_port_window_open(at + kPart - kPageSize, 2 * kPageSize, Access::ReadWrite, WindowPages::Small));
  memset(at + kPart - kPageSize, 0x5a, 2 * kPageSize);
  ASSERT_EQ(kmem_port_online(at + 4 * kPart, kPageSize), Online::Done);
  EXPECT_EQ(at[4 * kPart] | at[4 * kPart + kPageSize - 1], 0);
  EXPECT_EQ(at[kPart], 0x5a);
  EXPECT_TRUE(kmem_port_window_close(at + kPart - kPageSize, 2 * kPageSize));
  kmem_port_window_release(at, 8 * kPart);
}

TEST_F(Contract, a_guard_is_taken_away_by_opening_again_and_its_neighbours_stay) {
  constexpr size_t kBytes = 16 * kPageSize;
  auto* at = static_cast<char*>(kmem_port_window_reserve(kBytes, kPageSize));
  ASSERT_TRUE(kmem_port_window_open(at, 4 * kPageSize, Access::ReadWrite, WindowPages::Small));
  memset(at, 1, 4 * kPageSize);
  if (kmem_port_window_guard(at + kPageSize, kPageSize)) {
    EXPECT_EQ(at[0] & at[2 * kPageSize], 1);
    ASSERT_TRUE(kmem_port_window_open(at + kPageSize, kPageSize, Access::ReadWrite, WindowPages::Small));
    EXPECT_EQ(at[kPageSize], 0);
    EXPECT_EQ(at[0] & at[2 * kPageSize], 1);
  }
  kmem_port_window_close(at, 4 * kPageSize);
  kmem_port_window_release(at, kBytes);
}

TEST_F(Contract, contents_move_into_the_window_and_home_again) {
  char* home = free_memory();
  constexpr size_t kBytes = size_t{4} << 20;
  ASSERT_EQ(kmem_port_online(home, kBytes), Online::Done);
  auto* at = static_cast<char*>(kmem_port_window_reserve(kBytes, kPageSize));
  for (const size_t pages : {size_t{1}, size_t{15}, size_t{16}, size_t{600}}) {
    memset(home, static_cast<int>(pages % 100) + 1, pages * kPageSize);
    ASSERT_TRUE(kmem_port_window_move(at, home, pages * kPageSize));
    EXPECT_EQ(at[pages * kPageSize - 1], static_cast<char>(pages % 100 + 1));
    EXPECT_EQ(home[0] | home[pages * kPageSize - 1], 0) << "what has moved is not there";
    at[3] = 42;
    ASSERT_TRUE(kmem_port_window_move(home, at, pages * kPageSize));
    EXPECT_EQ(home[3], 42);
    EXPECT_EQ(home[pages * kPageSize - 1], static_cast<char>(pages % 100 + 1));
    kmem_port_window_close(at, pages * kPageSize);
  }
  if (!machine().can_alias) {
    EXPECT_FALSE(kmem_port_window_alias(at, home, kPageSize, Access::ReadWrite));
  }
  kmem_port_window_release(at, kBytes);
}

}  // namespace
}  // namespace kmem
