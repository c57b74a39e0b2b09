// The contract of every port, the facts, and memory from the machine and back.

#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "port/contract.h"

namespace kmem {
namespace {

TEST_F(Contract, the_facts_make_sense) {
  EXPECT_GE(machine().nr_cpus, 1u);
  EXPECT_LE(machine().nr_cpus, kMaxCpus);
  EXPECT_GE(machine().nr_nodes, 1u);
  EXPECT_LE(machine().nr_nodes, kMaxNodes);
  ASSERT_GE(machine().nr_ram, 1u);
  for (unsigned i = 0; i < machine().nr_ram; ++i) {
    EXPECT_EQ(machine().ram[i].start.value % (4u << 20), 0u) << "the largest block is aligned";
    EXPECT_GT(machine().ram[i].bytes, 0u);
    EXPECT_LT(machine().ram[i].node.value, machine().nr_nodes);
  }
  EXPECT_EQ(reinterpret_cast<uintptr_t>(machine().direct_map) % kPageSize, 0u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(machine().base) % kPageSize, 0u);
  EXPECT_GT(machine().nr_sheaves, 2u);
  EXPECT_NE(machine().command_line, nullptr);
  for (uint32_t cpu = 0; cpu < machine().nr_cpus; ++cpu) EXPECT_LT(machine().cpu_node[cpu], machine().nr_nodes);
  for (unsigned n = 0; n < machine().nr_nodes; ++n) EXPECT_EQ(machine().distance[n][n], 10);
}

TEST_F(Contract, words_and_tables_are_zero_and_ours) {
  for (uint32_t cpu = 0; cpu < 2 * machine().nr_cpus; ++cpu) EXPECT_EQ(CpuStack::word({cpu}, Slot{100}), 0u);
  char* last_sheaf = machine().base + 2 * size_t{machine().nr_cpus} * kCpuStride + (machine().nr_sheaves - 1) * kSheafBytes;
  const Pfn first{machine().ram[0].start.value >> kPageShift};
  if (machine().table_step) {
    ASSERT_EQ(kmem_port_online(last_sheaf, kSheafBytes), Online::Done);
    ASSERT_EQ(kmem_port_online(machine().base + kFrameTable + static_cast<ptrdiff_t>(first.value), 1), Online::Done);
  }
  EXPECT_EQ(*last_sheaf, 0);
  *last_sheaf = 1;
  *last_sheaf = 0;
  EXPECT_EQ(machine().base[kTables], 0);
  EXPECT_EQ(machine().base[kFrameTable + static_cast<ptrdiff_t>(first.value)], 0);
  for (size_t at : {kBlocked, kBlocked + kCpuStride, kBlocked + kBlockedBytes - 8}) EXPECT_EQ(machine().base[at], 0);
  EXPECT_EQ(machine().metadata[0], 0);
  EXPECT_EQ(machine().metadata[machine().metadata_bytes - 1], 0);
}

TEST_F(Contract, memory_comes_online_zeroed_and_reads_as_zero_after_a_discard) {
  char* at = free_memory();
  constexpr size_t kBytes = size_t{4} << 20;
  ASSERT_EQ(kmem_port_online(at, kBytes), Online::Done);
  EXPECT_EQ(at[0], 0);
  EXPECT_EQ(at[kBytes - 1], 0);
  memset(at, 0x5a, kBytes);
  if (!kmem_port_discard(at + kBlockBytes, kBlockBytes)) GTEST_SKIP() << "this port cannot discard";
  EXPECT_EQ(at[kBlockBytes - 1], 0x5a);
  for (size_t i = kBlockBytes; i < kBytes; i += 512) ASSERT_EQ(at[i], 0);
  at[kBlockBytes] = 1;
  EXPECT_EQ(at[kBlockBytes], 1) << "and can be used again";
}

TEST_F(Contract, memory_of_its_own_is_zero_aligned_and_can_grow) {
  for (const size_t align : {size_t{1}, size_t{64} << 10, size_t{4} << 20}) {
    auto* at = static_cast<char*>(kmem_port_map(kBlockBytes, align));
    ASSERT_NE(at, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(at) % align, 0u);
    EXPECT_EQ(at[0] | at[kBlockBytes - 1], 0);
    at[0] = 1;
    at[kBlockBytes - 1] = 2;
    if (auto* moved = static_cast<char*>(kmem_port_remap(at, kBlockBytes, 2 * kBlockBytes))) {
      EXPECT_EQ(moved[0], 1);
      EXPECT_EQ(moved[kBlockBytes - 1], 2);
      EXPECT_EQ(moved[2 * kBlockBytes - 1], 0);
      kmem_port_unmap(moved, 2 * kBlockBytes);
    } else {
      kmem_port_unmap(at, kBlockBytes);
    }
  }
  EXPECT_EQ(kmem_port_map(~size_t{0} - kPageSize, kPageSize), nullptr);
}

TEST_F(Contract, a_guard_takes_contents_and_leaves_addresses) {
  const size_t bytes = machine().host_page_bytes;
  char* p = static_cast<char*>(kmem_port_map(2 * bytes, bytes));
  ASSERT_NE(p, nullptr);
  p[0] = 'x';
  if (kmem_port_guard(p + bytes, bytes)) {
    EXPECT_EQ(p[0], 'x');
    EXPECT_FALSE(kmem_port_guard(p + 1, bytes)) << "only whole pages";
  } else {
    p[bytes] = 'y';  // a port that cannot has changed nothing
  }
  kmem_port_unmap(p, 2 * bytes);
}

TEST_F(Contract, pages_can_be_closed_and_keep_what_they_hold) {
  const size_t bytes = machine().host_page_bytes;
  char* p = static_cast<char*>(kmem_port_map(3 * bytes, bytes));
  ASSERT_NE(p, nullptr);
  p[bytes] = 'x';
  EXPECT_TRUE(kmem_port_protect(p + bytes, bytes, Protection::Closed));
  p[0] = p[2 * bytes] = 'y';
  EXPECT_TRUE(kmem_port_protect(p + bytes, bytes, Protection::Open));
  EXPECT_EQ(p[bytes], 'x');
  EXPECT_FALSE(kmem_port_protect(p + 1, bytes, Protection::Closed)) << "only whole pages";
  kmem_port_unmap(p, 3 * bytes);
}

#ifndef KMEM_BARE
TEST_F(Contract, a_shared_file_is_the_same_memory_for_all) {
  char name[] = "/tmp/kmem-contract-XXXXXX";
  const int fd = mkstemp(name);
  ASSERT_GE(fd, 0);
  close(fd);
  auto* one = static_cast<char*>(kmem_port_share(name, 8192));
  auto* other = static_cast<char*>(kmem_port_share(name, 8192));
  if (one && other) {
    one[8191] = 7;
    EXPECT_EQ(other[8191], 7);
    EXPECT_EQ(other[0], 0);
  }
  unlink(name);
  EXPECT_EQ(kmem_port_share("/no/such/folder/file", 8192), nullptr);
}
#endif

}  // namespace
}  // namespace kmem
