// User space's memory: whole, partly and wholly bad addresses; strings; structs of other sizes; another process's.

#include "helpers.h"

#include <linux/slab.h>
#include <linux/uaccess.h>

#include <sys/mman.h>

namespace {

/// A page that is there, and one behind it that is not.
struct Uaccess : testing::Test {
  char* page = static_cast<char*>(mmap(nullptr, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  char* end = page + 4096;
  char kernel[64] = {};
  Uaccess() {
    mprotect(end, 4096, PROT_NONE);
    kmem_driver_log_clear();
  }
  ~Uaccess() override { munmap(page, 2 * 4096); }
};

TEST_F(Uaccess, a_good_address_is_copied_whole) {
  memcpy(page, "hello", 6);
  EXPECT_EQ(copy_from_user(kernel, page, 6), 0ul);
  EXPECT_STREQ(kernel, "hello");
  EXPECT_EQ(copy_to_user(page + 100, kernel, 6), 0ul);
  EXPECT_STREQ(page + 100, "hello");
  EXPECT_EQ(clear_user(page + 100, 6), 0ul);
  EXPECT_EQ(page[100], 0);
}

TEST_F(Uaccess, what_cannot_be_copied_is_counted_and_zeros_in_the_drivers_buffer) {
  memset(page, 'x', 4096);
  memset(kernel, 'k', sizeof(kernel));
  EXPECT_EQ(copy_from_user(kernel, end - 10, 30), 20ul);
  for (int i = 0; i < 30; ++i) EXPECT_EQ(kernel[i], i < 10 ? 'x' : 0);
  EXPECT_EQ(kernel[30], 'k');
  EXPECT_EQ(copy_to_user(end - 4, kernel, 10), 6ul);
  EXPECT_EQ(clear_user(end - 4, 10), 6ul);
  for (const void* bad : {static_cast<void*>(nullptr), reinterpret_cast<void*>(8), reinterpret_cast<void*>(~0ul - 4),
                          reinterpret_cast<void*>(0xffff800000000000ul)})
    EXPECT_EQ(copy_from_user(kernel, bad, 8), 8ul);
}

TEST_F(Uaccess, single_values_answer_efault_and_become_zero) {
  int value = 7;
  *reinterpret_cast<int*>(page) = 42;
  EXPECT_EQ(get_user(value, reinterpret_cast<int*>(page)), 0);
  EXPECT_EQ(value, 42);
  EXPECT_EQ(get_user(value, reinterpret_cast<int*>(end)), -EFAULT);
  EXPECT_EQ(value, 0);
  EXPECT_EQ(get_user(value, reinterpret_cast<const int*>(page)), 0) << "of memory that only the program writes";
  EXPECT_EQ(value, 42);
  EXPECT_EQ(put_user(5, page), 0);
  EXPECT_EQ(page[0], 5);
  EXPECT_EQ(page[1], 0);
  EXPECT_EQ(put_user(5, end), -EFAULT);
}

TEST_F(Uaccess, access_ok_knows_ranges_in_both_forms) {
  EXPECT_TRUE(access_ok(page, 10));
  EXPECT_TRUE(access_ok(VERIFY_WRITE, page, 10));
  EXPECT_FALSE(access_ok(page, ~0ul));
  EXPECT_FALSE(access_ok(reinterpret_cast<void*>(TASK_SIZE), 1));
}

TEST_F(Uaccess, strings_end_where_they_end_and_not_beyond_the_page) {
  strcpy(end - 6, "hello");
  EXPECT_EQ(strncpy_from_user(kernel, end - 6, sizeof(kernel)), 5);
  EXPECT_STREQ(kernel, "hello");
  EXPECT_EQ(strncpy_from_user(kernel, end - 6, 3), 3);
  EXPECT_EQ(strnlen_user(end - 6, 100), 6);
  EXPECT_GT(strnlen_user(end - 6, 3), 3);
  end[-1] = 'x';
  EXPECT_EQ(strncpy_from_user(kernel, end - 6, sizeof(kernel)), -EFAULT);
  EXPECT_EQ(strnlen_user(end - 6, 100), 0);
  end[-1] = 0;
  char* copy = strndup_user(end - 6, 100);
  EXPECT_STREQ(copy, "hello");
  kfree(copy);
  EXPECT_EQ(PTR_ERR(strndup_user(end - 6, 5)), -EINVAL);
  EXPECT_EQ(PTR_ERR(strndup_user(end, 5)), -EFAULT);
}

TEST_F(Uaccess, copies_of_their_own_are_made_or_an_error) {
  memcpy(page, "abcd", 4);
  char* copy = static_cast<char*>(memdup_user_nul(page, 4));
  EXPECT_STREQ(copy, "abcd");
  kfree(copy);
  EXPECT_EQ(PTR_ERR(memdup_user(end - 2, 4)), -EFAULT);
  EXPECT_EQ(PTR_ERR(vmemdup_user(end, 4)), -EFAULT);
}

TEST_F(Uaccess, structs_of_another_size_are_filled_up_or_refused) {
  memset(page, 0, 64);
  page[0] = 3;
  EXPECT_EQ(copy_struct_from_user(kernel, 8, page, 16), 0);
  EXPECT_EQ(kernel[0], 3);
  page[12] = 1;
  EXPECT_EQ(copy_struct_from_user(kernel, 8, page, 16), -E2BIG);
  memset(kernel, 'k', 16);
  EXPECT_EQ(copy_struct_from_user(kernel, 16, page, 4), 0);
  EXPECT_EQ(kernel[15], 0);
  EXPECT_EQ(copy_struct_from_user(kernel, 16, end - 4, 16), -EFAULT);
}

TEST_F(Uaccess, where_one_must_not_sleep_it_is_reported_unless_faults_are_off) {
  testing::internal::CaptureStderr();
  preempt_disable();
  pagefault_disable();
  EXPECT_EQ(__copy_from_user_inatomic(kernel, end, 4), 4ul);
  pagefault_enable();
  preempt_enable();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  testing::internal::CaptureStderr();
  preempt_disable();
  EXPECT_EQ(copy_from_user(kernel, page, 4), 0ul);
  preempt_enable();
  EXPECT_NE(testing::internal::GetCapturedStderr().find("sleeping function called from invalid context"), std::string::npos);
}

TEST_F(Uaccess, bad_addresses_of_the_kernel_are_no_crash_where_that_is_asked_for) {
  int value = 0;
  EXPECT_EQ(get_kernel_nofault(value, reinterpret_cast<int*>(16)), -EFAULT);
  EXPECT_EQ(copy_from_kernel_nofault(kernel, page, 8), 0);
  EXPECT_EQ(copy_to_kernel_nofault(end, kernel, 8), -EFAULT);
  EXPECT_EQ(copy_from_user_nofault(kernel, end, 8), -EFAULT);
}

TEST_F(Uaccess, another_process_can_be_user_space) {
  char there[16] = "over there";
  const kmem_driver_user other = {[](void* to, const void* from, size_t n, void* data) -> size_t {
                                    memcpy(to, static_cast<char*>(data) + reinterpret_cast<size_t>(from), n);
                                    return 0;
                                  },
                                  [](void*, const void*, size_t n, void*) { return n; }, there};
  kmem_driver_set_user(&other);
  EXPECT_EQ(copy_from_user(kernel, reinterpret_cast<void*>(5), 6), 0ul);
  EXPECT_STREQ(kernel, "there");
  EXPECT_EQ(copy_to_user(reinterpret_cast<void*>(5), kernel, 6), 6ul);
  kmem_driver_set_user(nullptr);
}

}  // namespace
