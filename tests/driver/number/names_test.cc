// Numbers, hashes, lists of memory, arrays: functions that libraries_test.cc and others have no need of, each against a known
// value or another function.

#include "helpers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/idr.h>
#include <linux/kstrtox.h>
#include <linux/linear_range.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/uuid.h>
#include <linux/xarray.h>
#include <linux/xxhash.h>

namespace {

TEST(Names, hashes_of_words_are_those_of_their_bytes) {
  const siphash_key_t key = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}};
  const u64 words[] = {1, 2, 3, 4};
  EXPECT_EQ(siphash_4u64(1, 2, 3, 4, &key), siphash(words, sizeof(words), &key));
  const hsiphash_key_t half = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}};
  const u32 small[] = {9, 8, 7, 6};
  EXPECT_EQ(hsiphash_2u32(9, 8, &half), hsiphash(small, 8, &half));
  EXPECT_EQ(hsiphash_4u32(9, 8, 7, 6, &half), hsiphash(small, 16, &half));
}

TEST(Names, a_hash_that_is_copied_goes_on_from_there) {
  xxh32_state one, other;
  xxh32_reset(&one, 7);
  EXPECT_EQ(xxh32_update(&one, "some text, ", 11), 0);
  xxh32_copy_state(&other, &one);
  EXPECT_EQ(xxh32_update(&one, "an end", 6), 0);
  EXPECT_EQ(xxh32_update(&other, "an end", 6), 0);
  EXPECT_EQ(xxh32_digest(&one), xxh32_digest(&other));
  EXPECT_EQ(xxh32_digest(&one), xxh32("some text, an end", 17, 7));
}

TEST(Names, memory_is_searched_for_what_differs_and_filled_by_words) {
  char bytes[] = "aaab";
  EXPECT_EQ(memchr_inv(bytes, 'a', 4), bytes + 3);
  EXPECT_EQ(memchr_inv(bytes, 'a', 3), nullptr);
  EXPECT_EQ(memchr_inv(bytes, 'b', 0), nullptr);
  u16 small[3] = {};
  u32 middle[2] = {};
  u64 large[2] = {};
  memset16(small, 0x1234, 2);
  EXPECT_TRUE(small[0] == 0x1234 && small[1] == 0x1234 && small[2] == 0);
  memset32(middle, 0x12345678, 2);
  EXPECT_TRUE(middle[0] == 0x12345678 && middle[1] == 0x12345678);
  memset64(large, 5, 1);
  EXPECT_TRUE(large[0] == 5 && large[1] == 0);
  EXPECT_STREQ(skip_spaces(" \t\n\v\f\r text "), "text ");
  EXPECT_STREQ(skip_spaces(""), "");
}

TEST(Names, sorting_tells_its_functions_the_context) {
  int values[] = {3, 1, 2, 5, 4};
  int factor = -1;
  sort_r(
      values, 5, sizeof(int),
      [](const void* a, const void* b, const void* f) {
        return *static_cast<const int*>(f) * (*static_cast<const int*>(a) - *static_cast<const int*>(b));
      },
      nullptr, &factor);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(values[i], 5 - i);
}

TEST(Names, a_range_counts_its_values) {
  const linear_range range = {100, 3, 10, 5};
  EXPECT_EQ(linear_range_values_in_range(&range), 8u);
}

TEST(Names, identifiers_are_of_version_four) {
  unsigned char id[16], again[16];
  generate_random_uuid(id);
  generate_random_uuid(again);
  EXPECT_EQ(id[6] >> 4, 4);
  EXPECT_EQ(id[8] >> 6, 2);
  EXPECT_NE(memcmp(id, again, 16), 0);
  generate_random_guid(id);
  EXPECT_EQ(id[7] >> 4, 4) << "the third field has its high byte behind";
  EXPECT_EQ(id[8] >> 6, 2);
  EXPECT_TRUE(uuid_is_valid("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"));
  EXPECT_FALSE(uuid_is_valid("f81d4fae-7dec-11d0-a765-00a0c91e6bf"));
  EXPECT_FALSE(uuid_is_valid("f81d4fae07dec-11d0-a765-00a0c91e6bf6"));
}

