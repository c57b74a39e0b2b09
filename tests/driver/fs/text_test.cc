// Text files: /proc by records, as one, and as of old; debugfs.

#include "helpers.h"

#include <fcntl.h>

#include <linux/module.h>

extern "C" {
extern int nr_records, record_width, seq_starts;
}

namespace {

std::string read_in(const char* path, size_t step) {
  const int fd = kmem_driver_open(path, O_RDONLY);
  if (fd < 0) return std::to_string(fd);
  std::string all;
  std::string part(step, 0);
  ssize_t n;
  while ((n = kmem_driver_read(fd, part.data(), step)) > 0) all.append(part, 0, static_cast<size_t>(n));
  kmem_driver_close(fd);
  return n < 0 ? std::to_string(n) : all;
}
long write_to(const char* path, const char* text) {
  const int fd = kmem_driver_open(path, O_WRONLY);
  if (fd < 0) return fd;
  const long n = kmem_driver_write(fd, text, strlen(text));
  kmem_driver_close(fd);
  return n;
}

struct Text : testing::Test {
  void load(int records, int width) {
    nr_records = records;
    record_width = width;
    kmem_driver_log_clear();
    ASSERT_EQ(kmem_driver_insmod(""), 0);
  }
  ~Text() override { EXPECT_EQ(kmem_driver_rmmod(), 0); }
};

std::string expected(int records, int width) {
  std::string all;
  for (int i = 0; i < records; ++i) {
    if (i == 1) continue;
    std::string one = "r" + std::to_string(i);
    one.resize(static_cast<size_t>(width - 1), ' ');
    all += one + "\n";
  }
  return all;
}

TEST_F(Text, records_are_the_same_text_however_small_the_reads) {
  load(50, 20);
  const std::string all = expected(50, 20);
  for (size_t step : {1u, 7u, 64u, 4096u, 100000u}) EXPECT_EQ(read_in("/proc/text/records", step), all) << step;
}

TEST_F(Text, a_record_that_is_larger_than_a_page_is_made_again_with_more_room) {
  load(3, 10000);
  EXPECT_EQ(read_in("/proc/text/records", 3000), expected(3, 10000));
}

TEST_F(Text, seeking_makes_the_text_from_the_beginning) {
  load(50, 20);
  const std::string all = expected(50, 20);
  const int fd = kmem_driver_open("/proc/text/records", O_RDONLY);
  char part[64] = {};
  EXPECT_EQ(kmem_driver_lseek(fd, 333, SEEK_SET), 333);
  EXPECT_EQ(kmem_driver_read(fd, part, 10), 10);
  EXPECT_EQ(std::string(part, 10), all.substr(333, 10));
  EXPECT_EQ(kmem_driver_pread(fd, part, 10, 5), 10);
  EXPECT_EQ(std::string(part, 10), all.substr(5, 10));
  EXPECT_EQ(kmem_driver_lseek(fd, 0, SEEK_END), -EINVAL);
  EXPECT_EQ(kmem_driver_pread(fd, nullptr, 10, 5), -EFAULT);
  kmem_driver_close(fd);
}

TEST_F(Text, one_record_and_the_old_way) {
  load(1, 8);
  EXPECT_EQ(read_in("/proc/text/single", 4), "single 5\n");
  EXPECT_EQ(read_in("/proc/old", 3), "old times\n");
  EXPECT_EQ(kmem_driver_open("/proc/text/single", O_RDWR), -EACCES);
}

TEST_F(Text, what_is_removed_gives_eio_to_who_has_it_open) {
  load(1, 8);
  const int fd = kmem_driver_open("/proc/text/single", O_RDONLY);
  char part[4];
  EXPECT_EQ(kmem_driver_read(fd, part, 4), 4);
  EXPECT_EQ(kmem_driver_rmmod(), 0);
  EXPECT_EQ(kmem_driver_read(fd, part, 4), -EIO);
  EXPECT_EQ(kmem_driver_close(fd), 0);
  EXPECT_EQ(kmem_driver_open("/proc/text/single", O_RDONLY), -ENOENT);
  ASSERT_EQ(kmem_driver_insmod(""), 0);
}

TEST_F(Text, debugfs_shows_variables_and_sets_them_within_their_range) {
  load(1, 8);
  EXPECT_EQ(read_in("/sys/kernel/debug/text/simple", 100), "7\n");
  EXPECT_EQ(write_to("/sys/kernel/debug/text/simple", "42"), 2);
  EXPECT_EQ(read_in("/sys/kernel/debug/text/simple", 1), "42\n");
  EXPECT_EQ(write_to("/sys/kernel/debug/text/simple", "101"), -EINVAL);
  EXPECT_EQ(write_to("/sys/kernel/debug/text/simple", "x"), -EINVAL);
  EXPECT_EQ(read_in("/sys/kernel/debug/text/word", 100), "0x0000beef\n");
  EXPECT_EQ(write_to("/sys/kernel/debug/text/byte", "255\n"), 4);
  EXPECT_EQ(write_to("/sys/kernel/debug/text/byte", "256"), -ERANGE);
  EXPECT_EQ(read_in("/sys/kernel/debug/text/byte", 100), "255\n");
  EXPECT_EQ(write_to("/sys/kernel/debug/text/flag", "0"), 1);
  EXPECT_EQ(read_in("/sys/kernel/debug/text/flag", 100), "N\n");
}

}  // namespace
