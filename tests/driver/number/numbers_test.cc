// Numbers from strings, sorting, hashes, checks, random numbers, identifiers.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <linux/bsearch.h>
#include <linux/crc-ccitt.h>
#include <linux/crc-itu-t.h>
#include <linux/crc16.h>
#include <linux/crc32c.h>
#include <linux/crc7.h>
#include <linux/crc8.h>
#include <linux/gcd.h>
#include <linux/hash.h>
#include <linux/hex.h>
#include <linux/jhash.h>
#include <linux/kstrtox.h>
#include <linux/lcm.h>
#include <linux/list_sort.h>
#include <linux/math64.h>
#include <linux/once.h>
#include <linux/random.h>
#include <linux/sort.h>
#include <linux/util_macros.h>
#include <linux/uuid.h>

namespace {

const unsigned char* bytes(const char* text) { return reinterpret_cast<const unsigned char*>(text); }

TEST(Kstrto, a_whole_string_is_the_number) {
  int value = 77;
  EXPECT_EQ(kstrtoint("-12\n", 10, &value), 0);
  EXPECT_EQ(value, -12);
  EXPECT_EQ(kstrtoint("0x1f", 0, &value), 0);
  EXPECT_EQ(value, 31);
  EXPECT_EQ(kstrtoint("017", 0, &value), 0);
  EXPECT_EQ(value, 15);
  EXPECT_EQ(kstrtoint("+5", 10, &value), 0);
  value = 77;
  for (const char* wrong : {"", "-", "1 ", " 1", "12x", "\n", "1\n\n", "0x", "--1"})
    EXPECT_EQ(kstrtoint(wrong, 0, &value), -22) << wrong;
  EXPECT_EQ(value, 77);
}
TEST(Kstrto, what_does_not_fit_is_out_of_range) {
  u8 byte;
  EXPECT_EQ(kstrtou8("255", 10, &byte), 0);
  EXPECT_EQ(kstrtou8("256", 10, &byte), -34);
  EXPECT_EQ(kstrtou8("-1", 10, &byte), -22);
  long long large;
  EXPECT_EQ(kstrtoll("-9223372036854775808", 10, &large), 0);
  EXPECT_EQ(large, INT64_MIN);
  EXPECT_EQ(kstrtoll("9223372036854775808", 10, &large), -34);
  unsigned long long wide;
  EXPECT_EQ(kstrtoull("18446744073709551615", 10, &wide), 0);
  EXPECT_EQ(kstrtoull("18446744073709551616", 10, &wide), -34);
}
TEST(Kstrto, a_users_string_may_have_a_wrong_address) {
  int value = 0;
  const char text[] = {'4', '2', '\n'};  // no NUL
  EXPECT_EQ(kstrtoint_from_user(text, sizeof(text), 10, &value), 0);
  EXPECT_EQ(value, 42);
  EXPECT_EQ(kstrtoint_from_user(reinterpret_cast<const char*>(16), 3, 10, &value), -14);
  u8 byte;
  EXPECT_EQ(kstrtou8_from_user("300", 3, 10, &byte), -34);
}
TEST(Kstrto, words_of_truth) {
  bool value = false;
  for (const char* yes : {"1", "y", "Yes", "on", "ON", "true"}) EXPECT_TRUE(kstrtobool(yes, &value) == 0 && value) << yes;
  for (const char* no : {"0", "n", "No", "off", "false"}) EXPECT_TRUE(kstrtobool(no, &value) == 0 && !value) << no;
  EXPECT_EQ(kstrtobool("maybe", &value), -22);
  EXPECT_EQ(kstrtobool("ox", &value), -22);
}
TEST(SimpleStrto, goes_as_far_as_it_can) {
  char* end;
  EXPECT_EQ(simple_strtoul("0x10z", &end, 0), 16u);
  EXPECT_STREQ(end, "z");
  EXPECT_EQ(simple_strtol("-7", nullptr, 10), -7);
}

int compare_ints(const void* a, const void* b) { return *static_cast<const int*>(a) - *static_cast<const int*>(b); }

TEST(Sort, arrays_of_every_size) {
  std::mt19937 random(1);
  for (size_t n = 0; n < 200; ++n) {
    std::vector<int> numbers(n);
    for (int& number : numbers) number = static_cast<int>(random() % 50);
    std::vector<int> wanted = numbers;
    std::sort(wanted.begin(), wanted.end());
    sort(numbers.data(), n, sizeof(int), compare_ints, nullptr);
    EXPECT_EQ(numbers, wanted);
    const int key = 25;
    const int* const found = static_cast<const int*>(__inline_bsearch(&key, numbers.data(), n, sizeof(int), compare_ints));
    EXPECT_EQ(found != nullptr, std::binary_search(wanted.begin(), wanted.end(), key));
    if (found) {
      EXPECT_EQ(*found, key);
    }
  }
}

struct Item {
  list_head links;
  int key, order;
};
TEST(ListSort, is_stable) {
  std::mt19937 random(2);
  for (size_t n : {0, 1, 2, 3, 7, 64, 100, 1000}) {
    std::vector<Item> items(n);
    LIST_HEAD(head);
    for (size_t i = 0; i < n; ++i) {
      items[i].key = static_cast<int>(random() % 10), items[i].order = static_cast<int>(i);
      list_add_tail(&items[i].links, &head);
    }
    list_sort(nullptr, &head, [](void*, const list_head* a, const list_head* b) {
      return list_entry(a, Item, links)->key - list_entry(b, Item, links)->key;
    });
    const Item* last = nullptr;
    size_t seen = 0;
    Item* item;
    list_for_each_entry(item, &head, links) {
      if (last) {
        EXPECT_TRUE(last->key < item->key || (last->key == item->key && last->order < item->order));
      }
      EXPECT_EQ(item->links.next->prev, &item->links);
      last = item, ++seen;
    }
    EXPECT_EQ(seen, n);
  }
}

TEST(Math, divisions_round_as_the_name_says) {
  EXPECT_EQ(DIV_ROUND_CLOSEST(7, 2), 4);
  EXPECT_EQ(DIV_ROUND_CLOSEST(-7, 2), -4);
  EXPECT_EQ(DIV_ROUND_CLOSEST(5u, 4u), 1u);
  EXPECT_EQ(mult_frac(1ul << 62, 3ul, 4ul), 3ul << 60);
  EXPECT_EQ(int_sqrt(99), 9u);
  EXPECT_EQ(int_sqrt(~0ul), 4294967295u);
  EXPECT_EQ(int_pow(3, 4), 81u);
  EXPECT_EQ(gcd(12, 18), 6u);
  EXPECT_EQ(gcd(0, 5), 5u);
  EXPECT_EQ(lcm(4, 6), 12u);
  EXPECT_EQ(mul_u64_u64_div_u64(~0ull, 10, 20), ~0ull / 2);
  EXPECT_EQ(mul_u64_u32_shr(1ull << 60, 16, 4), 1ull << 60);
  u64 n = 1000000007;
  EXPECT_EQ(do_div(n, 10), 7u);
  EXPECT_EQ(n, 100000000u);
  s32 rest;
  EXPECT_EQ(div_s64_rem(-7, 2, &rest), -3);
  EXPECT_EQ(rest, -1);
  EXPECT_EQ(reciprocal_scale(~0u, 10), 9u);
  const int steps[] = {0, 10, 20, 40};
  EXPECT_EQ(find_closest(14, steps, 4u), 1u);
  EXPECT_EQ(find_closest(39, steps, 4u), 3u);
}

// The check values of the catalogue of parametrised CRC algorithms, over "123456789".
TEST(Crc, agrees_with_the_catalogue) {
  const unsigned char* const digits = bytes("123456789");
  EXPECT_EQ(~crc32_le(~0u, digits, 9), 0xcbf43926u);
  EXPECT_EQ(~crc32_be(~0u, digits, 9), 0xfc891918u);
  EXPECT_EQ(~crc32c(~0u, digits, 9), 0xe3069283u);
  EXPECT_EQ(crc16(0, digits, 9), 0xbb3d);
  EXPECT_EQ(crc_ccitt(0, digits, 9), 0x2189);
  EXPECT_EQ(crc_itu_t(0, digits, 9), 0x31c3);
  EXPECT_EQ(crc_ccitt_false(0xffff, digits, 9), 0x29b1);
  EXPECT_EQ(crc7_be(0, digits, 9) >> 1, 0x75);
  DECLARE_CRC8_TABLE(table);
  crc8_populate_msb(table, 0x07);
  EXPECT_EQ(crc8(table, digits, 9, 0), 0xf4);
  crc8_populate_lsb(table, 0x8c);
  EXPECT_EQ(crc8(table, digits, 9, 0), 0xa1);
  EXPECT_EQ(crc32_le(crc32_le(~0u, digits, 4), digits + 4, 5), crc32_le(~0u, digits, 9));
}

TEST(Hash, uses_the_high_bits) {
  EXPECT_EQ(hash_32(1, 8), GOLDEN_RATIO_32 >> 24);
  EXPECT_EQ(hash_64(1, 16), GOLDEN_RATIO_64 >> 48);
  int in[16] = {};
  for (unsigned i = 0; i < 1600; ++i) ++in[hash_32(i * 4096, 4)];
  for (int n : in) EXPECT_NEAR(n, 100, 40);
}
TEST(Jhash, agrees_with_lookup3) {
  // hashlittle("Four score and seven years ago", 30, 0) of lookup3.c is 0x17770551.  The kernel's adds the same constant.
  EXPECT_EQ(jhash("Four score and seven years ago", 30, 0), 0x17770551u);
  EXPECT_EQ(jhash("Four score and seven years ago", 30, 1), 0xcd628161u);
  const u32 words[3] = {1, 2, 3};
  EXPECT_EQ(jhash2(words, 3, 9), jhash_3words(1, 2, 3, 9));
  EXPECT_EQ(jhash2(words, 3, 9), jhash(words, 12, 9));
  EXPECT_EQ(jhash2(words, 2, 9), jhash_2words(1, 2, 9));
  EXPECT_EQ(jhash2(words, 1, 9), jhash_1word(1, 9));
}

TEST(Random, numbers_below_a_ceiling_are_as_frequent) {
  int in[3] = {};
  for (int i = 0; i < 3000; ++i) ++in[get_random_u32_below(3)];
  for (int n : in) EXPECT_NEAR(n, 1000, 200);
  EXPECT_EQ(get_random_u32_below(0), 0u);
  for (int i = 0; i < 100; ++i) EXPECT_LE(get_random_u32_inclusive(5, 7) - 5, 2u);
  EXPECT_NE(get_random_u64(), get_random_u64());
}
TEST(Random, a_seed_gives_the_same_numbers) {
  rnd_state one, two;
  prandom_seed_state(&one, 42);
  prandom_seed_state(&two, 42);
  u8 a[10], b[10];
  prandom_bytes_state(&one, a, 10);
  prandom_bytes_state(&two, b, 10);
  EXPECT_EQ(memcmp(a, b, 10), 0);
  prandom_seed_state(&two, 43);
  EXPECT_NE(prandom_u32_state(&one), prandom_u32_state(&two));
}
int calls;
void called(int by) { calls += by; }
TEST(Once, the_first_passage_counts) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(DO_ONCE(called, 5), i == 0);
  EXPECT_EQ(calls, 5);
}

