// The small libraries of numbers and text: known values, and models.
#include "helpers.h"

#include <fnmatch.h>

#include <cerrno>
#include <cstring>
#include <random>

#include <linux/base64.h>
#include <linux/bitmap.h>
#include <linux/crc-ccitt.h>
#include <linux/crc-itu-t.h>
#include <linux/crc4.h>
#include <linux/glob.h>
#include <linux/iommu-helper.h>
#include <linux/libgcc.h>
#include <linux/linear_range.h>
#include <linux/packing.h>
#include <linux/polynomial.h>
#include <linux/siphash.h>
#include <linux/string.h>
#include <linux/stringhash.h>
#include <linux/ucs2_string.h>
#include <linux/win_minmax.h>
#include <linux/xxhash.h>

namespace {

TEST(Base64, the_letters_of_rfc_4648_without_padding) {
  const struct {
    const char *bytes, *letters;
  } known[] = {{"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"foob", "Zm9vYg"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& k : known) {
    char letters[16] = "";
    u8 bytes[16] = "";
    const int n = base64_encode(reinterpret_cast<const u8*>(k.bytes), static_cast<int>(strlen(k.bytes)), letters);
    EXPECT_EQ(std::string(letters, static_cast<size_t>(n)), k.letters);
    EXPECT_EQ(n, static_cast<int>(BASE64_CHARS(strlen(k.bytes))));
    EXPECT_EQ(base64_decode(letters, n, bytes), static_cast<int>(strlen(k.bytes)));
    EXPECT_STREQ(reinterpret_cast<char*>(bytes), k.bytes);
  }
  u8 to[16];
  EXPECT_EQ(base64_decode("Zm9=", 4, to), -1);
  EXPECT_EQ(base64_decode("Zm 9", 4, to), -1);
  EXPECT_EQ(base64_decode("Zn", 2, to), -1);  // bits that are left over
  EXPECT_EQ(base64_decode("+/+/", 4, to), 3);
}

TEST(Crc, four_bits_and_one_byte_at_a_time) {
  EXPECT_EQ(crc4(0, 0, 64), 0);
  EXPECT_EQ(crc4(0, 1, 4), 7);  // the polynomial without its highest bit
  EXPECT_EQ(crc4(0, 8, 4), crc4(crc4(0, 8, 4), 0, 0));
  EXPECT_EQ(crc4(0, 0x123, 12), crc4(crc4(crc4(0, 1, 4), 2, 4), 3, 4));
  EXPECT_EQ(crc4(0, ~0ull, 3), crc4(0, 7, 4));
  u16 crc = 0xffff;
  for (const u8 byte : {u8{'1'}, u8{'2'}, u8{'3'}}) crc = crc_itu_t_byte(crc, byte);
  EXPECT_EQ(crc, crc_itu_t(0xffff, reinterpret_cast<const u8*>("123"), 3));
  EXPECT_EQ(crc_itu_t(0xffff, reinterpret_cast<const u8*>("123456789"), 9), 0x29b1);
}

TEST(Glob, a_pattern_means_what_it_means_to_a_shell) {
  EXPECT_TRUE(glob_match("", ""));
  EXPECT_FALSE(glob_match("?", ""));
  EXPECT_TRUE(glob_match("*", "a/.b"));
  EXPECT_TRUE(glob_match("a\\*", "a*"));
  EXPECT_FALSE(glob_match("a\\*", "ab"));
  EXPECT_TRUE(glob_match("[]a-c]", "]"));
  EXPECT_TRUE(glob_match("[!]a-]", "b"));
  EXPECT_FALSE(glob_match("[!]a-]", "-"));
  EXPECT_TRUE(glob_match("[a", "[a"));
  EXPECT_TRUE(glob_match_len("a*c", "abcde", 3));
  EXPECT_FALSE(glob_match_len("abcd", "abcd", 3));
  std::mt19937 random(3);
  for (int i = 0; i < 50000; ++i) {
    std::string pattern, text;
    for (unsigned n = random() % 7; n > 0; --n) pattern += "ab*?*c"[random() % 6];
    if (random() & 1) pattern += random() & 1 ? "[a-b]" : "[!b]";
    for (unsigned n = random() % 9; n > 0; --n) text += "abc"[random() % 3];
    ASSERT_EQ(glob_match(pattern.c_str(), text.c_str()), !fnmatch(pattern.c_str(), text.c_str(), 0)) << pattern << " " << text;
  }
}

TEST(IommuHelper, a_run_crosses_no_boundary) {
  DECLARE_BITMAP(map, 64) = {};
  EXPECT_EQ(iommu_area_alloc(map, 64, 0, 6, 0, 8, 0), 0u);
  EXPECT_EQ(iommu_area_alloc(map, 64, 0, 6, 0, 8, 0), 8u);
  EXPECT_EQ(iommu_area_alloc(map, 64, 0, 2, 0, 8, 0), 6u);
  EXPECT_EQ(iommu_area_alloc(map, 64, 0, 6, 3, 8, 0), 14u);
  EXPECT_EQ(iommu_area_alloc(map, 64, 0, 6, 3, 8, 0), 21u);     // 3 + 21 is a multiple of 8
  EXPECT_EQ(iommu_area_alloc(map, 64, 60, 4, 0, 64, 0), ~0ul);  // the last is never given out
  EXPECT_EQ(iommu_area_alloc(map, 64, 60, 3, 0, 64, 0), 60u);
  EXPECT_EQ(iommu_area_alloc(map, 64, 0, 4, 0, 64, 15), 32u);
  EXPECT_TRUE(iommu_is_span_boundary(6, 3, 0, 8));
  EXPECT_FALSE(iommu_is_span_boundary(6, 2, 0, 8));
  EXPECT_EQ(iommu_num_pages(4095, 2, 4096), 2u);
  EXPECT_EQ(iommu_device_max_index(100, 10, 1000), 100u);
  EXPECT_EQ(iommu_device_max_index(100, 10, 49), 40u);
}

TEST(StringHash, a_name_at_once_and_by_character) {
  unsigned long hash = init_name_hash("salt");
  hash = partial_name_hash('a', hash);
  hash = partial_name_hash('b', hash);
  const char salted[] = "salt";
  EXPECT_EQ(full_name_hash(salted, "abc", 2), full_name_hash(salted, "abd", 2));
  EXPECT_NE(full_name_hash(salted, "abc", 3), full_name_hash(salted, "abd", 3));
  EXPECT_NE(full_name_hash(salted, "abc", 3), full_name_hash(nullptr, "abc", 3));
  unsigned long plain = partial_name_hash('b', partial_name_hash('a', init_name_hash(0)));
  EXPECT_EQ(full_name_hash(nullptr, "ab", 2), end_name_hash(plain));
  const u64 both = hashlen_string(nullptr, "abc");
  EXPECT_EQ(hashlen_len(both), 3u);
  EXPECT_EQ(hashlen_hash(both), full_name_hash(nullptr, "abc", 3));
}

TEST(LinearRange, selectors_and_numbers) {
  const linear_range r[] = {LINEAR_RANGE(100, 2, 5, 10), LINEAR_RANGE(200, 6, 6, 0), LINEAR_RANGE(300, 8, 9, 50)};
  unsigned value = 0, selector = 0;
  bool found = false;
  EXPECT_EQ(linear_range_values_in_range_array(r, 3), 7u);
  EXPECT_EQ(linear_range_get_max_value(&r[0]), 130u);
  EXPECT_EQ(linear_range_get_value(&r[0], 1, &value), -EINVAL);
  EXPECT_EQ(linear_range_get_value(&r[0], 4, &value), 0);
  EXPECT_EQ(value, 120u);
  EXPECT_EQ(linear_range_get_value_array(r, 3, 9, &value), 0);
  EXPECT_EQ(value, 350u);
  EXPECT_EQ(linear_range_get_value_array(r, 3, 7, &value), -EINVAL);
  EXPECT_EQ(linear_range_get_selector_low(&r[0], 99, &selector, &found), -EINVAL);
  EXPECT_EQ(linear_range_get_selector_low(&r[0], 119, &selector, &found), 0);
  EXPECT_TRUE(found);
  EXPECT_EQ(selector, 3u);
  EXPECT_EQ(linear_range_get_selector_low(&r[0], 131, &selector, &found), 0);
  EXPECT_FALSE(found);
  EXPECT_EQ(selector, 5u);
  EXPECT_EQ(linear_range_get_selector_low_array(r, 3, 200, &selector, &found), 0);
  EXPECT_TRUE(found);
  EXPECT_EQ(selector, 6u);
  EXPECT_EQ(linear_range_get_selector_low_array(r, 3, 250, &selector, &found), 0);
  EXPECT_FALSE(found);
  EXPECT_EQ(selector, 6u);
  EXPECT_EQ(linear_range_get_selector_low_array(r, 3, 50, &selector, &found), -EINVAL);
  EXPECT_EQ(linear_range_get_selector_high(&r[0], 111, &selector, &found), 0);
  EXPECT_TRUE(found);
  EXPECT_EQ(selector, 4u);
  EXPECT_EQ(linear_range_get_selector_high(&r[0], 1, &selector, &found), 0);
  EXPECT_FALSE(found);
  EXPECT_EQ(selector, 2u);
  EXPECT_EQ(linear_range_get_selector_high(&r[0], 131, &selector, &found), -EINVAL);
  for (const auto& [asked, told] : {std::pair{1u, 2u}, {111u, 3u}, {999u, 5u}}) {
    linear_range_get_selector_within(&r[0], asked, &selector);
    EXPECT_EQ(selector, told);
  }
}

struct Sensor {
  long total;
  polynomial_term terms[3];
};

TEST(Polynomial, terms_are_scaled_one_by_one) {
  const Sensor sensor = {2, {{2, 3, 10, 1}, {1, -4, 1, 2}, {0, 7, 1, 1}}};
  const auto* p = reinterpret_cast<const polynomial*>(&sensor);
  EXPECT_EQ(polynomial_calc(p, 20), (3 * 20 / 10 * 20 / 10 - 4 * 20 / 2 + 7) / 2);
  EXPECT_EQ(polynomial_calc(p, 0), 3);
  const Sensor plain = {0, {{1, 5, 3, 1}, {0, 1, 1, 1}, {}}};
  EXPECT_EQ(polynomial_calc(reinterpret_cast<const polynomial*>(&plain), 7), 5 / 3 * 7 + 5 % 3 * 7 / 3 + 1);
}

TEST(WinMinmax, the_best_of_a_window_is_found_again_when_it_leaves) {
  minmax m;
  minmax_reset(&m, 0, 50);
  EXPECT_EQ(minmax_running_max(&m, 100, 10, 40), 50u);
  EXPECT_EQ(minmax_running_max(&m, 100, 30, 45), 50u);
  EXPECT_EQ(minmax_running_max(&m, 100, 60, 30), 50u);
  EXPECT_EQ(minmax_running_max(&m, 100, 101, 20), 45u);
  EXPECT_EQ(minmax_running_max(&m, 100, 120, 60), 60u);
  EXPECT_EQ(minmax_running_max(&m, 100, 500, 1), 1u);  // nothing else is left
  EXPECT_EQ(minmax_get(&m), 1u);
  minmax_reset(&m, 0xfffffff0, 5);
  EXPECT_EQ(minmax_running_min(&m, 100, 0xfffffff8, 9), 5u);
  EXPECT_EQ(minmax_running_min(&m, 100, 5, 3), 3u);  // time has wrapped
  // The estimate is at least the true value of the window for a minimum, and never of a sample that has left.
  std::mt19937 random(5);
  std::vector<minmax_sample> all;
  for (u32 t = 0; t < 5000; t += 1 + random() % 9) {
    const u32 v = random() % 1000;
    all.push_back({t, v});
    const u32 told = all.size() == 1 ? minmax_reset(&m, t, v) : minmax_running_min(&m, 100, t, v);
    u32 least = ~0u;
    bool is_in_window = false;
    for (const minmax_sample& s : all) {
      if (t - s.t > 100) continue;
      least = std::min(least, s.v);
      is_in_window |= s.v == told;
    }
    ASSERT_GE(told, least);
    ASSERT_TRUE(is_in_window);
  }
}

TEST(Packing, fields_lie_where_the_quirks_say) {
  u8 buffer[8] = {};
  u64 value = 0xabc;
  ASSERT_EQ(packing(buffer, &value, 43, 32, 8, PACK, 0), 0);
  EXPECT_EQ(buffer[3], 0xbc);
  EXPECT_EQ(buffer[2], 0x0a);
  memset(buffer, 0, 8);
  ASSERT_EQ(packing(buffer, &value, 43, 32, 8, PACK, QUIRK_LITTLE_ENDIAN), 0);
  EXPECT_EQ(buffer[0], 0xbc);
  EXPECT_EQ(buffer[1], 0x0a);
  memset(buffer, 0, 8);
  ASSERT_EQ(packing(buffer, &value, 43, 32, 8, PACK, QUIRK_LSW32_IS_FIRST), 0);
  EXPECT_EQ(buffer[7], 0xbc);
  memset(buffer, 0, 8);
  value = 1;
  ASSERT_EQ(packing(buffer, &value, 0, 0, 8, PACK, QUIRK_MSB_ON_THE_RIGHT | QUIRK_LITTLE_ENDIAN | QUIRK_LSW32_IS_FIRST), 0);
  EXPECT_EQ(buffer[0], 0x80);
  for (u8 quirks = 0; quirks < 8; ++quirks) {
    memset(buffer, 0xff, 8);
    value = 0x5a5;
    ASSERT_EQ(packing(buffer, &value, 30, 17, 8, PACK, quirks), 0);
    u64 back = 9;
    ASSERT_EQ(packing(buffer, &back, 30, 17, 8, UNPACK, quirks), 0);
    EXPECT_EQ(back, value);
    ASSERT_EQ(packing(buffer, &back, 16, 0, 8, UNPACK, quirks), 0);
    EXPECT_EQ(back, 0x1ffffu);  // the neighbours are as they were
  }
  EXPECT_EQ(packing(buffer, &value, 1, 2, 8, PACK, 0), -EINVAL);
  EXPECT_EQ(packing(buffer, &value, 70, 5, 16, UNPACK, 0), -ERANGE);
  EXPECT_EQ(packing(buffer, &value, 64, 60, 8, UNPACK, 0), -ERANGE);
  value = 8;
  EXPECT_EQ(packing(buffer, &value, 2, 0, 8, PACK, 0), -ERANGE);
}

TEST(Ucs2, text_of_16_bits) {
  const ucs2_char_t text[] = {'a', 0xe9, 0x20ac, 'z', 0};
  EXPECT_EQ(ucs2_strlen(text), 4u);
  EXPECT_EQ(ucs2_strnlen(text, 2), 2u);
  EXPECT_EQ(ucs2_strsize(text, 9), 8u);
  EXPECT_EQ(ucs2_utf8size(text), 7u);
  u8 to[16];
  memset(to, 'x', sizeof(to));
  EXPECT_EQ(ucs2_as_utf8(to, text, sizeof(to)), 7u);
  EXPECT_STREQ(reinterpret_cast<char*>(to), "a\u00e9\u20acz");
  memset(to, 'x', sizeof(to));
  EXPECT_EQ(ucs2_as_utf8(to, text, 5), 3u);  // not a part of a character
  EXPECT_EQ(to[3], 0);
  memset(to, 'x', sizeof(to));
  EXPECT_EQ(ucs2_as_utf8(to, text, 6), 6u);
  EXPECT_EQ(to[6], 'x');
  const ucs2_char_t other[] = {'a', 0xe8, 0};
  EXPECT_GT(ucs2_strncmp(text, other, 3), 0);
  EXPECT_EQ(ucs2_strncmp(text, other, 1), 0);
}

TEST(Siphash, the_values_of_its_authors) {
  siphash_key_t key;
  hsiphash_key_t half;
  u8 data[64];
  for (u8 i = 0; i < 64; ++i) data[i] = i;
  memcpy(&key, data, 16);
  memcpy(&half, data, 16);
  EXPECT_EQ(siphash(data, 0, &key), 0x726fdb47dd0e0e31u);
  EXPECT_EQ(siphash(data, 15, &key), 0xa129ca6149be45e5u);
  EXPECT_EQ(hsiphash(data, 0, &half), 0x050fc4dcu);
  EXPECT_EQ(siphash_1u64(0x0706050403020100, &key), siphash(data, 8, &key));
  EXPECT_EQ(siphash_1u32(0x03020100, &key), siphash(data, 4, &key));
  EXPECT_EQ(siphash_2u32(0x03020100, 0x07060504, &key), siphash(data, 8, &key));
  EXPECT_EQ(siphash_3u32(0x03020100, 0x07060504, 0x0b0a0908, &key), siphash(data, 12, &key));
  EXPECT_EQ(siphash_4u32(0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c, &key), siphash(data, 16, &key));
  EXPECT_EQ(siphash_3u64(0x0706050403020100, 0x0f0e0d0c0b0a0908, 0x1716151413121110, &key), siphash(data, 24, &key));
  EXPECT_EQ(hsiphash_1u32(0x03020100, &half), hsiphash(data, 4, &half));
  EXPECT_EQ(hsiphash_3u32(0x03020100, 0x07060504, 0x0b0a0908, &half), hsiphash(data, 12, &half));
  u8 moved[65];
  memcpy(moved + 1, data, 64);
  EXPECT_EQ(siphash(moved + 1, 64, &key), siphash(data, 64, &key));
  EXPECT_FALSE(siphash_key_is_zero(&key));
}

TEST(Xxhash, known_values_at_once_and_in_pieces) {
  const char text[] = "Nobody inspects the spammish repetition";
  const size_t n = sizeof(text) - 1;
  EXPECT_EQ(xxh32("", 0, 0), 0x02cc5d05u);
  EXPECT_EQ(xxh64("", 0, 0), 0xef46db3751d8e999u);
  EXPECT_EQ(xxh32("abc", 3, 0), 0x32d153ffu);
  EXPECT_EQ(xxh64("abc", 3, 0), 0x44bc2cf5ad770999u);
  EXPECT_EQ(xxh32(text, n, 0), 0xe2293b2fu);
  EXPECT_EQ(xxh64(text, n, 0), 0xfbcea83c8a378bf1u);
  for (size_t piece = 1; piece < n; ++piece) {
    xxh32_state s32;
    xxh64_state s64, copy;
    xxh32_reset(&s32, 0);
    xxh64_reset(&s64, 0);
    for (size_t at = 0; at < n; at += piece) {
      const size_t now = std::min(piece, n - at);
      ASSERT_EQ(xxh32_update(&s32, text + at, now), 0);
      ASSERT_EQ(xxh64_update(&s64, text + at, now), 0);
    }
    xxh64_copy_state(&copy, &s64);
    ASSERT_EQ(xxh32_digest(&s32), 0xe2293b2fu);
    ASSERT_EQ(xxh64_digest(&copy), 0xfbcea83c8a378bf1u);
  }
  xxh64_state s;
  EXPECT_EQ(xxh64_update(&s, nullptr, 1), -EINVAL);
}

TEST(String, the_end_of_a_structure_is_filled) {
  struct {
    char one, two[3], three;
  } s;
  memset(&s, 1, sizeof(s));
  memset_after(&s, 7, two);
  EXPECT_EQ(s.two[2], 1);
  EXPECT_EQ(s.three, 7);
  memset_startat(&s, 8, two);
  EXPECT_EQ(s.one, 1);
  EXPECT_EQ(s.two[0], 8);
  EXPECT_EQ(s.three, 8);
}

TEST(Types, halves_of_a_long_long) {
  DWunion both;
  both.ll = 0x100000002;
  EXPECT_EQ(both.s.high, 1);
  EXPECT_EQ(both.s.low, 2);
  EXPECT_EQ(sizeof(word_type), sizeof(long));
}

}  // namespace
