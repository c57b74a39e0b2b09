// <linux/bitops.h>, <linux/find.h>, <linux/bitmap.h>, <linux/bitfield.h>, <asm/byteorder.h>, <asm/unaligned.h>, <linux/log2.h>.
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <thread>

#include <asm/byteorder.h>
#include <asm/unaligned.h>
#include <linux/bcd.h>
#include <linux/bitfield.h>
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/bitrev.h>
#include <linux/cpumask.h>
#include <linux/log2.h>

namespace {

TEST(Bits, numbers_are_made_of_bits) {
  static_assert(BIT(3) == 8 && BIT_ULL(40) == 1ull << 40 && GENMASK(7, 4) == 0xf0 && GENMASK_ULL(63, 60) == 0xfull << 60);
  EXPECT_EQ(fls(0u), 0);
  EXPECT_EQ(fls(0x80000000u), 32);
  EXPECT_EQ(fls64(1ull << 40), 41);
  EXPECT_EQ(__ffs(0x50), 4u);
  EXPECT_EQ(ffz(0x0f), 4u);
  EXPECT_EQ(__fls(0x50), 6u);
  EXPECT_EQ(fns(0x51, 1), 4u);
  EXPECT_EQ(fns(0x51, 3), 64u);
  EXPECT_EQ(hweight32(0xf0f0), 8u);
  EXPECT_EQ(rol32(0x80000001, 1), 3u);
  EXPECT_EQ(ror8(1, 1), 0x80);
  EXPECT_EQ(rol64(5, 0), 5u);
  EXPECT_EQ(sign_extend32(0xff, 7), -1);
  EXPECT_EQ(sign_extend64(0x7f, 7), 127);
  EXPECT_EQ(get_count_order(5), 3);
}

TEST(Bits, tests_answer_what_was) {
  unsigned long map[2] = {};
  EXPECT_FALSE(test_and_set_bit(70, map));
  EXPECT_TRUE(test_and_set_bit(70, map));
  EXPECT_TRUE(test_bit(70, map));
  EXPECT_TRUE(test_and_clear_bit(70, map));
  EXPECT_FALSE(__test_and_change_bit(1, map));
  EXPECT_FALSE(test_and_set_bit_lock(64, map));
  clear_bit_unlock(64, map);
  EXPECT_EQ(map[0], 2u);
  EXPECT_EQ(map[1], 0u);
  EXPECT_EQ(set_mask_bits(&map[0], 6ul, 4ul), 4u);
  EXPECT_FALSE(bit_clear_unless(&map[0], 4ul, 4ul));
  EXPECT_TRUE(bit_clear_unless(&map[0], 4ul, 1ul));
}

TEST(Bits, threads_that_set_bits_of_one_word_lose_none) {
  unsigned long word = 0;
  std::thread other([&] {
    for (int i = 0; i < 32; ++i) set_bit(2 * i, &word);
  });
  for (int i = 0; i < 32; ++i) set_bit(2 * i + 1, &word);
  other.join();
  EXPECT_EQ(word, ~0ul);
}

/// Searches against a set of numbers.
TEST(Find, agrees_with_a_set) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    const unsigned size = 1 + random() % 300;
    unsigned long map[5] = {}, two[5] = {};
    std::set<unsigned long> bits;
    for (unsigned i = 0; i < size; ++i) {
      if (random() % 5 == 0) __set_bit(i, map), bits.insert(i);
      if (random() % 2 == 0) __set_bit(i, two);
    }
    map[4] |= ~0ul << 50;  // behind every size here: does not count
    const unsigned from = random() % size;
    const auto next = bits.lower_bound(from);
    EXPECT_EQ(find_next_bit(map, size, from), next == bits.end() ? size : *next);
    EXPECT_EQ(find_last_bit(map, size), bits.empty() ? size : *bits.rbegin());
    EXPECT_EQ(bitmap_weight(map, size), bits.size());
    unsigned long at;
    std::set<unsigned long> seen;
    for_each_set_bit(at, map, size) seen.insert(at);
    EXPECT_EQ(seen, bits);
    for_each_and_bit(at, map, two, size) EXPECT_TRUE(test_bit(at, map) && test_bit(at, two));
    for_each_clear_bit(at, map, size) EXPECT_FALSE(bits.count(at));
    if (!bits.empty()) {
      EXPECT_EQ(find_nth_bit(map, size, bits.size() - 1), *bits.rbegin());
    }
  }
}

