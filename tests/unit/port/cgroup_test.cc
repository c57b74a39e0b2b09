// Limits of cgroups, read from a tree of files such as the host has, and from the host's own.

#include "../../../ports/linux/cgroup.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace {

using linux_port::GroupRoots;
using linux_port::MemoryGroups;
using linux_port::without_head_room;

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kNone = MemoryGroups::kNone;

class Groups : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(root_); }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void write(const std::string& file, const std::string& text) {
    const std::filesystem::path path = root_ + "/" + file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text << "\n";
  }
  void write(const std::string& file, uint64_t n) { write(file, std::to_string(n)); }
  MemoryGroups& found() {
    const std::string own = root_ + "/own", v2 = root_ + "/v2", v1 = root_ + "/v1";
    groups_.find({own.c_str(), v2.c_str(), v1.c_str()});
    return groups_;
  }
  /// What is left of a limit of which so much is used.
  static uint64_t left(uint64_t limit, uint64_t used) { return limit - used - (limit - without_head_room(limit)) / 2; }

  std::string root_ = testing::TempDir() + "cgroup." + std::to_string(getpid());
  MemoryGroups groups_;
};

TEST_F(Groups, without_any_there_is_no_limit) {
  EXPECT_EQ(found().limit(), kNone);
  EXPECT_EQ(found().room(), kNone);
  write("own", "0::/a");
  write("v2/a/memory.max", "max");
  EXPECT_EQ(found().limit(), kNone);
  EXPECT_EQ(found().room(), kNone);
}

TEST_F(Groups, the_lowest_limit_up_to_the_root_counts) {
  write("own", "0::/a/b");
  write("v2/a/b/memory.max", 512 * kMiB);
  write("v2/a/memory.max", 256 * kMiB);
  write("v2/a/b/memory.current", 100 * kMiB);
  write("v2/a/memory.current", 120 * kMiB);
  EXPECT_EQ(found().limit(), 256 * kMiB);
  EXPECT_EQ(found().room(), left(256 * kMiB, 120 * kMiB));
}

TEST_F(Groups, what_is_left_is_least_where_siblings_have_taken_most) {
  write("own", "0::/a/b");
  write("v2/a/b/memory.max", 256 * kMiB);
  write("v2/a/memory.max", 512 * kMiB);
  write("v2/a/b/memory.current", 10 * kMiB);
  write("v2/a/memory.current", 470 * kMiB);
  EXPECT_EQ(found().room(), left(512 * kMiB, 470 * kMiB));
}

TEST_F(Groups, page_cache_is_not_taken_for_good) {
  write("own", "0::/a");
  write("v2/a/memory.max", 256 * kMiB);
  write("v2/a/memory.current", 250 * kMiB);
  write("v2/a/memory.stat", "anon 1\nfile 94371840\ninactive_anon 7\ninactive_file 52428800\nactive_file 41943040\nslab 5");
  EXPECT_EQ(found().room(), left(256 * kMiB, 160 * kMiB));
}

TEST_F(Groups, of_version_1_the_sums_with_those_below_count) {
  write("own", "5:cpu,memory:/a\n0::/x");
  write("v1/a/memory.limit_in_bytes", 64 * kMiB);
  write("v1/memory.limit_in_bytes", 9223372036854771712u);
  write("v1/a/memory.usage_in_bytes", 60 * kMiB);
  write("v1/a/memory.stat", "inactive_file 1\nactive_file 1\ntotal_inactive_file 10485760\ntotal_active_file 1048576");
  EXPECT_EQ(found().limit(), 64 * kMiB);
  EXPECT_EQ(found().room(), left(64 * kMiB, 49 * kMiB));
}

TEST_F(Groups, a_limit_that_changes_or_goes_is_seen) {
  write("own", "0::/a");
  write("v2/a/memory.max", 256 * kMiB);
  write("v2/a/memory.current", 60 * kMiB);
  MemoryGroups& groups = found();
  write("v2/a/memory.max", 128 * kMiB);
  EXPECT_EQ(groups.room(), left(128 * kMiB, 60 * kMiB));
  write("v2/a/memory.current", 300 * kMiB);
  EXPECT_EQ(groups.room(), 0u);
  std::filesystem::remove_all(root_ + "/v2");
  EXPECT_EQ(groups.room(), kNone);
}

TEST_F(Groups, a_path_that_is_too_long_is_left_out) {
  const std::string deep = "/" + std::string(100, 'a') + "/" + std::string(100, 'b') + "/" + std::string(100, 'c');
  write("own", "0::" + deep);
  write("v2" + deep + "/memory.max", kMiB);
  write("v2/memory.max", 32 * kMiB);
  EXPECT_EQ(found().limit(), 32 * kMiB) << "and the others are not";
}

TEST(OwnGroup, of_this_host_can_be_read) {
  MemoryGroups groups;
  groups.find({});
  EXPECT_EQ(groups.limit() == kNone, groups.room() == kNone);
  EXPECT_LE(groups.room(), groups.limit());
}

}  // namespace
