// mem=, numa= and highmem= over the facts of a machine, with exact numbers.

#include "boot/shape_machine.h"

#include <gtest/gtest.h>

namespace kmem {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20, kGiB = uint64_t{1} << 30;

/// The DMA zone, 256 MiB below 4 GiB, and 8 GiB above: what the Linux port hands over.
struct Shape : testing::Test {
  Shape() {
    machine.ram[0] = {{0}, 16 * kMiB, {}};
    machine.ram[1] = {{16 * kMiB}, 256 * kMiB, {}};
    machine.ram[2] = {{4 * kGiB}, 8 * kGiB, {}};
    machine.nr_ram = 3;
    machine.nr_cpus = 4;
  }
  uint64_t total() const {
    uint64_t sum = 0;
    for (unsigned i = 0; i < machine.nr_ram; ++i) sum += machine.ram[i].bytes;
    return sum;
  }
  Machine machine;
};

TEST_F(Shape, without_words_nothing_changes) {
  shape_machine(machine, {});
  EXPECT_EQ(machine.nr_ram, 3u);
  EXPECT_EQ(total(), 8 * kGiB + 272 * kMiB);
}

TEST_F(Shape, mem_takes_memory_off_the_end) {
  shape_machine(machine, {.mem = kGiB});
  ASSERT_EQ(machine.nr_ram, 3u);
  EXPECT_EQ(machine.ram[2].bytes, kGiB - 272 * kMiB);
  EXPECT_EQ(total(), kGiB);
}

TEST_F(Shape, mem_below_the_first_ranges_removes_whole_ranges) {
  shape_machine(machine, {.mem = 20 * kMiB});
  ASSERT_EQ(machine.nr_ram, 2u);
  EXPECT_EQ(machine.ram[1].bytes, 4 * kMiB);
}

TEST_F(Shape, mem_that_is_no_multiple_of_the_largest_block_is_rounded_down) {
  shape_machine(machine, {.mem = 20 * kMiB + 4096});
  EXPECT_EQ(total(), 20 * kMiB);
}

TEST_F(Shape, more_mem_than_there_is_changes_nothing) {
  shape_machine(machine, {.mem = 64 * kGiB});
  EXPECT_EQ(total(), 8 * kGiB + 272 * kMiB);
}

TEST_F(Shape, a_limit_of_the_host_caps_as_mem_does) {
  machine.limited = true;
  machine.physical_bytes = kGiB;
  shape_machine(machine, {.mem = 2 * kGiB});
  EXPECT_EQ(total(), kGiB);
}

TEST_F(Shape, fake_nodes_share_the_last_range_and_the_cpus) {
  shape_machine(machine, {.fake_nodes = 3});
  ASSERT_EQ(machine.nr_ram, 5u);
  EXPECT_EQ(machine.nr_nodes, 3u);
  const uint64_t share = 2728 * kMiB;  // 8 GiB / 3, rounded down to 4 MiB
  for (unsigned i = 2; i < 5; ++i) {
    EXPECT_EQ(machine.ram[i].node.value, i - 2);
    EXPECT_EQ(machine.ram[i].start.value, 4 * kGiB + (i - 2) * share);
  }
  EXPECT_EQ(machine.ram[2].bytes, share);
  EXPECT_EQ(machine.ram[4].bytes, 8 * kGiB - 2 * share);
  EXPECT_EQ(machine.cpu_node[0], 0);
  EXPECT_EQ(machine.cpu_node[2], 2);
  EXPECT_EQ(machine.cpu_node[3], 0);
  EXPECT_EQ(machine.distance[1][1], 10);
  EXPECT_EQ(machine.distance[1][2], 20);
  EXPECT_EQ(total(), 8 * kGiB + 272 * kMiB);
}

TEST_F(Shape, more_fake_nodes_than_largest_blocks_change_nothing) {
  machine.ram[2].bytes = 4 * kMiB;
  fake_nodes(machine, 2);
  EXPECT_EQ(machine.nr_ram, 3u);
  EXPECT_EQ(machine.nr_nodes, 1u);
}

TEST_F(Shape, the_hosts_nodes_are_forgotten_before_fake_ones_are_made) {
  machine.ram[2] = {{4 * kGiB}, 3 * kGiB, {0}};
  machine.ram[3] = {{7 * kGiB}, 5 * kGiB, {1}};
  machine.nr_ram = 4;
  machine.nr_nodes = 2;
  machine.binds_nodes = true;
  machine.cpu_node[3] = 1;
  shape_machine(machine, {.fake_nodes = 1});
  ASSERT_EQ(machine.nr_ram, 3u);
  EXPECT_EQ(machine.ram[2].bytes, 8 * kGiB);
  EXPECT_EQ(machine.nr_nodes, 1u);
  EXPECT_FALSE(machine.binds_nodes);
  EXPECT_EQ(machine.cpu_node[3], 0);
}

TEST_F(Shape, highmem_is_the_end_of_the_last_range) {
  shape_machine(machine, {.highmem = kGiB + 1});
  ASSERT_EQ(machine.nr_ram, 4u);
  EXPECT_EQ(machine.ram[2].bytes, 7 * kGiB - 4 * kMiB);
  EXPECT_FALSE(machine.ram[2].high);
  EXPECT_EQ(machine.ram[3].start.value, 11 * kGiB - 4 * kMiB);
  EXPECT_EQ(machine.ram[3].bytes, kGiB + 4 * kMiB);
  EXPECT_TRUE(machine.ram[3].high);
}

TEST_F(Shape, highmem_leaves_one_largest_block_its_addresses) {
  shape_machine(machine, {.highmem = 64 * kGiB});
  ASSERT_EQ(machine.nr_ram, 4u);
  EXPECT_EQ(machine.ram[2].bytes, 4 * kMiB);
  EXPECT_EQ(machine.ram[3].bytes, 8 * kGiB - 4 * kMiB);
}

}  // namespace
}  // namespace kmem
