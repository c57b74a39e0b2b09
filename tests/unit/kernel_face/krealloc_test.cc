// krealloc, and the copies of strings and memory.

#include <gtest/gtest.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <cstring>
#include <string>

namespace {

TEST(Krealloc, contents_survive_growing_and_shrinking) {
  auto* p = static_cast<unsigned char*>(kmalloc(10, GFP_KERNEL));
  for (unsigned i = 0; i < 10; ++i) p[i] = static_cast<unsigned char>(i);
  for (const size_t size : {100u, 5000u, 100000u, 1000000u, 300u, 10u}) {
    p = static_cast<unsigned char*>(krealloc(p, size, GFP_KERNEL));
    ASSERT_TRUE(p);
    ASSERT_GE(ksize(p), size);
    for (unsigned i = 0; i < 10; ++i) ASSERT_EQ(p[i], i) << size;
  }
  kfree(p);
}

TEST(Krealloc, of_NULL_it_allocates_and_to_nothing_it_frees) {
  void* p = krealloc(nullptr, 100, GFP_KERNEL);
  ASSERT_TRUE(p);
  EXPECT_EQ(krealloc(p, 0, GFP_KERNEL), ZERO_SIZE_PTR);
  void* again = krealloc(ZERO_SIZE_PTR, 8, GFP_KERNEL);
  EXPECT_TRUE(again);
  EXPECT_FALSE(ZERO_OR_NULL_PTR(again));
  kfree(again);
}

TEST(Krealloc, where_it_fails_the_block_stays) {
  auto* p = static_cast<char*>(kmalloc(16, GFP_KERNEL));
  strcpy(p, "still here");
  EXPECT_EQ(krealloc(p, SIZE_MAX / 2, GFP_KERNEL | __GFP_NOWARN), nullptr);
  EXPECT_EQ(krealloc_array(p, SIZE_MAX / 4, 8, GFP_KERNEL), nullptr);
  EXPECT_STREQ(p, "still here");
  kfree(p);
}

TEST(Krealloc, with_GFP_ZERO_all_growth_is_zero_also_after_shrinking) {
  auto* p = static_cast<unsigned char*>(kzalloc(60, GFP_KERNEL));
  memset(p, 0xff, 60);
  p = static_cast<unsigned char*>(krealloc(p, 20, GFP_KERNEL | __GFP_ZERO));
  p = static_cast<unsigned char*>(krealloc(p, 5000, GFP_KERNEL | __GFP_ZERO));
  for (unsigned i = 0; i < 5000; ++i) ASSERT_EQ(p[i], i < 20 ? 0xff : 0) << i;
  kfree(p);
}

TEST(KfreeSensitive, the_secret_is_gone_from_the_freed_block) {
  auto* p = static_cast<char*>(kmalloc(2000, GFP_KERNEL));
  strcpy(p + 1000, "secret");
  kfree_sensitive(p);
  auto* q = static_cast<char*>(kmalloc(2000, GFP_KERNEL));
  EXPECT_EQ(q, p) << "the test needs the same block again";
  EXPECT_EQ(memcmp(q + 1000, "\0\0\0\0\0\0", 6), 0);
  kfree(q);
  kfree_sensitive(nullptr);
  kfree_sensitive(ZERO_SIZE_PTR);
}

TEST(Kstrdup, a_copy_is_equal_and_the_callers_own) {
  char original[] = "a string";
  char* copy = kstrdup(original, GFP_KERNEL);
  ASSERT_TRUE(copy);
  original[0] = 'A';
  EXPECT_STREQ(copy, "a string");
  kfree(copy);
  copy = kstrdup("", GFP_KERNEL);
  EXPECT_STREQ(copy, "");
  kfree(copy);
  EXPECT_EQ(kstrdup(nullptr, GFP_KERNEL), nullptr);
}

TEST(Kstrndup, it_takes_at_most_so_many_characters_and_ends_the_string) {
  const struct {
    const char* source;
    size_t max;
    const char* want;
  } cases[] = {{"abcdef", 3, "abc"}, {"abc", 10, "abc"}, {"abc", 0, ""}, {"abc", SIZE_MAX, "abc"}};
  for (const auto& c : cases) {
    char* copy = kstrndup(c.source, c.max, GFP_KERNEL);
    EXPECT_STREQ(copy, c.want);
    kfree(copy);
  }
  EXPECT_EQ(kstrndup(nullptr, 3, GFP_KERNEL), nullptr);
  const char unended[3] = {'x', 'y', 'z'};  // what lies behind max must not be looked at
  char* copy = kstrndup(unended, 3, GFP_KERNEL);
  EXPECT_STREQ(copy, "xyz");
  kfree(copy);
}

TEST(Kmemdup, bytes_are_copied_whatever_they_are) {
  const char bytes[] = {1, 0, 2, 0, 3};
  void* copy = kmemdup(bytes, sizeof bytes, GFP_KERNEL);
  ASSERT_TRUE(copy);
  EXPECT_EQ(memcmp(copy, bytes, sizeof bytes), 0);
  kfree(copy);
  char* ended = kmemdup_nul("abcdef", 4, GFP_KERNEL);
  EXPECT_STREQ(ended, "abcd");
  kfree(ended);
  volatile size_t many = SIZE_MAX / 2;
  EXPECT_EQ(kmemdup_array(bytes, many, 4, GFP_KERNEL), nullptr);
}

TEST(Kasprintf, the_text_has_the_length_that_it_needs) {
  char* text = kasprintf(GFP_KERNEL, "%s-%d-%#x-%5u|%-5s|%c", "eth", -3, 255u, 42u, "ab", 'z');
  EXPECT_STREQ(text, "eth--3-0xff-   42|ab   |z");
  kfree(text);
  const std::string long_one(5000, 'q');
  text = kasprintf(GFP_KERNEL, "<%s>", long_one.c_str());
  EXPECT_EQ(text, "<" + long_one + ">");
  kfree(text);
  text = kasprintf(GFP_KERNEL, "%s", "");
  EXPECT_STREQ(text, "");
  kfree(text);
}

}  // namespace
