// Modules: the order of init calls, parameters, users.

#include <gtest/gtest.h>

#include <dlfcn.h>
#include <kmem/driver.h>
#include <cerrno>
#include <cstring>

#include "module_driver.h"

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

TEST_F(Modules, arguments_of_a_program_keep_their_spaces_and_unknown_ones_are_ignored) {
  char one[] = "a_charp=of a command line", two[] = "no_such=1";
  char* arguments[] = {one, two};
  ASSERT_EQ(kmem_driver_load_with(&kmem_this_module, 2, arguments), 0);
  EXPECT_STREQ(a_charp, "of a command line");
}

TEST_F(Modules, it_is_found_by_its_name_and_says_what_it_is) {
  ASSERT_EQ(kmem_driver_insmod(""), 0);
  EXPECT_EQ(kmem_driver_find("driver"), this_module());
  EXPECT_STREQ(kmem_driver_info(this_module(), "license", 0), "GPL");
  EXPECT_STREQ(kmem_driver_info(this_module(), "author", 1), "Another");
  EXPECT_EQ(kmem_driver_info(this_module(), "author", 2), nullptr);
}

}  // namespace