TEST(Names, user_memory_is_asked_without_faults) {
  bool value = false;
  EXPECT_EQ(kstrtobool_from_user("on\n", 3, &value), 0);
  EXPECT_TRUE(value);
  EXPECT_EQ(kstrtobool_from_user("maybe", 5, &value), -EINVAL);
  EXPECT_EQ(kstrtobool_from_user(reinterpret_cast<const char*>(8), 3, &value), -EFAULT);
  char bytes[64] = {};
  EXPECT_EQ(check_zeroed_user(bytes, sizeof(bytes)), 1);
  bytes[63] = 1;
  EXPECT_EQ(check_zeroed_user(bytes, sizeof(bytes)), 0);
  EXPECT_EQ(check_zeroed_user(reinterpret_cast<char*>(8), 4), -EFAULT);
  EXPECT_EQ(copy_to_user_nofault(bytes, "ab", 2), 0);
  EXPECT_EQ(bytes[1], 'b');
  EXPECT_EQ(copy_to_user_nofault(reinterpret_cast<char*>(8), "ab", 2), -EFAULT);
  EXPECT_FALSE(pagefault_disabled());
  pagefault_disable();
  EXPECT_TRUE(pagefault_disabled());
  pagefault_enable();
}

// Numbers for pointers ------------------------------------------------------------------------------------------------------

TEST(Names, numbers_up_to_the_last_are_given_and_walked) {
  idr ids;
  idr_init(&ids);
  int things[3];
  u32 id = 5;
  idr_preload(GFP_KERNEL);
  EXPECT_EQ(idr_alloc_u32(&ids, &things[0], &id, 6, GFP_NOWAIT), 0);
  idr_preload_end();
  EXPECT_EQ(id, 5u);
  EXPECT_EQ(idr_alloc_u32(&ids, &things[1], &id, 6, GFP_KERNEL), 0);
  EXPECT_EQ(id, 6u);
  id = 5;
  EXPECT_EQ(idr_alloc_u32(&ids, &things[2], &id, 6, GFP_KERNEL), -ENOSPC);
  unsigned long at = 0;
  EXPECT_EQ(idr_get_next_ul(&ids, &at), &things[0]);
  EXPECT_EQ(at, 5u);
  at = 6;
  EXPECT_EQ(idr_get_next_ul(&ids, &at), &things[1]);
  at = 7;
  EXPECT_EQ(idr_get_next_ul(&ids, &at), nullptr);
  idr_destroy(&ids);
}

TEST(Names, an_array_is_changed_under_a_lock_that_its_user_has) {
  xarray array;
  xa_init_flags(&array, XA_FLAGS_ALLOC);
  int a, b;
  u32 id = 0, next = 0;
  xa_lock(&array);
  EXPECT_EQ(__xa_store(&array, 3, &a, GFP_NOWAIT), nullptr);
  EXPECT_EQ(__xa_cmpxchg(&array, 3, &b, nullptr, GFP_NOWAIT), &a) << "it is another";
  EXPECT_EQ(__xa_cmpxchg(&array, 3, &a, &b, GFP_NOWAIT), &a);
  EXPECT_EQ(__xa_insert(&array, 3, &a, GFP_NOWAIT), -EBUSY);
  EXPECT_EQ(__xa_alloc(&array, &id, &a, XA_LIMIT(3, 4), GFP_NOWAIT), 0);
  EXPECT_EQ(id, 4u);
  EXPECT_EQ(__xa_alloc(&array, &id, &a, XA_LIMIT(3, 4), GFP_NOWAIT), -EBUSY);
  EXPECT_EQ(__xa_alloc_cyclic(&array, &id, &a, XA_LIMIT(8, 9), &next, GFP_NOWAIT), 0);
  EXPECT_EQ(id, 8u);
  EXPECT_EQ(__xa_alloc_cyclic(&array, &id, &b, XA_LIMIT(8, 9), &next, GFP_NOWAIT), 0);
  EXPECT_EQ(__xa_erase(&array, 8), &a);
  EXPECT_EQ(__xa_alloc_cyclic(&array, &id, &b, XA_LIMIT(8, 9), &next, GFP_NOWAIT), 1) << "from the beginning again";
  EXPECT_EQ(id, 8u);
  __xa_set_mark(&array, 3, XA_MARK_1);
  EXPECT_TRUE(xa_get_mark(&array, 3, XA_MARK_1));
  __xa_clear_mark(&array, 3, XA_MARK_1);
  EXPECT_FALSE(xa_get_mark(&array, 3, XA_MARK_1));
  xa_unlock(&array);
  xa_destroy(&array);
}

