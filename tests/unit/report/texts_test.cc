#include "report/texts.h"

#include <gtest/gtest.h>

#include <regex>
#include <sstream>

#include "sample.h"

namespace kmem {
namespace {

using test::Sample;
using test::text_of;

TEST(slabinfo, is_the_kernels_version_2_1_to_the_byte) {
  Sample sample;
  sample.system.paths.counted = false;
  EXPECT_EQ(text_of(put_slabinfo, sample.system),
            "slabinfo - version: 2.1\n"
            "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> "
            "<batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n"
            "kmalloc-64          1000   1280     64   64    1 : tunables  126   63    4 : slabdata     18     20      2\n"
            "my_cache               0      0    320   12    1 : tunables    0    0    0 : slabdata      0      0      0\n");
}

TEST(slabinfo, has_the_kernels_columns_of_calls_where_those_were_counted) {
  std::istringstream text(text_of(put_slabinfo, Sample().system));
  std::string version, columns, first, second;
  std::getline(text, version);
  std::getline(text, columns);
  std::getline(text, first);
  std::getline(text, second);
  EXPECT_EQ(version, "slabinfo - version: 2.1 (statistics)");
  EXPECT_TRUE(columns.ends_with("<sharedavail> : cpustat <allochit> <allocmiss> <freehit> <freemiss>")) << columns;
  EXPECT_TRUE(first.ends_with(" : slabdata     18     20      2 : cpustat 599300    700 398700    300")) << first;
  EXPECT_TRUE(second.ends_with(" : cpustat      0      0      0      0")) << second;
}

/// What procps' reader asks of a line: a name without blanks, then numbers at fixed places.
TEST(slabinfo, has_lines_that_a_strict_reader_takes_whatever_the_names_are) {
  const std::regex line(R"(\S+ +\d+ +\d+ +\d+ +\d+ +\d+ : tunables +\d+ +\d+ +\d+ : slabdata +\d+ +\d+ +\d+)");
  Sample sample;
  sample.system.paths.counted = false;
  for (const char* name : {"", "a b", "tab\there", "\n", "a-name-of-thirty-one-characters."}) {
    __builtin_strncpy(sample.caches[0].name, name, sizeof sample.caches[0].name - 1);
    sample.caches[0].name[sizeof sample.caches[0].name - 1] = '\0';
    std::istringstream text(text_of(put_slabinfo, sample.system));
    std::string first, second, row;
    std::getline(text, first);
    std::getline(text, second);
    int rows = 0;
    for (; std::getline(text, row); ++rows) EXPECT_TRUE(std::regex_match(row, line)) << row;
    EXPECT_EQ(rows, 2);
  }
}

TEST(slabinfo, grows_a_column_that_is_too_narrow_instead_of_cutting_the_number) {
  Sample sample;
  sample.caches[0].active_objs = 123456789012;
  EXPECT_NE(text_of(put_slabinfo, sample.system).find("kmalloc-64        123456789012   1280"), std::string::npos);
}

TEST(buddyinfo, has_a_line_for_each_zone_with_pages) {
  EXPECT_EQ(text_of(put_buddyinfo, Sample().system),
            "Node 0, zone      DMA      1      0      1      0      0      0      0      0      0      0      0 \n"
            "Node 0, zone   Normal     12     11     10      9      8      7      6      5      4      3      2 \n");
}

TEST(pagetypeinfo, reports_every_free_block_as_unmovable) {
  const std::string text = text_of(put_pagetypeinfo, Sample().system);
  EXPECT_EQ(text.substr(0, text.find("Node    0, zone      DMA, type      Movable")),
            "Page block order: 9\n"
            "Pages per block:  512\n"
            "\n"
            "Free pages count per migrate type at order       0      1      2      3      4      5      6      7      8 "
            "     9     10 \n"
            "Node    0, zone      DMA, type    Unmovable      1      0      1      0      0      0      0      0      0 "
            "     0      0 \n");
  EXPECT_EQ(text.substr(text.find("\nNumber of blocks")),
            "\nNumber of blocks type     Unmovable      Movable  Reclaimable   HighAtomic      Isolate \n"
            "Node 0, zone      DMA            8            0            0            0            0 \n"
            "Node 0, zone   Normal           57            0            0            0            0 \n");
}

TEST(zoneinfo, is_the_kernels_to_the_byte) {
  const std::string text = text_of(put_zoneinfo, Sample().system);
  EXPECT_EQ(text.substr(text.find("Node 0, zone   Normal")),
            "Node 0, zone   Normal\n"
            "  pages free     8179\n"
            "        boost    0\n"
            "        min      60\n"
            "        low      75\n"
            "        high     90\n"
            "        spanned  28928\n"
            "        present  28900\n"
            "        managed  28800\n"
            "        cma      0\n"
            "        protection: (0, 0, 0, 0, 0)\n"
            "      nr_free_pages 8179\n"
            "      nr_free_clean 8000\n"
            "      nr_free_dirty 179\n"
            "  pagesets\n"
            "    cpu: 0\n"
            "              count:    100\n"
            "              high:     372\n"
            "              batch:    62\n"
            "  vm stats threshold: 0\n"
            "    cpu: 1\n"
            "              count:    7\n"
            "              high:     372\n"
            "              batch:    62\n"
            "  vm stats threshold: 0\n"
            "  node_unreclaimable:  0\n"
            "  start_pfn:           4096\n"
            "Node 0, zone  Movable\n"
            "  pages free     0\n"
            "        boost    0\n"
            "        min      32\n"
            "        low      32\n"
            "        high     32\n"
            "        spanned  0\n"
            "        present  0\n"
            "        managed  0\n"
            "        cma      0\n"
            "        protection: (0, 0, 0, 0, 0)\n");
  EXPECT_NE(text.find("protection: (0, 28928, 28928, 28928, 28928)"), std::string::npos);
}

TEST(meminfo, sums_the_zones_and_the_slabs) {
  EXPECT_EQ(text_of(put_meminfo, Sample().system),
            "MemTotal:         130560 kB\n"
            "MemFree:           32736 kB\n"
            "MemAvailable:      32420 kB\n"
            "Slab:                 80 kB\n"
            "SReclaimable:          0 kB\n"
            "SUnreclaim:           80 kB\n"
            "KmemOnline:       131072 kB\n"
            "KmemInUse:          3072 kB\n"
            "KmemPeak:          71680 kB\n"
            "KmemMapped:         8192 kB\n"
            "KmemPcp:             428 kB\n"
            "KmemFreeClean:     32000 kB\n"
            "KmemFreeDirty:       716 kB\n"
            "KmemGivenBack:     61440 kB\n");
}

/// Three areas, as a window would tell them.
bool next_sample_area(void*, uint64_t& cursor, AreaSnapshot& out) {
  AreaSnapshot areas[3];
  areas[0] = {0xffffc90000000000, 0xffffc90000005000, 0x5555deadbeef, 4, 0, "vmalloc", true, false, {1, 3}};
  areas[1] = {0xffffc90000005000, 0xffffc90000007000, 0x1234, 0, 0xfebf0000, "ioremap", false, false, {}};
  areas[2] = {0xffffc90000007000, 0xffffc90000009000, 0x1234, 1, 0, "vmalloc", false, true, {1}};
  if (cursor > 2) return false;
  out = areas[cursor++];
  return true;
}

TEST(vmallocinfo, has_a_line_for_each_area_as_the_kernel_writes_it) {
  Sample sample;
  EXPECT_EQ(text_of(put_vmallocinfo, sample.system), "") << "nobody has used the window";
  sample.system.window.next = next_sample_area;
  EXPECT_EQ(text_of(put_vmallocinfo, sample.system),
            "0xffffc90000000000-0xffffc90000005000   20480 0x5555deadbeef pages=4 vmalloc user N0=1 N1=3\n"
            "0xffffc90000005000-0xffffc90000007000    8192 0x1234 phys=0x00000000febf0000 ioremap\n"
            "0xffffc90000007000-0xffffc90000009000    8192 unpurged vm_area N0=1\n");
}

TEST(meminfo, tells_of_the_window_where_it_was_used) {
  Sample sample;
  sample.system.window.bytes = uint64_t{64} << 30;
  sample.system.window.pages = 256;
  EXPECT_NE(text_of(put_meminfo, sample.system).find("VmallocTotal:   67108864 kB\nVmallocUsed:        1024 kB\n"),
            std::string::npos)
      << text_of(put_meminfo, sample.system);
}

TEST(meminfo, takes_the_part_of_the_watermark_that_is_online) {
  Sample sample;
  sample.zones[1].spanned = 1 << 20;
  sample.zones[1].low = 1 << 14;  // more than the zone has online
  EXPECT_NE(text_of(put_meminfo, sample.system).find("MemAvailable:      30916 kB\n"), std::string::npos)
      << text_of(put_meminfo, sample.system);
}

TEST(every_text, of_an_empty_system_has_no_line_about_a_zone_or_cache) {
  const SystemSnapshot empty;
  EXPECT_EQ(text_of(put_buddyinfo, empty), "");
  EXPECT_EQ(text_of(put_zoneinfo, empty), "");
  EXPECT_EQ(text_of(put_slabinfo, empty).find("slabinfo - version: 2.1\n# name"), 0u);
}

TEST(every_text, says_how_much_room_it_lacked) {
  const Sample sample;
  for (auto* put : {put_slabinfo, put_buddyinfo, put_zoneinfo, put_pagetypeinfo, put_meminfo, put_vmallocinfo, put_json}) {
    Text measured(Span<char>{});
    put(measured, sample.system);
    EXPECT_EQ(measured.total(), text_of(put, sample.system).size());
  }
}

}  // namespace
}  // namespace kmem