TEST(Bitmap, two_maps_make_a_third) {
  const unsigned long a[2] = {0xff00, 1}, b[2] = {0x0ff0, 0};
  unsigned long to[2];
  EXPECT_TRUE(bitmap_and(to, a, b, 128));
  EXPECT_EQ(to[0], 0x0f00u);
  EXPECT_TRUE(bitmap_andnot(to, a, b, 65));
  EXPECT_EQ(to[1], 1u);
  EXPECT_FALSE(bitmap_and(to, a, b, 8));
  bitmap_or(to, a, b, 128);
  EXPECT_EQ(to[0], 0xfff0u);
  EXPECT_TRUE(bitmap_subset(b, to, 128));
  EXPECT_FALSE(bitmap_subset(a, b, 128));
  EXPECT_TRUE(bitmap_intersects(a, b, 128));
  EXPECT_TRUE(bitmap_equal(a, b, 4));
  EXPECT_FALSE(bitmap_equal(a, b, 9));
  bitmap_shift_left(to, a, 60, 128);
  EXPECT_EQ(to[1], 0x1000000000000ff0ul);
  bitmap_shift_right(to, a, 8, 128);
  EXPECT_EQ(to[0], 0xfful | 1ul << 56);
}

TEST(Bitmap, free_areas_are_found_at_their_alignment) {
  unsigned long map[2] = {};
  bitmap_set(map, 0, 10);
  EXPECT_EQ(bitmap_find_next_zero_area(map, 128, 0, 8, 0), 10u);
  EXPECT_EQ(bitmap_find_next_zero_area(map, 128, 0, 8, 7), 16u);
  EXPECT_GT(bitmap_find_next_zero_area(map, 128, 0, 120, 0), 128u);
  EXPECT_EQ(bitmap_find_free_region(map, 128, 3), 16);
  EXPECT_EQ(bitmap_allocate_region(map, 16, 3), -16);
  bitmap_release_region(map, 16, 3);
  EXPECT_EQ(bitmap_weight(map, 128), 10u);
  bitmap_clear(map, 0, 10);
  EXPECT_TRUE(bitmap_empty(map, 128));
}

TEST(Cpumask, sets_of_cpus_are_of_the_heap) {
  cpumask_var_t mask;
  ASSERT_TRUE(zalloc_cpumask_var(&mask, GFP_KERNEL));
  EXPECT_FALSE(cpumask_test_and_set_cpu(0, mask));
  EXPECT_TRUE(cpumask_subset(mask, cpu_possible_mask));
  EXPECT_EQ(cpumask_next_zero(-1, mask), 1u);
  cpumask_setall(mask);
  EXPECT_TRUE(cpumask_full(mask));
  free_cpumask_var(mask);
}

TEST(Byteorder, bytes_lie_as_the_name_says) {
  const u32 big = cpu_to_be32(0x01020304);
  EXPECT_EQ(reinterpret_cast<const u8*>(&big)[0], 1);
  const u64 little = cpu_to_le64(0x0102030405060708);
  EXPECT_EQ(reinterpret_cast<const u8*>(&little)[0], 8);
  u16 value = cpu_to_be16(7);
  be16_add_cpu(&value, 3);
  EXPECT_EQ(be16_to_cpu(value), 10);
  be16_to_cpus(&value);
  EXPECT_EQ(value, 10);
}

TEST(Unaligned, numbers_at_odd_addresses) {
  u8 bytes[9] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(get_unaligned_be16(bytes + 1), 0x0102);
  EXPECT_EQ(get_unaligned_le32(bytes + 1), 0x04030201u);
  EXPECT_EQ(get_unaligned_be24(bytes + 1), 0x010203u);
  put_unaligned_be64(0x1122334455667788, bytes + 1);
  EXPECT_EQ(bytes[1], 0x11);
  EXPECT_EQ(bytes[8], 0x88);
  put_unaligned(u16{0xabcd}, reinterpret_cast<u16*>(bytes + 3));
  EXPECT_EQ(get_unaligned(reinterpret_cast<u16*>(bytes + 3)), 0xabcd);
}

TEST(Bitfield, fields_go_in_and_come_out) {
  constexpr u32 kField = GENMASK(11, 4);
  EXPECT_EQ(FIELD_PREP(kField, 0x5a), 0x5a0u);
  EXPECT_EQ(FIELD_GET(kField, 0xf5afu), 0x5au);
  EXPECT_TRUE(FIELD_FIT(kField, 0xff));
  EXPECT_FALSE(FIELD_FIT(kField, 0x100));
  EXPECT_EQ(u32_replace_bits(0xffffffff, 1, kField), 0xfffff01fu);
  EXPECT_EQ(u32_get_bits(0x12345678, kField), 0x67u);
}

TEST(Log2, rounds_as_the_name_says) {
  static_assert(ilog2(1024) == 10 && roundup_pow_of_two(1025) == 2048 && rounddown_pow_of_two(1025) == 1024);
  EXPECT_EQ(order_base_2(1ul), 0);
  EXPECT_EQ(order_base_2(5ul), 3);
  EXPECT_EQ(bits_per(8ul), 4);
  EXPECT_TRUE(is_power_of_2(64));
  EXPECT_FALSE(is_power_of_2(0));
  EXPECT_EQ(bitrev8(0x01), 0x80);
  EXPECT_EQ(bitrev32(1), 0x80000000u);
  EXPECT_EQ(bcd2bin(0x59), 59);
  EXPECT_EQ(bin2bcd(59), 0x59);
}

}  // namespace
