#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "report/texts.h"
#include "sample.h"

namespace kmem {
namespace {

using nlohmann::json;
using test::Sample;
using test::text_of;

json parsed(const SystemSnapshot& system) { return json::parse(text_of(put_json, system)); }

TEST(json, has_what_the_snapshot_has) {
  const json report = parsed(Sample().system);
  EXPECT_EQ(report["schema"], 1);
  EXPECT_EQ(report["version"], "0.1.0");
  EXPECT_EQ(report["process"], json::parse(R"({"pid": 4711, "parent": 4700, "name": "server",
                                               "resident": 31457280, "resident_peak": 94371840})"));
  EXPECT_EQ(report["machine"], json::parse(R"({"nr_cpus": 2, "nr_nodes": 1, "cpu_stack": "rseq", "page_size": 4096,
                                               "host_page_size": 4096, "boot_words": "mem=1G stats"})"));
  EXPECT_EQ(report["memory"], json::parse(R"({"bytes_in_use": 3145728, "bytes_peak": 73400320,
      "bytes_online": 134217728, "bytes_given_back": 62914560, "times_given_back": 30})"));
  EXPECT_EQ(report["mapped"], json::parse(R"({"count": 2, "bytes": 8388608, "bytes_peak": 16777216})"));
  EXPECT_EQ(report["paths"], json::parse(R"({"counted": true, "fast": 999000, "slow": 1000})"));
  EXPECT_EQ(report["check"], json::parse(R"({"done": false, "broken": "", "violations": [], "damaged_objects": 0})"));
}

TEST(json, says_how_often_memory_was_short) {
  Sample sample;
  sample.system.reclaim = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, true, 15, 16};
  EXPECT_EQ(parsed(sample.system)["reclaim"], json::parse(R"({"stalls": 1, "rounds": 2, "waits": 3, "balances": 4,
      "thread_wakes": 5, "thread_rounds": 6, "pressures": 7, "cache_pages": 8, "shrinkers": 9, "objects_scanned": 10,
      "objects_freed": 11, "ooms": 12, "failures": 13, "charged": 14, "shared": true, "others": 15,
      "looks": 16})"));
}

TEST(json, has_every_column_of_a_cache) {
  EXPECT_EQ(parsed(Sample().system)["caches"][0], json::parse(R"({"name": "kmalloc-64", "object_size": 64,
      "stride": 64, "objects_per_slab": 64, "pages_per_slab": 1, "active_objs": 1000, "num_objs": 1280,
      "active_slabs": 18, "num_slabs": 20, "limit": 126, "batchcount": 63, "shared": 4, "cached_objs": 253,
      "allocs": 600000, "frees": 399000, "slow_allocs": 700, "slow_frees": 300, "aliases": 3})"));
}

TEST(json, has_every_number_of_a_zone) {
  EXPECT_EQ(parsed(Sample().system)["zones"][1], json::parse(R"({"node": 0, "name": "Normal",
      "free_blocks": [12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2], "nr_free": 8179, "min": 60, "low": 75, "high": 90,
      "spanned": 28928, "present": 28900, "managed": 28800, "start_pfn": 4096, "protection": [0, 0, 0, 0, 0],
      "clean": 8000, "dirty": 179, "pcps": [{"cpu": 0, "count": 100, "high": 372, "batch": 62},
                                            {"cpu": 1, "count": 7, "high": 372, "batch": 62}]})"));
}

TEST(json, stays_valid_whatever_bytes_a_name_has) {
  Sample sample;
  for (unsigned byte = 1; byte < 256; ++byte) {
    sample.caches[0].name[0] = static_cast<char>(byte);
    EXPECT_NO_THROW(parsed(sample.system)) << byte;
  }
}

TEST(json, of_an_empty_system_is_valid) { EXPECT_EQ(parsed(SystemSnapshot{})["caches"], json::array()); }

TEST(json, names_every_mode_of_the_cpu_stacks) {
  EXPECT_STREQ(name_of(CpuStackMode::Rseq), "rseq");
  EXPECT_STREQ(name_of(CpuStackMode::PerThread), "per-thread");
  EXPECT_STREQ(name_of(CpuStackMode::Sim), "sim");
}

}  // namespace
}  // namespace kmem
