// Modules: the order of init calls, parameters, users.

#include <gtest/gtest.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <kmem/driver.h>
#include <cerrno>
#include <cstring>

#include "helpers.h"
#include "module_driver.h"

extern "C" void kmem_driver_kernel_param_lock(module*);
extern "C" void kmem_driver_kernel_param_unlock(module*);
extern "C" bool kmem_driver_try_module_get(module*);
extern "C" void kmem_driver_module_put(module*);

namespace {

struct Modules : testing::Test {
  Modules() {
    nr_calls = fail_late = 0;
    memset(order, 0, sizeof(order));
  }
  ~Modules() override { kmem_driver_rmmod(); }
};

TEST_F(Modules, init_calls_run_by_level_and_not_by_line_and_exit_calls_when_it_goes) {
  ASSERT_EQ(kmem_driver_insmod(""), 0);
  EXPECT_EQ(nr_calls, 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(order[i], i + 1);
  EXPECT_EQ(kmem_driver_insmod(""), -EEXIST);
  EXPECT_EQ(kmem_driver_rmmod(), 0);
  EXPECT_EQ(order[3], 9);
  EXPECT_EQ(kmem_driver_rmmod(), -ENOENT);
}

TEST_F(Modules, an_init_call_that_fails_undoes_the_ones_of_files_that_had_succeeded) {
  fail_late = 1;
  EXPECT_EQ(kmem_driver_insmod(""), -ENODEV);
  EXPECT_EQ(order[3], 9);
  EXPECT_EQ(kmem_driver_rmmod(), -ENOENT);
}

TEST_F(Modules, a_module_with_users_stays) {
  ASSERT_EQ(kmem_driver_insmod(""), 0);
  ASSERT_TRUE(kmem_driver_try_module_get(this_module()));
  EXPECT_EQ(kmem_driver_rmmod(), -EBUSY);
  EXPECT_EQ(nr_calls, 3);
  kmem_driver_module_put(this_module());
  EXPECT_EQ(kmem_driver_rmmod(), 0);
}

TEST_F(Modules, parameters_of_every_type_are_set_before_the_init_calls_run) {
  ASSERT_EQ(kmem_driver_insmod("an_int=-0x10 renamed=7 a_byte=255 an_ullong=18446744073709551615 a_bool not_inverted=y "
                               "a_charp=\"two words\" a_string=1234567 array=1,2,3 by-call=x"),
            0);
  EXPECT_EQ(an_int, -16);
  EXPECT_EQ(a_uint, 7u);
  EXPECT_EQ(a_byte, 255);
  EXPECT_EQ(an_ullong, ~0ull);
  EXPECT_TRUE(a_bool);
  EXPECT_FALSE(an_inverted);
  EXPECT_STREQ(a_charp, "two words");
  EXPECT_STREQ(a_string, "1234567");
  EXPECT_EQ(nr_array, 3);
  EXPECT_EQ(array[2], 3);
  EXPECT_EQ(set_by_the_call(), 42);
}

TEST_F(Modules, a_value_that_does_not_fit_is_refused_and_nothing_runs) {
  EXPECT_EQ(kmem_driver_insmod("a_byte=256"), -ERANGE);
  EXPECT_EQ(kmem_driver_insmod("an_int=12x"), -EINVAL);
  EXPECT_EQ(kmem_driver_insmod("an_int="), -EINVAL);
  EXPECT_EQ(kmem_driver_insmod("an_int"), -EINVAL);
  EXPECT_EQ(kmem_driver_insmod("renamed=-1"), -EINVAL);
  EXPECT_EQ(kmem_driver_insmod("a_bool=maybe"), -EINVAL);
  EXPECT_EQ(kmem_driver_insmod("array=1,2,3,4,5"), -EINVAL);
  EXPECT_EQ(kmem_driver_insmod("a_string=12345678"), -ENOSPC);
  EXPECT_EQ(kmem_driver_insmod("by_call=y"), -EINVAL);
  EXPECT_EQ(nr_calls, 0);
}

/// What a file of the module's folder holds; "-13" for the error of its open.
std::string text_of(const char* name) {
  const int fd = kmem_driver_open((std::string("/sys/module/driver/") + name).c_str(), O_RDONLY);
  if (fd < 0) return std::to_string(fd);
  char text[64] = "";
  const ssize_t n = kmem_driver_read(fd, text, sizeof(text) - 1);
  kmem_driver_close(fd);
  return n < 0 ? std::to_string(n) : text;
}
/// The number of bytes that were written, or the error of the open or the write.
ssize_t write_to(const char* name, const std::string& text) {
  const int fd = kmem_driver_open((std::string("/sys/module/driver/parameters/") + name).c_str(), O_WRONLY);
  if (fd < 0) return fd;
  const ssize_t n = kmem_driver_write(fd, text.data(), text.size());
  kmem_driver_close(fd);
  return n;
}

TEST_F(Modules, a_parameter_is_a_file_with_its_permissions_while_the_module_is_loaded) {
  EXPECT_EQ(text_of("parameters/an_int"), std::to_string(-ENOENT));
  ASSERT_EQ(kmem_driver_insmod("an_int=5 renamed=6"), 0);
  EXPECT_EQ(text_of("parameters/an_int"), "5\n");
  EXPECT_EQ(write_to("an_int", "17\n"), 3);
  EXPECT_EQ(an_int, 17);
  EXPECT_EQ(write_to("an_int", "17x\n"), -EINVAL);
  EXPECT_EQ(write_to("array", "9,8"), 3);
  EXPECT_EQ(text_of("parameters/array"), "9,8\n");
  EXPECT_EQ(text_of("parameters/renamed"), "6\n");
  EXPECT_EQ(write_to("renamed", "7"), -EACCES);  // 0444
  EXPECT_EQ(a_uint, 6u);
  EXPECT_EQ(text_of("parameters/a_byte"), std::to_string(-ENOENT));  // 0: no file
  EXPECT_EQ(write_to("a_secret", "3"), 1);
  EXPECT_EQ(text_of("parameters/a_secret"), std::to_string(-EACCES));  // 0200
  EXPECT_EQ(text_of("parameters/without_get"), std::to_string(-EPERM));
  EXPECT_EQ(write_to("without_set", "1"), -EPERM);
  EXPECT_EQ(kmem_driver_rmmod(), 0);
  EXPECT_EQ(text_of("parameters/an_int"), std::to_string(-ENOENT));
}

TEST_F(Modules, its_folder_tells_state_users_and_version) {
  ASSERT_EQ(kmem_driver_insmod(""), 0);
  EXPECT_EQ(text_of("initstate"), "live\n");
  EXPECT_EQ(text_of("version"), "1.2\n");
  ASSERT_TRUE(kmem_driver_try_module_get(this_module()));
  EXPECT_EQ(text_of("refcnt"), "1\n");
  kmem_driver_module_put(this_module());
  EXPECT_EQ(text_of("refcnt"), "0\n");
  EXPECT_EQ(kmem_driver_rmmod(), 0);
  EXPECT_EQ(text_of("initstate"), std::to_string(-ENOENT));
}

TEST_F(Modules, the_folder_of_a_module_that_did_not_load_goes_again) {
  fail_late = 1;
  EXPECT_EQ(kmem_driver_insmod(""), -ENODEV);
  EXPECT_EQ(text_of("initstate"), std::to_string(-ENOENT));
  fail_late = 0;
  EXPECT_EQ(kmem_driver_insmod(""), 0);
}

TEST_F(Modules, a_driver_keeps_writers_of_its_parameters_out) {
  ASSERT_EQ(kmem_driver_insmod("an_int=1"), 0);
  kmem_driver_kernel_param_lock(this_module());
  test::Thread writer([] { EXPECT_EQ(write_to("an_int", "2"), 1); });
  writer.wait_until_it_sleeps(TASK_UNINTERRUPTIBLE);
  EXPECT_EQ(an_int, 1);
  kmem_driver_kernel_param_unlock(this_module());
  writer.join();
  EXPECT_EQ(an_int, 2);
}

TEST_F(Modules, arguments_of_a_program_keep_their_spaces_and_unknown_ones_are_ignored) {
  char one[] = "a_charp=of a command line", two[] = "no_such=1";
  char* arguments[] = {one, two};
  ASSERT_EQ(kmem_driver_load_with(&kmem_this_module, 2, arguments), 0);
  EXPECT_STREQ(a_charp, "of a command line");
}

TEST_F(Modules, words_of_the_command_line_come_with_the_parameters) {
  kmem_driver_log_clear();
  ASSERT_EQ(kmem_driver_insmod("early=5 late=6 texture=7"), 0);
  EXPECT_EQ(early_number, 5);
  EXPECT_EQ(late_number, 6);
  EXPECT_STREQ(late_text, "ure=7");
  EXPECT_FALSE(test::logged("unknown parameter"));
  EXPECT_FALSE(test::logged("Malformed"));
  ASSERT_EQ(kmem_driver_rmmod(), 0);
  ASSERT_EQ(kmem_driver_insmod("early early_not=1 late late=99"), 0);
  EXPECT_EQ(early_number, -1);
  EXPECT_TRUE(test::logged("unknown parameter 'early_not' ignored"));
  EXPECT_TRUE(test::logged("unknown parameter 'late' ignored"));  // without a value; and with one that it does not take
  ASSERT_EQ(kmem_driver_rmmod(), 0);
  ASSERT_EQ(kmem_driver_insmod("early=99"), 0);
  EXPECT_TRUE(test::logged("Malformed early option 'early'"));
}

TEST_F(Modules, it_is_found_by_its_name_and_says_what_it_is) {
  ASSERT_EQ(kmem_driver_insmod(""), 0);
  EXPECT_EQ(kmem_driver_find("driver"), this_module());
  EXPECT_STREQ(kmem_driver_info(this_module(), "license", 0), "GPL");
  EXPECT_STREQ(kmem_driver_info(this_module(), "author", 1), "Another");
  EXPECT_EQ(kmem_driver_info(this_module(), "author", 2), nullptr);
}

}  // namespace
