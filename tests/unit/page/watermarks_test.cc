// The kernel's watermarks, to the frame.

#include "page/watermarks.h"

#include <gtest/gtest.h>

namespace kmem {
namespace {

constexpr uint64_t mib(uint64_t n) { return (n << 20) >> kPageShift; }
constexpr uint64_t kNormal = static_cast<uint64_t>(ZoneKind::Normal), kHighMem = static_cast<uint64_t>(ZoneKind::HighMem);

Watermarks alone(uint64_t nr_frames, uint64_t kbytes) {
  const ZoneSize zone[] = {{ZoneKind::Normal, {0}, nr_frames}};
  return watermarks_of(zone, 0, kbytes);
}

TEST(MinFreeKbytes, is_the_root_of_16_times_the_KiB_of_memory) {
  EXPECT_EQ(default_min_free_kbytes(mib(1024)), 4096u);
  EXPECT_EQ(default_min_free_kbytes(mib(2048)), 5792u) << "sqrt(2^21 * 16) = 5792.6";
}

TEST(MinFreeKbytes, is_neither_below_128_KiB_nor_above_256_MiB) {
  EXPECT_EQ(default_min_free_kbytes(mib(1) - 1), 128u);
  EXPECT_EQ(default_min_free_kbytes(0), 128u);
  EXPECT_EQ(default_min_free_kbytes(mib(4 << 20)), 262144u) << "4 TiB";
  EXPECT_EQ(default_min_free_kbytes(mib(8 << 20)), 262144u);
}

TEST(WatermarksTest, low_and_high_are_a_quarter_of_min_apart_or_a_thousandth_of_the_zone) {
  const Watermarks quarter = alone(mib(64), 8192);
  EXPECT_EQ(quarter.min, 2048u);
  EXPECT_EQ(quarter.low, 2560u);
  EXPECT_EQ(quarter.high, 3072u);
  const Watermarks thousandth = alone(mib(1024), 128);
  EXPECT_EQ(thousandth.min, 32u);
  EXPECT_EQ(thousandth.low, 32u + 262);
  EXPECT_EQ(thousandth.high, 32u + 2 * 262);
}

TEST(WatermarksTest, zones_share_the_minimum_by_size) {
  const ZoneSize zones[] = {{ZoneKind::Dma, {0}, 1000}, {ZoneKind::Normal, {0}, 3000}};
  EXPECT_EQ(watermarks_of(zones, 0, 400).min, 25u);
  EXPECT_EQ(watermarks_of(zones, 1, 400).min, 75u);
}

TEST(WatermarksTest, a_machine_without_frames_has_none) {
  const ZoneSize zones[] = {{ZoneKind::Normal, {0}, 0}};
  EXPECT_EQ(watermarks_of(zones, 0, 4096).min, 0u);
}

TEST(WatermarksTest, low_zones_keep_a_share_of_the_higher_ones_of_their_node) {
  const ZoneSize zones[] = {{ZoneKind::Dma, {0}, 4096},
                            {ZoneKind::Dma32, {0}, 16384},
                            {ZoneKind::Normal, {0}, 65536},
                            {ZoneKind::HighMem, {0}, 32000},
                            {ZoneKind::Normal, {1}, 99999}};
  const Watermarks dma = watermarks_of(zones, 0, 128), normal = watermarks_of(zones, 2, 128),
                   high = watermarks_of(zones, 3, 128);
  EXPECT_EQ(dma.lowmem_reserve[static_cast<unsigned>(ZoneKind::Dma)], 0u);
  EXPECT_EQ(dma.lowmem_reserve[static_cast<unsigned>(ZoneKind::Dma32)], 16384u / 256);
  EXPECT_EQ(dma.lowmem_reserve[kNormal], (16384u + 65536) / 256);
  EXPECT_EQ(dma.lowmem_reserve[kHighMem], (16384u + 65536 + 32000) / 256);
  EXPECT_EQ(normal.lowmem_reserve[kNormal], 0u);
  EXPECT_EQ(normal.lowmem_reserve[kHighMem], 32000u / 32);
  EXPECT_EQ(high.lowmem_reserve[kHighMem], 0u);
}

class MarksOf : public testing::Test {
 protected:
  MarksOf() {
    marks_.min = 100;
    marks_.low = 125;
    marks_.high = 150;
    marks_.lowmem_reserve[kNormal] = 10;
  }
  Watermarks marks_;
};

TEST_F(MarksOf, a_request_takes_what_is_above_its_floor_and_above_what_is_kept_from_it) {
  EXPECT_TRUE(marks_.let_take(111, 1, ZoneKind::Normal, {}));
  EXPECT_FALSE(marks_.let_take(110, 1, ZoneKind::Normal, {}));
  EXPECT_TRUE(marks_.let_take(101, 1, ZoneKind::Dma, {})) << "nothing is kept from requests that need this zone";
  EXPECT_FALSE(marks_.let_take(135, 1, ZoneKind::Normal, {.low = true}));
  EXPECT_TRUE(marks_.let_take(136, 1, ZoneKind::Normal, {.low = true}));
  EXPECT_TRUE(marks_.let_take(5, 5, ZoneKind::Normal, {.all = true})) << "the reserve is for such";
  EXPECT_FALSE(marks_.let_take(5, 6, ZoneKind::Normal, {.all = true}));
}

TEST_F(MarksOf, low_and_high_count_what_is_kept_from_ordinary_requests) {
  EXPECT_TRUE(marks_.is_low(134));
  EXPECT_FALSE(marks_.is_low(135));
  EXPECT_TRUE(marks_.is_low(197, 63));
  EXPECT_FALSE(marks_.is_low(198, 63));
  EXPECT_TRUE(marks_.is_high(168, 8, ZoneKind::Normal));
  EXPECT_FALSE(marks_.is_high(167, 8, ZoneKind::Normal));
  EXPECT_TRUE(marks_.is_high(158, 8, ZoneKind::Dma));
}

TEST_F(MarksOf, what_is_left_above_a_mark_is_never_below_zero) {
  EXPECT_EQ(marks_.above_min(115), 5u);
  EXPECT_EQ(marks_.above_min(110), 0u);
  EXPECT_EQ(marks_.above_min(0), 0u);
  EXPECT_EQ(marks_.above_low(140), 5u);
  EXPECT_EQ(marks_.above_low(3), 0u);
}

}  // namespace
}  // namespace kmem