TEST(Uuid, text_becomes_bytes_in_the_order_of_its_type) {
  uuid_t id;
  guid_t guid;
  const char text[] = "00112233-4455-6677-8899-aabbccddeeff";
  ASSERT_EQ(uuid_parse(text, &id), 0);
  ASSERT_EQ(guid_parse(text, &guid), 0);
  const uuid_t wanted = UUID_INIT(0x00112233, 0x4455, 0x6677, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff);
  const guid_t wanted_guid = GUID_INIT(0x00112233, 0x4455, 0x6677, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff);
  EXPECT_TRUE(uuid_equal(&id, &wanted));
  EXPECT_TRUE(guid_equal(&guid, &wanted_guid));
  EXPECT_EQ(id.b[3], 0x33);
  EXPECT_EQ(guid.b[0], 0x33);
  EXPECT_EQ(uuid_parse("00112233-4455-6677-8899-aabbccddeefg", &id), -22);
  EXPECT_EQ(uuid_parse("short", &id), -22);
  EXPECT_TRUE(uuid_is_null(&uuid_null));
}
TEST(Uuid, new_ones_have_version_4) {
  uuid_t a, b;
  guid_t g;
  uuid_gen(&a);
  uuid_gen(&b);
  guid_gen(&g);
  EXPECT_EQ(a.b[6] >> 4, 4);
  EXPECT_EQ(a.b[8] >> 6, 2);
  EXPECT_EQ(g.b[7] >> 4, 4);
  EXPECT_FALSE(uuid_equal(&a, &b));
}
TEST(Hex, digits_both_ways) {
  u8 raw[3];
  EXPECT_EQ(hex2bin(raw, "00fFa5", 3), 0);
  EXPECT_EQ(raw[1], 0xff);
  EXPECT_EQ(hex2bin(raw, "0g", 1), -22);
  char text[7] = {};
  bin2hex(text, raw, 3);
  EXPECT_STREQ(text, "00ffa5");
}

}  // namespace
