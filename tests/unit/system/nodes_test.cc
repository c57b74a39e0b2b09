// The nodes that sysfs shows, from trees of files that a test has written.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "port/machine.h"
#include "port/port.h"

namespace linux_port {
bool read_nodes(const char* root, kmem::Machine& machine, uint64_t* bytes);  // ports/linux/linux_port.h
}

namespace {

class Nodes : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(root_); }
  void file(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text << "\n";
  }
  void node(unsigned n, unsigned kib, const std::string& cpus, const std::string& distances) {
    const std::string folder = "node" + std::to_string(n) + "/";
    if (kib) file(folder + "meminfo", "Node " + std::to_string(n) + " MemTotal:       " + std::to_string(kib) + " kB\n");
    file(folder + "cpulist", cpus);
    file(folder + "distance", distances);
  }
  bool read() { return linux_port::read_nodes(root_.c_str(), *machine_, bytes_); }

  std::filesystem::path root_ = std::filesystem::path(testing::TempDir()) / ("nodes." + std::to_string(getpid()));
  std::unique_ptr<kmem::Machine> machine_ = std::make_unique<kmem::Machine>();
  uint64_t bytes_[kmem::kMaxNodes] = {};
};

TEST_F(Nodes, two_are_read_with_their_cpus_memory_and_distances) {
  file("online", "0-1");
  file("has_memory", "0-1");
  node(0, 4000, "0-1,4", "10 21");
  node(1, 8000, "2-3,5", "21 10");
  ASSERT_TRUE(read());
  EXPECT_EQ(machine_->nr_nodes, 2u);
  EXPECT_TRUE(machine_->binds_nodes);
  EXPECT_EQ(bytes_[0], 4000u << 10);
  EXPECT_EQ(bytes_[1], 8000u << 10);
  const uint8_t homes[] = {0, 0, 1, 1, 0, 1};
  for (unsigned cpu = 0; cpu < 6; ++cpu) EXPECT_EQ(machine_->cpu_node[cpu], homes[cpu]) << cpu;
  EXPECT_EQ(machine_->distance[0][1], 21);
  EXPECT_EQ(machine_->distance[1][0], 21);
  EXPECT_EQ(machine_->distance[1][1], 10);
}

TEST_F(Nodes, cpus_of_one_without_memory_belong_to_the_nearest_that_has_some) {
  file("online", "0,2,5");
  file("has_memory", "0,5");
  node(0, 1000, "0", "10 30 20");
  node(2, 0, "1", "30 10 15");
  node(5, 1000, "2", "20 15 10");
  ASSERT_TRUE(read());
  EXPECT_EQ(machine_->nr_nodes, 2u);
  EXPECT_EQ(machine_->cpu_node[0], 0);
  EXPECT_EQ(machine_->cpu_node[1], 1) << "node 5, our second, is nearer to node 2";
  EXPECT_EQ(machine_->cpu_node[2], 1);
  EXPECT_EQ(machine_->distance[0][1], 20);
}

TEST_F(Nodes, it_is_one_where_there_is_one_or_too_many_or_sysfs_does_not_say) {
  EXPECT_FALSE(read());
  file("online", "0");
  file("has_memory", "0");
  EXPECT_FALSE(read());
  file("online", "0-8");
  file("has_memory", "0-8");
  EXPECT_FALSE(read());
  file("online", "0-1");
  file("has_memory", "0-1");
  EXPECT_FALSE(read()) << "no distances";
  EXPECT_FALSE(machine_->binds_nodes);
}

TEST_F(Nodes, memory_of_a_host_with_one_node_can_be_asked_of_it) {
  void* at = kmem_port_map(1 << 20, 4096);
  ASSERT_TRUE(at);
  kmem_port_bind(at, 1 << 20, 0);  // a hint: refused or not, the memory is there
  static_cast<char*>(at)[5] = 1;
  EXPECT_EQ(static_cast<char*>(at)[5], 1);
  kmem_port_unmap(at, 1 << 20);
}

}  // namespace
