#include "base/format.h"

#include <gtest/gtest.h>

#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

namespace kmem {
namespace {

/// What `write` puts into a roomy buffer.
template <typename F>
std::string written(F&& write) {
  char room[512];
  Text text{Span<char>(room)};
  write(text);
  EXPECT_EQ(text.cut(), 0u);
  EXPECT_EQ(std::strlen(text.data()), text.size());
  return text.data();
}

std::string printed(const char* format, ...) {
  va_list list;
  va_start(list, format);
  const std::string text = written([&](Text& t) { t.vprintf(format, list); });
  va_end(list);
  return text;
}

TEST(Format, a_new_text_is_empty_and_terminated) {
  char room[4] = {'x', 'x', 'x', 'x'};
  Text text{Span<char>(room)};
  EXPECT_STREQ(text.data(), "");
  EXPECT_EQ(text.size(), 0u);
}

TEST(Format, what_does_not_fit_is_cut_and_counted) {
  char room[6];
  Text text{Span<char>(room)};
  text.put("abc").put("defg");
  EXPECT_STREQ(text.data(), "abcde");
  EXPECT_EQ(text.cut(), 2u);
  EXPECT_EQ(text.total(), 7u);
  text.put('x').dec(12).fill('-', 10);
  EXPECT_STREQ(text.data(), "abcde");
  EXPECT_EQ(text.total(), 20u);
}

TEST(Format, the_byte_behind_the_buffer_stays_untouched) {
  char room[8];
  std::memset(room, '#', sizeof room);
  Text text{Span<char>(room, 4)};
  text.printf("%20d|%s", 7, "long string");
  EXPECT_EQ(std::string(room + 4, 4), "####");
  EXPECT_EQ(room[3], '\0');
}

TEST(Format, a_buffer_of_no_bytes_only_measures) {
  Text text{Span<char>()};
  text.printf("%s-%d", "abc", 12345);
  EXPECT_EQ(text.total(), 9u);
  EXPECT_EQ(text.size(), 0u);
  EXPECT_STREQ(text.data(), "");
}

TEST(Format, a_buffer_of_one_byte_holds_the_terminator) {
  char room[1];
  Text text{Span<char>(room)};
  text.put("abc");
  EXPECT_STREQ(text.data(), "");
  EXPECT_EQ(text.cut(), 3u);
}

TEST(Format, clear_starts_over) {
  TextOf<4> text;
  text.put("abcdef").clear();
  EXPECT_EQ(text.total(), 0u);
  EXPECT_STREQ(text.put("xy").data(), "xy");
}

TEST(Format, a_null_string_is_named) {
  EXPECT_EQ(written([](Text& t) { t.put(static_cast<const char*>(nullptr)); }), "(null)");
}

TEST(Format, numbers_in_decimal) {
  EXPECT_EQ(written([](Text& t) { t.dec(0).put(' ').dec(UINT64_MAX); }), "0 18446744073709551615");
  EXPECT_EQ(written([](Text& t) { t.dec_signed(INT64_MIN).put(' ').dec_signed(42); }), "-9223372036854775808 42");
  EXPECT_EQ(written([](Text& t) { t.dec_left(42, 5).put('|').dec_right(42, 5).put('|').dec_right(123456, 3); }),
            "42   |   42|123456");
}

TEST(Format, numbers_in_hexadecimal) {
  EXPECT_EQ(written([](Text& t) { t.hex(0).put(' ').hex(0xDEADBEEF); }), "0 deadbeef");
  EXPECT_EQ(written([](Text& t) { t.hex_padded(0xabc, 8).put(' ').hex_padded(0x12345, 2); }), "00000abc 12345");
}

TEST(Format, bytes_are_rounded_to_the_nearest_tenth_of_a_unit) {
  const auto bytes = [](uint64_t n) { return written([&](Text& t) { t.bytes(n); }); };
  EXPECT_EQ(bytes(0), "0 B");
  EXPECT_EQ(bytes(1023), "1023 B");
  EXPECT_EQ(bytes(1024), "1.0 KiB");
  EXPECT_EQ(bytes(1536), "1.5 KiB");
  EXPECT_EQ(bytes(12897484), "12.3 MiB");
  EXPECT_EQ(bytes(1048575), "1.0 MiB") << "1023.999 KiB carries into the next unit";
  EXPECT_EQ(bytes(uint64_t{5} << 40), "5.0 TiB");
  EXPECT_EQ(bytes(UINT64_MAX), "16.0 EiB");
}

TEST(Format, fixed_point_numbers_keep_their_zeros) {
  const auto fixed = [](uint64_t n, unsigned d) { return written([&](Text& t) { t.fixed(n, d); }); };
  EXPECT_EQ(fixed(12345, 3), "12.345");
  EXPECT_EQ(fixed(5, 3), "0.005");
  EXPECT_EQ(fixed(0, 2), "0.00");
  EXPECT_EQ(fixed(7, 0), "7");
  EXPECT_EQ(fixed(100, 2), "1.00");
}

TEST(Format, json_strings_are_escaped) {
  EXPECT_EQ(written([](Text& t) { t.json("a\"b\\c\n\t\x01z"); }), R"("a\"b\\c\n\t\u0001z")");
  EXPECT_EQ(written([](Text& t) { t.json("gr\xc3\xbc\xc3\x9f"); }), "\"gr\xc3\xbc\xc3\x9f\"");
  EXPECT_EQ(written([](Text& t) { t.json(nullptr); }), "null");
}

TEST(Format, bytes_that_are_not_utf8_become_replacement_characters) {
  EXPECT_EQ(written([](Text& t) { t.json("\xff"); }), R"("\ufffd")");
  EXPECT_EQ(written([](Text& t) { t.json("\xc3"); }), R"("\ufffd")") << "cut in the middle";
  EXPECT_EQ(written([](Text& t) { t.json("\xed\xa0\x80"); }), R"("\ufffd\ufffd\ufffd")") << "half a surrogate pair";
  EXPECT_EQ(written([](Text& t) { t.json("\xc0\xaf"); }), R"("\ufffd\ufffd")") << "longer than needed";
}

TEST(Format, any_bytes_at_all_give_a_json_string_that_a_parser_reads) {
  std::mt19937_64 random(20260411);
  for (int round = 0; round < 20'000; ++round) {
    char bytes[12];
    const size_t n = random() % (sizeof bytes + 1);
    for (size_t i = 0; i < n; ++i) bytes[i] = static_cast<char>(random() % 3 ? random() : 0xc0 + random() % 0x38);
    const std::string json = written([&](Text& t) { t.json_n(bytes, n); });
    ASSERT_TRUE(nlohmann::json::accept(json)) << json;
  }
}

TEST(Printf, the_conversions_of_kernel_messages) {
  EXPECT_EQ(printed("%s: %d of %u, %c", "slab", -3, 7u, 'x'), "slab: -3 of 7, x");
  EXPECT_EQ(printed("%ld %lu %lld %llu", -1L, 1UL, -2LL, 2ULL), "-1 1 -2 2");
  EXPECT_EQ(printed("%zu %zd %x %lx %llX %o", size_t{9}, ptrdiff_t{-9}, 255u, 255UL, 255ULL, 8u), "9 -9 ff ff FF 10");
  EXPECT_EQ(printed("%hhu %hd", 257u, 65535), "1 -1");
  EXPECT_EQ(printed("100%%"), "100%");
}

TEST(Printf, flags_width_and_precision) {
  EXPECT_EQ(printed("[%5d|%-5d|%05d|%+d|% d]", 42, 42, 42, 42, 42), "[   42|42   |00042|+42| 42]");
  EXPECT_EQ(printed("[%#x|%#o|%#X|%#x]", 255u, 8u, 255u, 0u), "[0xff|010|0XFF|0]");
  EXPECT_EQ(printed("[%.3d|%8.3d|%-8.3d|%.0d]", 5, 5, 5, 0), "[005|     005|005     |]");
  EXPECT_EQ(printed("[%*d|%-*d|%*d]", 4, 1, 4, 2, -4, 3), "[   1|2   |3   ]");
  EXPECT_EQ(printed("[%.*s|%10.2s|%-5s]", 3, "abcdef", "xyz", "ab"), "[abc|        xy|ab   ]");
  EXPECT_EQ(printed("[%.*s]", -1, "abc"), "[abc]") << "a negative precision counts as none";
}

TEST(Printf, a_string_with_a_precision_need_not_end) {
  const char letters[3] = {'a', 'b', 'c'};
  EXPECT_EQ(printed("%.3s", static_cast<const char*>(letters)), "abc");
}

TEST(Printf, pointers_look_as_the_kernel_prints_them) {
  const void* p = reinterpret_cast<const void*>(uintptr_t{0x7f12345678ab});
  EXPECT_EQ(printed("%p", p), "00007f12345678ab");
  EXPECT_EQ(printed("0x%px.", p), "0x00007f12345678ab.");
  EXPECT_EQ(printed("%p", static_cast<const void*>(nullptr)), "0000000000000000");
}

TEST(Printf, an_unknown_conversion_is_copied_and_takes_no_argument) {
  const char* odd = "%y %5k %d";
  EXPECT_EQ(printed(odd, 12), "%y %5k 12");
  const char* unfinished = "abc%";
  EXPECT_EQ(printed(unfinished), "abc%");
  const char* unfinished_too = "abc%-08";
  EXPECT_EQ(printed(unfinished_too), "abc%-08");
}

TEST(Printf, a_huge_width_costs_no_time_and_no_memory) {
  TextOf<16> text;
  text.printf("%*d", 2'000'000'000, 7);
  EXPECT_EQ(text.total(), 2'000'000'000u);
  EXPECT_EQ(text.size(), 15u);
}

/// Formats that C and we understand alike, with values that sit on the borders of their types.
class FormatFuzz {
 public:
  explicit FormatFuzz(uint64_t seed) : random_(seed) {}

  void one_round() {
    static const char* const kLengths[] = {"", "h", "hh", "l", "ll", "z"};
    std::string format = "<%";
    for (const char flag : std::string("-+ 0#"))
      if (random_() % 4 == 0) format += flag;
    if (random_() % 2) format += std::to_string(random_() % 30);
    if (random_() % 3 == 0) format += "." + std::to_string(random_() % 26);
    const size_t length = random_() % 6;
    format += kLengths[length];
    const char conversion = "diuxXo"[random_() % 6];
    format += conversion;
    format += ">";
    compare(format.c_str(), length);
  }

 private:
  uint64_t value() {
    const uint64_t any = random_() >> (random_() % 64);
    switch (random_() % 4) {
      case 0: return any;
      case 1: return -any;
      case 2: return uint64_t{1} << (random_() % 64);
      default: return random_() % 3 - 1;
    }
  }

  void compare(const char* format, size_t length) {
    const uint64_t v = value();
    if (length >= 3) expect_same(format, static_cast<unsigned long>(v));
    else expect_same(format, static_cast<unsigned>(v));
  }

  template <typename T>
  void expect_same(const char* format, T v) {
    char theirs[128], ours[128];
    const size_t room = 1 + random_() % sizeof ours;
    const int n = std::snprintf(theirs, room, format, v);
    Text text{Span<char>(ours, room)};
    text.printf(format, v);
    ASSERT_STREQ(text.data(), theirs) << format << " of " << v;
    ASSERT_EQ(text.total(), static_cast<size_t>(n)) << format << " of " << v;
  }

  std::mt19937_64 random_;
};

TEST(Printf, random_numbers_and_formats_agree_with_the_c_library) {
  FormatFuzz fuzz(20260412);
  for (int round = 0; round < 200'000 && !testing::Test::HasFatalFailure(); ++round) fuzz.one_round();
}

TEST(Printf, random_strings_agree_with_the_c_library) {
  std::mt19937_64 random(20260413);
  for (int round = 0; round < 50'000; ++round) {
    const std::string value(random() % 20, 'q');
    const std::string format = std::string("<%") + (random() % 2 ? "-" : "") + "*.*s>%c%%";
    const int width = static_cast<int>(random() % 40) - 20, precision = static_cast<int>(random() % 24) - 2;
    char theirs[64], ours[64];
    const size_t room = 1 + random() % sizeof ours;
    const int n = std::snprintf(theirs, room, format.c_str(), width, precision, value.c_str(), 'c');
    Text text{Span<char>(ours, room)};
    text.printf(format.c_str(), width, precision, value.c_str(), 'c');
    ASSERT_STREQ(text.data(), theirs) << format;
    ASSERT_EQ(text.total(), static_cast<size_t>(n)) << format;
  }
}

}  // namespace
}  // namespace kmem