// Lists of memory -----------------------------------------------------------------------------------------------------------

TEST(Names, pieces_are_counted_and_made_zero) {
  auto* text = static_cast<char*>(kmemdup("0123456789", 11, GFP_KERNEL));
  scatterlist list[3];
  sg_init_table(list, 3);
  sg_set_buf(&list[0], text, 3);
  sg_set_buf(&list[1], text + 3, 3);
  sg_set_buf(&list[2], text + 6, 4);
  EXPECT_EQ(sg_nents(list), 3);
  EXPECT_EQ(sg_zero_buffer(list, 3, 4, 2), 4u);
  EXPECT_EQ(std::string(text, 10), std::string("01\0\0\0\0", 6) + "6789");
  EXPECT_EQ(sg_zero_buffer(list, 3, 100, 8), 2u);
  kfree(text);
}

TEST(Names, iterators_go_through_pieces_forward_and_back) {
  char a[4] = {}, b[8] = {}, back[12] = {};
  const iovec pieces[] = {{a, 4}, {b, 8}};
  iov_iter to;
  iov_iter_init(&to, ITER_DEST, pieces, 2, 12);
  EXPECT_EQ(copy_to_iter("abcdef", 6, &to), 6u);
  EXPECT_EQ(std::string(a, 4) + std::string(b, 2), "abcdef");
  EXPECT_EQ(iov_iter_count(&to), 6u);
  iov_iter_revert(&to, 3);
  EXPECT_TRUE(copy_to_iter_full("XYZ", 3, &to));
  EXPECT_EQ(std::string(a, 4) + std::string(b, 2), "abcXYZ");
  EXPECT_EQ(iov_iter_zero(2, &to), 2u);
  EXPECT_EQ(b[2], 0);
  EXPECT_FALSE(copy_to_iter_full("toolong", 7, &to));
  const kvec own[] = {{a, 4}, {b, 8}};
  iov_iter from;
  iov_iter_kvec(&from, ITER_SOURCE, own, 2, 12);
  iov_iter_advance(&from, 2);
  EXPECT_EQ(copy_from_iter(back, 4, &from), 4u);
  EXPECT_EQ(std::string(back, 4), "cXYZ");
  iov_iter_ubuf(&from, ITER_SOURCE, b, 2);
  EXPECT_EQ(copy_from_iter(back, 9, &from), 2u) << "no more than there is";
}

TEST(Names, iterators_copy_to_and_from_pages) {
  struct page* page = alloc_page(GFP_KERNEL | __GFP_ZERO);
  auto* bytes = static_cast<char*>(page_address(page));
  char text[] = "from user", back[10] = {};
  iov_iter it;
  iov_iter_ubuf(&it, ITER_SOURCE, text, 9);
  EXPECT_EQ(copy_page_from_iter(page, 100, 9, &it), 9u);
  EXPECT_STREQ(bytes + 100, "from user");
  iov_iter_ubuf(&it, ITER_DEST, back, 9);
  EXPECT_EQ(copy_page_to_iter(page, 105, 4, &it), 4u);
  EXPECT_STREQ(back, "user");
  __free_page(page);
}

}  // namespace
